// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/kernel/detail/channel_layout.hpp>
#include <ptq/kernel/detail/lanes.hpp>
#include <ptq/kernel/detail/simd.hpp>

#include <cstddef>

namespace ptq::detail {

inline constexpr float infinity = __builtin_inff();

/// What a sweep finds; `sum` is not used by the sweep for extremes alone.
struct swept {
  float low;
  float high;
  double sum;
  bool has_nan;
};

template <class Arch>
struct running_extremes {
  simd::floats<Arch> low = simd::floats<Arch>(infinity);
  simd::floats<Arch> high = simd::floats<Arch>(-infinity);

  // On x86 a NaN is passed over only if it comes first.
  [[gnu::always_inline]] void add(const simd::floats<Arch>& x) noexcept {
    low = xsimd::min(x, low);
    high = xsimd::max(x, high);
  }
};

/// One number at a time, once a NaN may be there: on Arm it has spread into the extremes.
template <class Arch>
[[gnu::noinline]] void
look_for_nan(const float* from, std::size_t size, std::size_t stride, swept& result) noexcept {
  result.low = infinity;
  result.high = -infinity;
  for (std::size_t i = 0; i != size; ++i) {
    const float x = from[i * stride];
    result.has_nan = result.has_nan || x != x;
    result.low = x < result.low ? x : result.low;
    result.high = x > result.high ? x : result.high;
  }
}

// Which zero a minimum of zeros is depends on their order.
template <class Arch>
[[gnu::always_inline]] inline void without_negative_zero(swept& result) noexcept {
  result.low += 0.0F;
  result.high += 0.0F;
}

template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto
extremes_of(const float* from, std::size_t size) noexcept -> swept {
  constexpr std::size_t width = simd::width<Arch>;
  swept result{infinity, -infinity, 0.0, false};
  if (size < width) {
    look_for_nan<Arch>(from, size, 1, result);
    without_negative_zero<Arch>(result);
    return result;
  }
  running_extremes<Arch> a;
  running_extremes<Arch> b;
  simd::mask<Arch> nan = simd::none<Arch>();
  std::size_t i = 0;
  for (; i + 4 * width <= size; i += 4 * width) {
    const auto x0 = simd::load<Arch>(from + i);
    const auto x1 = simd::load<Arch>(from + i + width);
    const auto x2 = simd::load<Arch>(from + i + 2 * width);
    const auto x3 = simd::load<Arch>(from + i + 3 * width);
    nan = nan | simd::unordered<Arch>(x0, x1) | simd::unordered<Arch>(x2, x3);
    a.add(x0);
    b.add(x1);
    a.add(x2);
    b.add(x3);
  }
  for (; i + width <= size; i += width) {
    const auto x = simd::load<Arch>(from + i);
    nan = nan | simd::unordered<Arch>(x, x);
    a.add(x);
  }
  const auto final = simd::load<Arch>(from + size - width);
  nan = nan | simd::unordered<Arch>(final, final);
  b.add(final);
  result.low = simd::least_of<Arch>(xsimd::min(a.low, b.low));
  result.high = simd::most_of<Arch>(xsimd::max(a.high, b.high));
  if (xsimd::any(nan)) [[unlikely]] {
    look_for_nan<Arch>(from, size, 1, result);
  }
  without_negative_zero<Arch>(result);
  return result;
}

template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto
summary_of(const float* from, std::size_t size) noexcept -> swept {
  constexpr std::size_t width = simd::width<Arch>;
  swept result{infinity, -infinity, 0.0, false};
  running_extremes<Arch> even;
  running_extremes<Arch> odd;
  lane_sums<Arch> sums;
  sums.clear();
  for_each_lane<Arch>(
      from,
      size,
      [&](std::size_t lane, const simd::floats<Arch>& x) __attribute__((always_inline)) {
        sums.lanes[lane] += x;
        (lane % 2 == 0 ? even : odd).add(x);
      },
      [&](std::size_t lane, const simd::floats<Arch>& x, std::size_t)
          __attribute__((always_inline)) { sums.lanes[lane] += x; },
      [&]() __attribute__((always_inline)) {
        result.sum += sums.total();
        sums.clear();
      }
  );
  const bool has_batch = size >= width;
  if (has_batch) {
    odd.add(simd::load<Arch>(from + size - width));
    result.low = simd::least_of<Arch>(xsimd::min(even.low, odd.low));
    result.high = simd::most_of<Arch>(xsimd::max(even.high, odd.high));
  }
  // A sum with a NaN is NaN, and so is one of both infinities.
  if (!has_batch || result.sum != result.sum) [[unlikely]] {
    look_for_nan<Arch>(from, size, 1, result);
  }
  without_negative_zero<Arch>(result);
  return result;
}

/// Rows of adjacent channels whose values are added up in binary32 before they go to a channel's
/// sum.
inline constexpr std::size_t rows_together = 8;

/// The sum of `rows_together` values, in a tree.
template <class Value>
[[nodiscard, gnu::always_inline]] inline auto sum_of_rows(const Value* x) noexcept -> Value {
  return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
}

/// Channels that lie next to each other, at most `most_columns` of them: whole rows are read, since
/// a column at a time would touch another page with every value, and what the columns have come to
/// is kept beside.
template <class Arch>
struct column_panel {
  static constexpr std::size_t width = simd::width<Arch>;
  static constexpr std::size_t half = width / 2;
  static constexpr std::size_t most_columns = 256;

  alignas(64) float low[most_columns];
  alignas(64) float high[most_columns];
  alignas(64) double sums[most_columns];

  /// @pre `columns` is a multiple of the width, and at most `most_columns`
  [[gnu::always_inline]] void
  run(const float* from, std::size_t rows, std::size_t row_stride, std::size_t columns) noexcept {
    for (std::size_t c = 0; c != columns; c += width) {
      simd::floats<Arch>(infinity).store_aligned(low + c);
      simd::floats<Arch>(-infinity).store_aligned(high + c);
      simd::doubles<Arch>(0.0).store_aligned(sums + c);
      simd::doubles<Arch>(0.0).store_aligned(sums + c + half);
    }
    std::size_t r = 0;
    for (; r + rows_together <= rows; r += rows_together) {
      add_rows<rows_together>(from + r * row_stride, row_stride, columns);
    }
    for (; r != rows; ++r) {
      add_rows<1>(from + r * row_stride, row_stride, columns);
    }
  }

private:
  template <std::size_t Rows>
  [[gnu::always_inline]] void
  add_rows(const float* from, std::size_t row_stride, std::size_t columns) noexcept {
    for (std::size_t c = 0; c != columns; c += width) {
      running_extremes<Arch> extremes;
      extremes.low = simd::floats<Arch>::load_aligned(low + c);
      extremes.high = simd::floats<Arch>::load_aligned(high + c);
      auto low_sum = simd::doubles<Arch>::load_aligned(sums + c);
      auto high_sum = simd::doubles<Arch>::load_aligned(sums + c + half);
      simd::floats<Arch> x[Rows];
      for (std::size_t r = 0; r != Rows; ++r) {
        const float* const at = from + r * row_stride + c;
        x[r] = simd::load<Arch>(at);
        extremes.add(x[r]);
        if constexpr (Rows != 1) {
          __builtin_prefetch(at + Rows * row_stride);
        }
      }
      if constexpr (Rows == 1) {
        simd::accumulate<Arch>(low_sum, high_sum, x[0]);
      } else {
        simd::accumulate<Arch>(low_sum, high_sum, sum_of_rows(x));
      }
      extremes.low.store_aligned(low + c);
      extremes.high.store_aligned(high + c);
      low_sum.store_aligned(sums + c);
      high_sum.store_aligned(sums + c + half);
    }
  }
};

/// Adjacent channels, a multiple of the width of them: `keep(channel, swept)` for each from `skip`
/// on.
template <class Arch, class Keep>
[[gnu::always_inline]] inline void summarize_columns(
    const float* from,
    std::size_t rows,
    std::size_t row_stride,
    std::size_t columns,
    std::size_t skip,
    Keep keep
) noexcept {
  using panel = column_panel<Arch>;
  panel state;
  for (std::size_t first = 0; first < columns; first += panel::most_columns) {
    const std::size_t left = columns - first;
    const std::size_t count = left < panel::most_columns ? left : panel::most_columns;
    state.run(from + first, rows, row_stride, count);
    for (std::size_t i = skip > first ? skip - first : 0; i < count; ++i) {
      swept result{state.low[i], state.high[i], state.sums[i], false};
      if (result.sum != result.sum) [[unlikely]] {
        look_for_nan<Arch>(from + first + i, rows, row_stride, result);
      }
      without_negative_zero<Arch>(result);
      keep(first + i, result);
    }
  }
}

/// One of few adjacent channels, with the sums of `column_panel`.
template <class Arch>
[[nodiscard, gnu::noinline]] auto
column_of(const float* from, std::size_t rows, std::size_t stride) noexcept -> swept {
  swept result{infinity, -infinity, 0.0, false};
  look_for_nan<Arch>(from, rows, stride, result);
  std::size_t r = 0;
  for (; r + rows_together <= rows; r += rows_together) {
    float x[rows_together];
    for (std::size_t i = 0; i != rows_together; ++i) {
      x[i] = from[(r + i) * stride];
    }
    result.sum += static_cast<double>(sum_of_rows(x));
  }
  for (; r != rows; ++r) {
    result.sum += static_cast<double>(from[r * stride]);
  }
  without_negative_zero<Arch>(result);
  return result;
}

/// @pre no extent is 0
template <class Arch, class Keep>
[[gnu::always_inline]] inline void
summarize_channels(const float* from, const channel_layout& layout, Keep keep) noexcept {
  constexpr std::size_t width = simd::width<Arch>;
  if (layout.inner == 1 && layout.channels >= width) {
    const std::size_t whole = layout.channels / width * width;
    summarize_columns<Arch>(from, layout.outer, layout.channels, whole, 0, keep);
    if (whole != layout.channels) {
      // The last batch overlaps the one before it.
      const std::size_t last = layout.channels - width;
      summarize_columns<Arch>(
          from + last,
          layout.outer,
          layout.channels,
          width,
          whole - last,
          [&](std::size_t c, const swept& found)
              __attribute__((always_inline)) { keep(last + c, found); }
      );
    }
    return;
  }
  if (layout.inner == 1) {
    for (std::size_t c = 0; c != layout.channels; ++c) {
      keep(c, column_of<Arch>(from + c, layout.outer, layout.channels));
    }
    return;
  }
  for (std::size_t c = 0; c != layout.channels; ++c) {
    swept all = summary_of<Arch>(from + c * layout.inner, layout.inner);
    for (std::size_t o = 1; o < layout.outer; ++o) {
      const swept row =
          summary_of<Arch>(from + (o * layout.channels + c) * layout.inner, layout.inner);
      all.low = row.low < all.low ? row.low : all.low;
      all.high = row.high > all.high ? row.high : all.high;
      all.sum += row.sum;
      all.has_nan = all.has_nan || row.has_nan;
    }
    keep(c, all);
  }
}

/// What is compiled once for each instruction set.
struct extremes_kernel {
  template <class Arch>
  void operator()(Arch, const float* from, std::size_t size, swept& result) const noexcept {
    result = extremes_of<Arch>(from, size);
  }
};

struct summary_kernel {
  template <class Arch>
  void operator()(Arch, const float* from, std::size_t size, swept& result) const noexcept {
    result = summary_of<Arch>(from, size);
  }

  template <class Arch, class Summary>
  void operator()(Arch, const float* from, const channel_layout& layout, Summary* results)
      const noexcept {
    const std::size_t count = layout.outer * layout.inner;
    summarize_channels<Arch>(
        from,
        layout,
        [&](std::size_t c, const swept& found) __attribute__((always_inline)) {
          results[c].low = found.low;
          results[c].high = found.high;
          results[c].sum = found.sum;
          results[c].count = count;
          results[c].has_nan = found.has_nan;
          results[c].has_infinity = found.low == -infinity || found.high == infinity;
        }
    );
  }
};

} // namespace ptq::detail
