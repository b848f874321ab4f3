// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/request.hpp>
#include <ptq/core/blocks.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/kernel/extremes.hpp>
#include <ptq/statistics/exact_sum.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ptq::detail {

/// The mean of each channel over the samples: exact sums of what calibration keeps as well, so that
/// the order of the samples does not matter.
class channel_means {
public:
  void add(const tensor_view& shown, std::size_t axis) {
    const tensor_data copy = to_floats(shown);
    const tensor_view view = copy.view();
    std::vector<summary> found(view.extent(axis == last_axis ? view.rank() - 1 : axis));
    summarize(view, axis == last_axis ? view.rank() - 1 : axis, std::span<summary>(found));
    totals_.resize(count_ == 0 ? found.size() : totals_.size());
    if (totals_.size() != found.size()) {
      throw error("its channels changed from sample to sample");
    }
    for (std::size_t c = 0; c != found.size(); ++c) {
      if (found[c].has_nan || found[c].has_infinity) {
        throw error("the tensor holds NaN or infinity when the model runs under a plan");
      }
      totals_[c].add(static_cast<float>(found[c].mean()));
    }
    ++count_;
  }

  [[nodiscard]] auto value() const -> std::vector<double> {
    std::vector<double> result;
    for (const exact_sum& total : totals_) {
      result.push_back(total.value() / static_cast<double>(count_));
    }
    return result;
  }

private:
  std::vector<exact_sum> totals_{};
  std::uint64_t count_ = 0;
};

} // namespace ptq::detail
