// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/value_range.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ptq {

namespace detail {

template <class P, class T>
concept starts_an_estimation = requires(const P& policy) { policy.template start<T>(); };

template <class P, class T>
using estimation_of = decltype(std::declval<const P&>().template start<T>());

template <class S, class T>
concept observes_a_span_of_values =
    requires(S& state, std::span<const T> values) { state.observe(values); };

template <class S, class T>
concept yields_a_value_range = requires(const S& state) {
  { state.range() } -> std::same_as<value_range<T>>;
};

template <class P, class T>
concept reads_a_range_off_an_estimation =
    requires(const P& policy, const estimation_of<P, T>& state) {
      { policy.range(state) } -> std::same_as<value_range<T>>;
    };

template <class P, class T>
concept yields_a_range_somehow =
    yields_a_value_range<estimation_of<P, T>, T> || reads_a_range_off_an_estimation<P, T>;

template <class S>
concept expects_values = requires(S& state, std::size_t count) { state.expect(count); };

/// Tells an estimation how many values are to come, if it wants to know.
template <class S>
void expect_values(S& state, std::size_t count) {
  if constexpr (expects_values<S>) {
    state.expect(count);
  }
}

template <class P>
concept has_a_key = requires(const P& policy) { std::string(policy.key()); };

template <class P>
concept is_told_apart = has_a_key<P> || std::is_empty_v<P>;

template <class T>
constexpr auto type_name() -> std::string_view {
  std::string_view name = __PRETTY_FUNCTION__;
  name.remove_prefix(name.find("T = ") + 4);
  return name.substr(0, name.find_first_of(";]"));
}

} // namespace detail

/// Reduces one sample of one tensor, or of one channel of it, to a range.
///
/// A policy: a regular value whose `start<T>()` begins an estimation. The estimation observes the
/// values in blocks of any size and yields a range, through its own `range()` or through the
/// policy's `range(estimation)`. How the ranges of many samples become one is an aggregator's work.
/// An estimation with `expect(std::size_t)` is told how many values are to come, where that is
/// known, before it observes them.
///
/// @par Laws
/// - The range does not depend on how the values are cut into blocks.
/// - Observing an empty span changes nothing.
/// - Policies with equal keys give equal ranges. A policy with data members has `key() const ->
///   std::string`, which names their values too; for an empty one the name of its type serves.
template <class P, class T = float>
concept range_estimator = std::regular<P> && detail::starts_an_estimation<P, T> &&
                          std::copyable<detail::estimation_of<P, T>> &&
                          detail::observes_a_span_of_values<detail::estimation_of<P, T>, T> &&
                          detail::yields_a_range_somehow<P, T> && detail::is_told_apart<P>;

/// Is `range_estimator<P, T>`, but fails to compile with one sentence for each missing piece.
template <class P, class T = float>
consteval auto explain_range_estimator() -> bool {
  static_assert(
      std::regular<P>,
      "a range estimator is a regular value: default constructible, copyable and equality "
      "comparable"
  );
  static_assert(
      detail::starts_an_estimation<P, T>,
      "a range estimator provides start<T>() const, which begins one estimation"
  );
  static_assert(
      detail::is_told_apart<P>,
      "a range estimator with data members provides `key() const -> std::string`, which names "
      "their "
      "values"
  );
  if constexpr (detail::starts_an_estimation<P, T>) {
    static_assert(std::copyable<detail::estimation_of<P, T>>, "an estimation is copyable");
    static_assert(
        detail::observes_a_span_of_values<detail::estimation_of<P, T>, T>,
        "an estimation provides `observe(std::span<const T>)`"
    );
    static_assert(
        detail::yields_a_range_somehow<P, T>,
        "an estimation provides `range() const -> ptq::value_range<T>`, or its policy "
        "`range(estimation) const`"
    );
  }
  return range_estimator<P, T>;
}

/// The name under which the statistics keep an estimator's numbers. Estimators that share a name
/// share one accumulation.
template <range_estimator P>
[[nodiscard]] auto key_of(const P& policy) -> std::string {
  if constexpr (detail::has_a_key<P>) {
    return std::string(policy.key());
  } else {
    return std::string(detail::type_name<P>());
  }
}

/// The range that an estimation has come to.
template <class T, range_estimator<T> P>
[[nodiscard]] auto range_of(const P& policy, const detail::estimation_of<P, T>& state)
    -> value_range<T> {
  if constexpr (detail::reads_a_range_off_an_estimation<P, T>) {
    return policy.range(state);
  } else {
    return state.range();
  }
}

/// Makes one number of the numbers of all samples: `operator()(std::span<const float>) const ->
/// float`, given them in the order of the sample indices, at least one.
template <class A>
concept aggregator = std::regular<A> && requires(const A& policy, std::span<const float> values) {
  { policy(values) } -> std::convertible_to<float>;
};

/// Is `aggregator<A>`, but fails to compile with a sentence.
template <class A>
consteval auto explain_aggregator() -> bool {
  static_assert(
      std::regular<A>,
      "an aggregator is a regular value: default constructible, copyable and equality comparable"
  );
  static_assert(
      aggregator<A>, "an aggregator provides `operator()(std::span<const float>) const -> float`"
  );
  return aggregator<A>;
}

} // namespace ptq
