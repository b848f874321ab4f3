// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/check_options.hpp>
#include <ptq/core/error.hpp>
#include <ptq/range/concept.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace ptq::aggregate {

/// First each batch of consecutive samples, then the batches: `OfBatches` of what `OfSamples` makes
/// of `size` samples at a time. The last batch may be smaller, and weighs as much as the others.
///
/// `in_batches<mean, max>{.size = 10}` is the mean over batches of ten of the greatest number in
/// each: what statistics yield that are reduced over a whole batch inside the network.
/// `in_batches<mean, mean>` differs from `mean` only where the last batch is smaller.
/// @see POT, `stat_batch_size` and `inplace_statistics`
template <class OfBatches, class OfSamples>
struct in_batches {
  static_assert(explain_aggregator<OfBatches>());
  static_assert(explain_aggregator<OfSamples>());

  std::size_t size = 1; ///< Samples in a batch. At least 1.
  OfBatches of_batches{};
  OfSamples of_samples{};

  [[nodiscard]] constexpr auto operator()(std::span<const float> values) const -> float {
    std::vector<float> batches;
    for (std::size_t from = 0; from < values.size(); from += size) {
      const std::size_t count = std::min(size, values.size() - from);
      batches.push_back(static_cast<float>(of_samples(values.subspan(from, count))));
    }
    return static_cast<float>(of_batches(std::span<const float>(batches)));
  }

  void check_options() const {
    if (size == 0) {
      throw error("a batch has at least one sample", {}, "size");
    }
    ptq::detail::check_options_of(of_batches);
    ptq::detail::check_options_of(of_samples);
  }

  friend constexpr auto operator==(const in_batches&, const in_batches&) -> bool = default;
};

} // namespace ptq::aggregate
