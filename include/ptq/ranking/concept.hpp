// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/check_options.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/range/concept.hpp>
#include <ptq/ranking/question.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>

namespace ptq {

namespace detail {

template <class R, class G, class E>
concept scores_with_the_engine =
    requires(const R& policy, const G& graph, const plan& now, const group& what, E& evaluator) {
      { policy.score(graph, now, what, evaluator) } -> std::convertible_to<double>;
    };

template <class R>
concept scores_by_measuring =
    requires(const R& policy, const plan& now, const group& what, measure_ref measure) {
      { policy.score(now, what, measure) } -> std::convertible_to<double>;
    };

// A ranking with `static constexpr bool compares_outputs = true` needs an engine that shows them.
template <class R, class G, class E>
concept finds_what_it_compares =
    !(requires { R::compares_outputs; }) || plan_evaluator_for<std::remove_const_t<E>, G>;

template <class R>
concept orders_groups = requires(const R& policy, const ranking_question& of) {
  { policy.order(of) } -> std::convertible_to<ranked_groups>;
};

/// What tells the scores of a policy from those of others in a state.
template <class R>
auto question_of(const R& policy, std::size_t group) -> std::string {
  std::string result = "score of group " + std::to_string(group) + " by ";
  result += type_name<R>();
  if constexpr (has_a_key<R>) {
    result += ' ' + std::string(policy.key());
  }
  return result;
}

} // namespace detail

/// The order in which groups are reverted.
///
/// A type with one member function: `score(const graph&, const ptq::plan&, const ptq::group&,
/// evaluator&) const -> double` or `score(const ptq::plan&, const ptq::group&, ptq::measure_ref)
/// const -> double`, of a group that is quantized under the plan; the highest is reverted first.
/// Or, for those that look at all groups together, `order(const ptq::ranking_question&) const ->
/// ptq::ranked_groups`.
///
/// A `score` that depends on data members has `key() const -> std::string`, which names their
/// values: a search that is resumed takes scores of the same type and key from its state.
///
/// @par Laws
/// - The same question has the same answer.
/// - `order` lists each group that is still quantized once.
template <class R, class G, class E>
concept group_ranking_for = std::copy_constructible<R> &&
                            (detail::scores_with_the_engine<R, G, E> ||
                             detail::scores_by_measuring<R> || detail::orders_groups<R>) &&
                            detail::finds_what_it_compares<R, G, E>;

/// Is `group_ranking_for<R, G, E>`, but fails to compile with a sentence.
template <class R, class G, class E>
consteval auto explain_group_ranking() -> bool {
  static_assert(
      detail::scores_with_the_engine<R, G, E> || detail::scores_by_measuring<R> ||
          detail::orders_groups<R>,
      "a ranking provides `score(const graph&, const ptq::plan&, const ptq::group&, evaluator&) "
      "const -> double`, or `score(const ptq::plan&, const ptq::group&, ptq::measure_ref) const -> "
      "double`, or `order(const ptq::ranking_question&) const -> ptq::ranked_groups`"
  );
  static_assert(std::copy_constructible<R>, "a ranking can be copied");
  static_assert(
      detail::finds_what_it_compares<R, G, E>,
      "this ranking compares the outputs under plans: choose another, as ptq::ranking::by_metric, "
      "or provide `observe(const graph&, const ptq::plan&, std::span<const ptq::tap<graph>>, const "
      "ptq::samples&, show)`"
  );
  return group_ranking_for<R, G, E>;
}

/// A ranking behind one type.
using ranker = std::function<ranked_groups(const ranking_question&)>;

/// The ranker of a policy on the user's graph and evaluator; all three must outlive it.
/// @throws error for an option that no run could use.
template <class R, class G, class E>
[[nodiscard]] auto ranker_of(const R& policy, const G& graph, E& evaluator) -> ranker {
  detail::check_options_of(policy);
  if constexpr (detail::orders_groups<R>) {
    return [&policy](const ranking_question& of) { return ranked_groups(policy.order(of)); };
  } else {
    return [&policy, &graph, &evaluator](const ranking_question& of) {
      static_cast<void>(graph); // not every `score` takes them
      static_cast<void>(evaluator);
      const plan& now = of.variants.of(of.reverted);
      ranked_groups result;
      for (const std::size_t g : of.variants.quantized(of.reverted)) {
        const group& what = of.variants.groups()[g];
        const double score = of.meter.answer(now, detail::question_of(policy, g), [&]() -> double {
          if constexpr (detail::scores_with_the_engine<R, G, E>) {
            return policy.score(graph, now, what, evaluator);
          } else {
            return policy.score(now, what, measure_ref(of.meter));
          }
        });
        result.order.push_back({g, score});
      }
      sort_by_score(result);
      return result;
    };
  }
}

} // namespace ptq
