// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/kernel/detail/channel_layout.hpp>
#include <ptq/kernel/detail/histogram_kernel.hpp>
#include <ptq/kernel/extremes.hpp>
#include <ptq/statistics/log_histogram.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <xsimd/xsimd.hpp>

namespace ptq {

namespace detail {

// Below so many values, clearing and adding up the tables costs more than they save.
inline constexpr std::size_t values_worth_tables = 4096;

inline void check_countable(const extremes& found) {
  if (found.has_nan || found.has_infinity()) {
    throw error(found.has_nan ? "the values hold NaN" : "the values hold infinity", "count");
  }
}

/// @pre what is counted was covered
template <class Arch>
void count_covered(std::span<const float> values, log_histogram& in) {
  if (values.size() < values_worth_tables) {
    for (const float value : values) {
      in.add_covered(value);
    }
    return;
  }
  constexpr std::size_t stride = log_histogram::bins + 1;
  constexpr std::size_t most = std::size_t{1} << 30; // as many as a table can count
  std::vector<std::uint32_t> counts(histogram_tables::count * 2 * stride);
  while (!values.empty()) {
    const std::span part = values.first(std::min(values.size(), most));
    histogram_kernel{
    }(Arch{},
      part.data(),
      part.size(),
      {counts.data(), stride, in.first_position(), 23 - log_histogram::mantissa_bits});
    for (std::size_t i = 0; i != 2 * stride; ++i) {
      for (std::size_t table = 1; table != histogram_tables::count; ++table) {
        counts[i] += counts[table * 2 * stride + i];
      }
    }
    const std::span<const std::uint32_t> all(counts);
    in.add_counts(all.subspan(stride, stride), all.first(stride));
    values = values.subspan(part.size());
    if (!values.empty()) {
      std::ranges::fill(counts, 0);
    }
  }
}

} // namespace detail

/// Counts `values` in a histogram.
///
/// @par Determinism
/// The same histogram on every architecture, for any order of the values.
/// @throws error, and counts nothing, if one is NaN or infinite
template <class Arch = xsimd::default_arch>
void count(std::span<const float> values, log_histogram& in) {
  if (values.empty()) {
    return;
  }
  const extremes found = extremes_of<Arch>(values);
  detail::check_countable(found);
  in.cover(found.low, found.high);
  detail::count_covered<Arch>(values, in);
}

/// Counts each channel of `axis` in a histogram of its own.
/// @param x  float32
/// @throws error, and counts nothing, if `x` is not so, holds NaN or infinity, or `channels` has
///   another size than the axis
template <class Arch = xsimd::default_arch>
void count(const tensor_view& x, std::size_t axis, std::span<log_histogram> channels) {
  if (x.type() != element_type::f32 || axis >= x.rank() || channels.size() != x.extent(axis)) {
    throw error(
        std::string(name_of(x.type())) + " tensor of shape " + shape_text(x) + ", axis " +
            std::to_string(axis) + ", and " + std::to_string(channels.size()) + " histograms",
        "count"
    );
  }
  if (x.size() == 0) {
    return;
  }
  const auto layout = detail::layout_of(x, axis);
  if (!layout) {
    const std::vector<float> dense = detail::gathered<Arch, float>(x);
    return count<Arch>(detail::row_major_view(dense, x), axis, channels);
  }
  std::vector<summary> found(channels.size());
  summarize<Arch>(x, axis, std::span<summary>(found));
  for (const summary& each : found) {
    detail::check_countable({each.low, each.high, each.has_nan});
  }
  for (std::size_t c = 0; c != channels.size(); ++c) {
    channels[c].cover(found[c].low, found[c].high);
  }
  const auto* const from = x.data_as<float>();
  for (std::size_t o = 0; o != layout->outer; ++o) {
    for (std::size_t c = 0; c != layout->channels; ++c) {
      const float* const row = from + (o * layout->channels + c) * layout->inner;
      detail::count_covered<Arch>({row, layout->inner}, channels[c]);
    }
  }
}

} // namespace ptq
