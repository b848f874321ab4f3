// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/ranking/budget.hpp>
#include <ptq/ranking/plan_variants.hpp>
#include <ptq/search/context.hpp>

#include <concepts>

namespace ptq {

/// What a search found.
struct search_result {
  group_set reverted{};
  stop_reason why = stop_reason::met;

  friend auto operator==(const search_result&, const search_result&) -> bool = default;
};

namespace detail {

template <class S>
concept searches = requires(const S& policy, search_context& in) {
  { policy(in) } -> std::convertible_to<search_result>;
};

} // namespace detail

/// Chooses the groups to revert: `operator()(ptq::search_context&) const -> ptq::search_result`.
///
/// @par Laws
/// - The same context gives the same result: it draws nothing that has no seed.
/// - `stop_reason::met` says that `judge` or `measure` found the result within the limits. Where
///   the measurement in full then finds otherwise, the search is called again; what was measured is
///   known, and costs nothing. If it then returns the same result again, the search ends with the
///   best plan that was seen.
template <class S>
concept search_strategy = std::copy_constructible<S> && detail::searches<S>;

/// Is `search_strategy<S>`, but fails to compile with a sentence.
template <class S>
consteval auto explain_search_strategy() -> bool {
  static_assert(
      detail::searches<S>,
      "a search provides `operator()(ptq::search_context&) const -> ptq::search_result`"
  );
  static_assert(std::copy_constructible<S>, "a search can be copied");
  return search_strategy<S>;
}

} // namespace ptq
