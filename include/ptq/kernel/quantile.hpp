// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/quantile_position.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/kernel/detail/quantile_kernel.hpp>
#include <ptq/kernel/running_tail.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <xsimd/xsimd.hpp>

namespace ptq {

namespace detail {

/// Adds to the tails what of `values` belongs there: to `below` the values with their signs
/// changed. Is any of them NaN?
template <class Arch, bool Magnitudes>
auto sift_into(std::span<const float> values, running_tail<Arch>& below, running_tail<Arch>& above)
    -> bool {
  constexpr std::size_t most = 1024;
  std::array<float, most + 1> found_below;
  std::array<float, most + 1> found_above;
  sifted to{0.0F, 0.0F, found_below.data(), found_above.data(), 0, 0, false};
  std::size_t block = 64; // Short at first, so that there are thresholds soon.
  for (std::size_t from = 0; from < values.size();) {
    to.low = -below.threshold();
    to.high = above.threshold();
    to.below_count = 0;
    to.above_count = 0;
    const std::size_t count = std::min(block, values.size() - from);
    sift_kernel<Magnitudes>{}(Arch{}, values.data() + from, count, to);
    below.add(std::span(found_below).first(to.below_count));
    above.add(std::span(found_above).first(to.above_count));
    from += count;
    block = std::min(2 * block, most);
  }
  return to.has_nan;
}

[[noreturn]] inline void refuse_nan() {
  throw error("a value is NaN, which has no place in an order", "quantile_of");
}

inline void check_share(double q) {
  if (!(q >= 0.0 && q <= 1.0)) {
    throw error(
        "a quantile is of a share from 0 to 1, not " + std::to_string(q), "quantile_of", "q"
    );
  }
}

/// Of keys, which are lost.
template <class Arch>
auto quantile_of_keys(std::span<std::uint32_t> keys, const quantile_position& at) -> float {
  ranked_keys found{};
  rank_kernel{}(Arch{}, keys.data(), keys.size(), at.below, found);
  return static_cast<float>(at.between(
      static_cast<double>(float_of_key(found.key)), static_cast<double>(float_of_key(found.next))
  ));
}

/// Of few values: all their keys are made.
template <class Arch>
auto quantile_of_few(std::span<const float> values, const quantile_position& at) -> float {
  std::vector<std::uint32_t> keys(values.size());
  bool has_nan = false;
  std::ranges::transform(values, keys.begin(), [&has_nan](float x) {
    has_nan = has_nan || x != x;
    return key_of_float(x);
  });
  if (has_nan) {
    refuse_nan();
  }
  return quantile_of_keys<Arch>(keys, at);
}

/// From the greatest of `count` values, or, with their signs changed, from the least.
template <class Arch>
auto quantile_of_tail(
    const running_tail<Arch>& tail, std::size_t count, const quantile_position& at, bool upper
) -> float {
  const value_range<float> found = tail.at(upper ? count - 1 - at.below : at.above());
  if (upper) {
    return static_cast<float>(
        at.between(static_cast<double>(found.low), static_cast<double>(found.high))
    );
  }
  // With the signs changed, the upper of the two values is the one further in.
  const double high = -static_cast<double>(found.low);
  const double low = at.share == 0.0 ? high : -static_cast<double>(found.high);
  return static_cast<float>(at.between(low, high));
}

/// Near an end: few values are kept.
template <class Arch>
auto quantile_of_end(std::span<const float> values, const quantile_position& at, bool upper)
    -> float {
  running_tail<Arch> none(0);
  running_tail<Arch> tail(upper ? values.size() - at.below : at.above() + 1);
  if (sift_into<Arch, false>(values, upper ? none : tail, upper ? tail : none)) {
    refuse_nan();
  }
  return quantile_of_tail(tail, values.size(), at, upper);
}

/// Anywhere: the values are counted by the leading bits of their keys, and those that share them
/// with the value sought are gathered.
template <class Arch>
auto quantile_of_many(std::span<const float> values, const quantile_position& at) -> float {
  constexpr float most = std::numeric_limits<float>::infinity();
  std::vector<std::uint32_t> counts(std::size_t{1} << counted_bits);
  bool has_nan = false;
  key_histogram_kernel{}(Arch{}, values.data(), values.size(), counts.data(), has_nan);
  if (has_nan) {
    refuse_nan();
  }
  std::size_t before = 0;
  std::uint32_t first = 0;
  for (; before + counts[first] <= at.below; ++first) {
    before += counts[first];
  }
  std::size_t size = counts[first];
  std::uint32_t last = first;
  while (before + size <= at.above()) {
    size += counts[++last];
  }
  // The first and the last keys of all are those of NaNs, which `max` and `min` take as their
  // second argument only, and that of a negative zero is not used:
  // it compares as the positive one does, which has its place in the next bin.
  constexpr std::uint32_t negative_zero = 0x7FFFFFFFU;
  std::uint32_t end = last << shift_to_counted | ((std::uint32_t{1} << shift_to_counted) - 1);
  end -= end == negative_zero ? 1U : 0U;
  const float low = std::max(-most, float_of_key(first << shift_to_counted));
  const float high = std::min(most, float_of_key(end));
  std::vector<std::uint32_t> keys(size + 1);
  std::size_t found = 0;
  gather_kernel{}(Arch{}, values.data(), values.size(), low, high, keys.data(), found);
  return quantile_of_keys<Arch>(
      std::span(keys).first(size), quantile_position{at.below - before, at.share}
  );
}

} // namespace detail

/// The exact `q`-quantile of `values`: linear between the two values that are next to it in order.
///
/// @par Definition
/// Of `n` values in order, `s[k] + (p - k) (s[k + 1] - s[k])` with `p = q (n - 1)`, `k = floor(p)`,
/// in binary64 and rounded to binary32. A zero is positive.
/// @throws error if there is no value, if one is NaN, if `q` is not in [0, 1].
/// @par Complexity
/// One or two sweeps, and memory for the values beyond the quantile if it is near an end, otherwise
/// for those that share 14 leading bits with it.
/// @par Determinism
/// The same bits for any order of the values and on any instruction set.
/// @see numpy.quantile, method `linear`
template <class Arch = xsimd::default_arch>
[[nodiscard]] auto quantile_of(std::span<const float> values, double q) -> float {
  detail::check_share(q);
  if (values.empty()) {
    throw error("no values have no quantile", "quantile_of");
  }
  const quantile_position at = quantile_position::of(values.size(), q);
  constexpr std::size_t few = 512;
  const std::size_t above = values.size() - at.below;
  float result = 0.0F;
  if (values.size() <= few) {
    result = detail::quantile_of_few<Arch>(values, at);
  } else if (std::min(at.below, above) < values.size() / 256) {
    result = detail::quantile_of_end<Arch>(values, at, above <= at.below);
  } else {
    result = detail::quantile_of_many<Arch>(values, at);
  }
  return result + 0.0F;
}

/// The `q`-quantile of each channel of `axis`.
/// @throws error if `x` has no such axis, a channel no value or one that is NaN, or `channels`
///   another size than the axis.
template <class Arch = xsimd::default_arch>
void quantiles_of(const tensor_view& x, std::size_t axis, double q, std::span<float> channels) {
  if (axis >= x.rank() || channels.size() != x.extent(axis)) {
    throw error(
        "a tensor of shape " + shape_text(x) + ", axis " + std::to_string(axis) +
            ", and room for " + std::to_string(channels.size()) + " channels",
        "quantile_of"
    );
  }
  std::vector<float> values;
  for (std::size_t c = 0; c != channels.size(); ++c) {
    values.clear();
    for_each_block(x.at(axis, c), std::nullopt, [&](std::size_t, std::span<const float> block) {
      values.insert(values.end(), block.begin(), block.end());
    });
    channels[c] = quantile_of<Arch>(values, q);
  }
}

} // namespace ptq
