// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/samples.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/evaluator/metric.hpp>
#include <ptq/evaluator/show.hpp>
#include <ptq/graph/concept.hpp>
#include <ptq/plan/plan.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

namespace ptq {

/// Opt in to being an evaluator: with `using ptq_evaluator = void;` in the class, or by
/// specialising this.
template <class E>
inline constexpr bool enable_evaluator = requires { typename E::ptq_evaluator; };

namespace detail {

template <class E>
concept counts_its_samples = requires(const E& evaluator) {
  { evaluator.sample_count() } -> std::convertible_to<std::size_t>;
};

template <class E, class G>
concept observes_the_float_graph = requires(
    E& evaluator,
    const G& graph,
    std::span<const tap<G>> taps,
    const samples& range,
    show_ref<typename G::node_id> show
) { evaluator.observe(graph, taps, range, show); };

template <class E, class G>
concept observes_under_a_plan = requires(
    E& evaluator,
    const G& graph,
    const plan& under,
    std::span<const tap<G>> taps,
    const samples& range,
    show_ref<typename G::node_id> show
) { evaluator.observe(graph, under, taps, range, show); };

template <class E, class G>
concept measures_metrics =
    requires(E& evaluator, const G& graph, const plan& under, const samples& range) {
      { evaluator.measure(graph, under, range) } -> std::convertible_to<measurement>;
    };

template <class E, class G>
concept runs_parts = requires(
    E& evaluator,
    const G& graph,
    const plan& under,
    typename G::node_id node,
    std::span<const tensor_view> inputs,
    show_ref<typename G::node_id> show
) { evaluator.run_part(graph, under, node, inputs, show); };

struct has_run_part {
  void run_part();
};

template <class E>
struct also_has_run_part : E, has_run_part {};

template <class E>
concept mentions_run_part =
    std::is_class_v<E> && !std::is_final_v<E> && !requires { &also_has_run_part<E>::run_part; };

struct has_measure {
  void measure();
};

template <class E>
struct also_has_measure : E, has_measure {};

// `measure` is there under any signature iff its name is ambiguous with that of another base. This
// sees overload sets and templates, which `&E::measure` does not.
template <class E>
concept mentions_measure =
    std::is_class_v<E> && !std::is_final_v<E> && !requires { &also_has_measure<E>::measure; };

} // namespace detail

/// The user's engine: runs the graph on samples and shows tensors.
///
/// The least is `observe(const graph&, std::span<const ptq::tap<graph>>, const ptq::samples&,
/// show)`: run each sample in floating point and call `show(sample, tap, view)` for each tap. An
/// `observe` that takes a plan before the taps serves as well.
///
/// @par Laws
/// - Each tap is shown for each sample of the range; the tensor is the one that the node produced,
///   before any quantizer on it.
/// - The same call shows the same bits.
/// - `observe` may be left early once `show` answered `ptq::enough`.
///
/// @see docs/describe-your-engine.md
template <class E, class G>
concept evaluator_for =
    graph<G> && enable_evaluator<E> && detail::counts_its_samples<E> &&
    (detail::observes_the_float_graph<E, G> || detail::observes_under_a_plan<E, G>);

/// An evaluator that runs the graph under a plan: `observe(const graph&, const ptq::plan&,
/// std::span<const ptq::tap<graph>>, const ptq::samples&, show)`.
template <class E, class G>
concept plan_evaluator_for = evaluator_for<E, G> && detail::observes_under_a_plan<E, G>;

/// An evaluator that also computes one operation alone, from values that it is given:
/// `run_part(const graph&, const ptq::plan&, node_id, std::span<const ptq::tensor_view>, show)`.
/// Corrections that go from operation to operation then run each sample once, not once for each.
///
/// @par Laws
/// - `inputs` are the values of the node's inputs that are connected and not constant, in the order
///   of its ports, as `observe` showed them: before any quantizer. Axis 0 is the sample.
/// - The plan's quantizers on the node's inputs and its constants apply.
/// - The node's outputs are shown as those of sample 0, with the bits of `observe` under that plan.
template <class E, class G>
concept evaluator_of_parts_for = plan_evaluator_for<E, G> && detail::runs_parts<E, G>;

/// An evaluator with labels: `measure(const graph&, const ptq::plan&, const ptq::samples&) ->
/// ptq::measurement`.
///
/// @par Laws
/// - The values of a sample do not depend on the rest of the range.
/// - A metric has a value of the whole for every range, or for none.
template <class E, class G>
concept measuring_evaluator_for = evaluator_for<E, G> && detail::measures_metrics<E, G>;

namespace detail {

template <class E>
concept forks = requires(const E& evaluator) {
  { evaluator.fork() } -> std::same_as<std::remove_const_t<E>>;
};

} // namespace detail

/// An evaluator of which another thread can have one of its own: `fork() const`, of the same type,
/// over the same samples. An evaluator and its forks run at the same time.
template <class E, class G>
concept forkable_evaluator_for = evaluator_for<E, G> && detail::forks<E>;

/// Is `evaluator_for<E, G>`, but fails to compile with one sentence for each missing piece.
template <class E, class G>
consteval auto explain_evaluator() -> bool {
  static_assert(explain_graph<G>());
  static_assert(
      enable_evaluator<E>,
      "an evaluator opts in with `using ptq_evaluator = void;`, or by specialising "
      "ptq::enable_evaluator"
  );
  static_assert(
      detail::counts_its_samples<E>, "an evaluator provides `sample_count() const -> std::size_t`"
  );
  if constexpr (graph<G>) {
    constexpr bool observes =
        detail::observes_the_float_graph<E, G> || detail::observes_under_a_plan<E, G>;
    using mutable_evaluator = std::remove_const_t<E>;
    constexpr bool would_observe = detail::observes_the_float_graph<mutable_evaluator, G> ||
                                   detail::observes_under_a_plan<mutable_evaluator, G>;
    static_assert(observes || !would_observe, "the evaluator is const and its `observe` is not");
    static_assert(
        observes || would_observe,
        "an evaluator provides `observe(const graph&, std::span<const ptq::tap<graph>>, const "
        "ptq::samples&, show)`, or the same with a `const ptq::plan&` before the taps"
    );
    static_assert(
        detail::measures_metrics<E, G> || !detail::mentions_measure<E>,
        "`measure` is there, but not as `measure(const graph&, const ptq::plan&, const "
        "ptq::samples&) -> ptq::measurement`"
    );
    static_assert(
        detail::runs_parts<E, G> || !detail::mentions_run_part<E>,
        "`run_part` is there, but not as `run_part(const graph&, const ptq::plan&, node_id, "
        "std::span<const ptq::tensor_view>, show)`"
    );
  }
  return evaluator_for<E, G>;
}

/// Is `plan_evaluator_for<E, G>`, but fails to compile with one sentence for each missing piece.
template <class E, class G>
consteval auto explain_plan_evaluator() -> bool {
  static_assert(explain_evaluator<E, G>());
  if constexpr (graph<G>) {
    static_assert(
        detail::observes_under_a_plan<E, G>,
        "an evaluator that runs plans provides `observe(const graph&, const ptq::plan&, "
        "std::span<const ptq::tap<graph>>, const ptq::samples&, show)`"
    );
  }
  return plan_evaluator_for<E, G>;
}

/// Is `evaluator_of_parts_for<E, G>`, but fails to compile with one sentence for each missing
/// piece.
template <class E, class G>
consteval auto explain_evaluator_of_parts() -> bool {
  static_assert(explain_plan_evaluator<E, G>());
  if constexpr (graph<G>) {
    static_assert(
        detail::runs_parts<E, G>,
        "an evaluator of parts provides `run_part(const graph&, const ptq::plan&, node_id, "
        "std::span<const ptq::tensor_view>, show)`"
    );
  }
  return evaluator_of_parts_for<E, G>;
}

/// Is `forkable_evaluator_for<E, G>`, but fails to compile with one sentence for each missing
/// piece.
template <class E, class G>
consteval auto explain_forkable_evaluator() -> bool {
  static_assert(explain_evaluator<E, G>());
  static_assert(
      detail::forks<E>,
      "an evaluator for several threads provides `fork() const`, an evaluator of the same type"
  );
  return forkable_evaluator_for<E, G>;
}

/// Is `measuring_evaluator_for<E, G>`, but fails to compile with one sentence for each missing
/// piece.
template <class E, class G>
consteval auto explain_measuring_evaluator() -> bool {
  static_assert(explain_evaluator<E, G>());
  if constexpr (graph<G>) {
    static_assert(
        detail::measures_metrics<E, G>,
        "an evaluator with labels provides `measure(const graph&, const ptq::plan&, const "
        "ptq::samples&) -> ptq::measurement`"
    );
  }
  return measuring_evaluator_for<E, G>;
}

/// Runs the float graph on `range` and shows `taps`, whichever `observe` the evaluator has.
template <class G, evaluator_for<G> E>
void observe_float(
    const G& of,
    E& evaluator,
    std::span<const tap<G>> taps,
    const samples& range,
    show_ref<typename G::node_id> show
) {
  if constexpr (detail::observes_the_float_graph<E, G>) {
    evaluator.observe(of, taps, range, show);
  } else {
    evaluator.observe(of, plan{}, taps, range, show);
  }
}

} // namespace ptq
