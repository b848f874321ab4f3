// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/range/concept.hpp>
#include <ptq/range/one_of.hpp>
#include <ptq/statistics/log_histogram.hpp>

#include <concepts>
#include <cstdint>
#include <span>

namespace ptq {

/// For what kind of grid a range is sought: what the error of a range depends on.
struct target_grid {
  tensor_kind kind = tensor_kind::activations;
  ptq::mode mode = symmetric;
  std::int64_t levels = 256;

  friend constexpr auto operator==(const target_grid&, const target_grid&) -> bool = default;
};

namespace detail {

template <class P>
concept ranges_a_histogram =
    requires(const P& policy, const log_histogram& histogram, const target_grid& target) {
      { policy.range(histogram, target) } -> std::same_as<value_range<float>>;
    };

template <class P>
concept ranges_all_values = requires(
    const P& policy,
    std::span<const float> values,
    std::span<const float> masses,
    const target_grid& target
) {
  { policy.range(values, masses, target) } -> std::same_as<value_range<float>>;
};

template <class P>
inline constexpr bool wants_masses = false;
template <class P>
  requires P::uses_masses
inline constexpr bool wants_masses<P> = ranges_all_values<P>;
template <class... Policies>
inline constexpr bool wants_masses<one_of<Policies...>> = (wants_masses<Policies> || ...);

} // namespace detail

/// Reduces the histogram of all values, of all samples, to one range: `range(const log_histogram&,
/// const target_grid&) const -> value_range<float>`. There is nothing left for an aggregator to do.
///
/// @par Laws
/// - The range is finite, its low end not above the high one, whatever histogram that is not empty.
/// - Where the target is symmetric, the low end is minus the high one, or 0 if no value is
/// negative.
/// - Policies that are equal give equal ranges.
template <class P>
concept distribution_estimator = std::regular<P> && detail::ranges_a_histogram<P>;

/// Reduces all values of one constant, or of one channel of it, to a range: `range(values, masses,
/// const target_grid&) const -> value_range<float>`, both of them `std::span<const float>`.
///
/// The masses say how much the error of each value counts; where there are none, all count alike.
/// One that wants them has `static constexpr bool uses_masses = true`.
template <class P>
concept constant_estimator = std::regular<P> && detail::ranges_all_values<P>;

/// Is `distribution_estimator<P>`, but fails to compile with a sentence.
template <class P>
consteval auto explain_distribution_estimator() -> bool {
  static_assert(
      std::regular<P>,
      "a distribution estimator is a regular value: default constructible, copyable and equality "
      "comparable"
  );
  static_assert(
      distribution_estimator<P> || !range_estimator<P>,
      "a range estimator sees one sample: put it into ptq::low<...> and ptq::high<...>, which "
      "aggregate"
  );
  static_assert(
      distribution_estimator<P> || range_estimator<P>,
      "a distribution estimator provides `range(const ptq::log_histogram&, const "
      "ptq::target_grid&) const -> ptq::value_range<float>`"
  );
  return distribution_estimator<P>;
}

/// Is `constant_estimator<P>`, but fails to compile with a sentence.
template <class P>
consteval auto explain_constant_estimator() -> bool {
  static_assert(
      constant_estimator<P>,
      "an estimator over all values of a constant is a regular value with `range("
      "std::span<const float> values, std::span<const float> masses, const ptq::target_grid&) "
      "const -> ptq::value_range<float>`"
  );
  return constant_estimator<P>;
}

} // namespace ptq
