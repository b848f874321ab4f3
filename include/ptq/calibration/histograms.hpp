// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/request.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/kernel/histogram.hpp>
#include <ptq/statistics/statistics.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ptq::detail {

/// The histograms of the tensors that are shown, whatever their sample: none is kept by sample.
class shown_histograms {
public:
  /// How many channels the tensor had so far; 0 if it was not shown.
  [[nodiscard]] auto channels(std::size_t tensor, std::optional<std::size_t> axis) const
      -> std::size_t {
    const auto found = histograms_.find({tensor, axis});
    return found == histograms_.end() ? 0 : found->second.size();
  }

  /// @pre floats without gaps, finite, with the channels of before
  void count(std::size_t tensor, std::optional<std::size_t> axis, const tensor_view& view) {
    std::vector<log_histogram>& mine = histograms_[{tensor, axis}];
    if (axis) {
      mine.resize(view.extent(*axis));
      ptq::count(view, *axis, std::span<log_histogram>(mine));
    } else {
      mine.resize(1);
      ptq::count(std::span<const float>(view.data_as<float>(), view.size()), mine.front());
    }
  }

  /// Gives all to the statistics, as those of so many samples.
  template <class NameOf>
  void give(statistics& to, std::uint64_t samples, NameOf name_of) && {
    for (auto& [key, channels] : histograms_) {
      to.add(
          {name_of(key.first), statistic_key(histogram_key, key.second)},
          statistics::counted{samples, std::move(channels)}
      );
    }
    histograms_.clear();
  }

private:
  std::map<std::pair<std::size_t, std::optional<std::size_t>>, std::vector<log_histogram>>
      histograms_{};
};

} // namespace ptq::detail
