// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/op.hpp>
#include <ptq/core/tensor_ref.hpp>
#include <ptq/core/tensor_view.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <ranges>
#include <string_view>
#include <type_traits>

namespace ptq {

/// Opt in to being a graph: with `using ptq_graph = void;` in the class, or by specialising this.
template <class G>
inline constexpr bool enable_graph = requires { typename G::ptq_graph; };

namespace detail {

template <class G>
concept names_its_node_id = requires {
  typename G::node_id;
} && std::regular<typename G::node_id> && std::totally_ordered<typename G::node_id>;

template <class G>
concept lists_its_nodes = names_its_node_id<G> && requires(const G& graph) {
  { graph.nodes() } -> std::ranges::forward_range;
  requires std::
      convertible_to<std::ranges::range_value_t<decltype(graph.nodes())>, typename G::node_id>;
};

template <class G>
concept tells_the_op = names_its_node_id<G> && requires(const G& graph, typename G::node_id node) {
  { graph.op(node) } -> std::same_as<op>;
};

template <class G>
concept tells_the_name =
    names_its_node_id<G> && requires(const G& graph, typename G::node_id node) {
      { graph.name(node) } -> std::convertible_to<std::string_view>;
    };

template <class G>
concept lists_the_inputs =
    names_its_node_id<G> && requires(const G& graph, typename G::node_id node) {
      { graph.inputs(node) } -> std::ranges::input_range;
      requires std::convertible_to<
          std::ranges::range_value_t<decltype(graph.inputs(node))>,
          tensor_ref<typename G::node_id>>;
    };

template <class G>
concept shows_constants =
    names_its_node_id<G> && requires(const G& graph, typename G::node_id node) {
      { graph.constant(node) } -> std::convertible_to<std::optional<constant_view>>;
    };

template <class G>
concept tells_attributes =
    names_its_node_id<G> && requires(const G& graph, typename G::node_id node) {
      { graph.attributes(node) } -> std::convertible_to<op_attributes>;
    };

template <class G>
concept tells_tensor_names =
    names_its_node_id<G> && requires(const G& graph, tensor_ref<typename G::node_id> tensor) {
      { graph.tensor_name(tensor) } -> std::convertible_to<std::string_view>;
    };

struct has_attributes {
  void attributes();
};

struct has_tensor_name {
  void tensor_name();
};

template <class G, class Probe>
struct graph_and : G, Probe {};

// A member is there, under whatever signature, iff its name is ambiguous with that of another base.
template <class G>
concept mentions_attributes = std::is_class_v<G> && !std::is_final_v<G> &&
                              !requires { &graph_and<G, has_attributes>::attributes; };
template <class G>
concept mentions_tensor_name = std::is_class_v<G> && !std::is_final_v<G> &&
                               !requires { &graph_and<G, has_tensor_name>::tensor_name; };

} // namespace detail

/// A read-only view of the user's model. The library never changes or copies it.
///
/// @par Laws
/// - `nodes()` is in topological order: each input's node comes before the node that reads it.
/// - `name` is unique among the nodes and the same for the same model, run after run: plans speak
/// of
///   nodes by name.
/// - `inputs(n)` has one entry for each input port, in order; an optional input that is not
///   connected is `tensor_ref::absent()`.
/// - `constant(n)` shows the value of a node whose output 0 does not depend on the samples, and is
///   empty for every other node. The memory stays valid as long as the graph.
/// - Two calls give equal answers.
///
/// @see docs/describe-your-graph.md
template <class G>
concept graph = enable_graph<G> && detail::names_its_node_id<G> && detail::lists_its_nodes<G> &&
                detail::tells_the_op<G> && detail::tells_the_name<G> &&
                detail::lists_the_inputs<G> && detail::shows_constants<G>;

/// A graph that also tells strides, pads, dilations, groups, transposes and axes:
/// `attributes(node_id) const -> ptq::op_attributes`.
///
/// Without it weights have their channels on axis 0, a convolution is depthwise only if `op` says
/// so, and fast bias correction leaves out the operations whose geometry it does not know.
template <class G>
concept graph_with_attributes = graph<G> && detail::tells_attributes<G>;

/// A graph whose tensors have names of their own: `tensor_name(tensor_ref) const`. Without it the
/// output 0 of a node goes by the node's name, output `k` by `<name>:<k>`.
template <class G>
concept graph_with_tensor_names = graph<G> && detail::tells_tensor_names<G>;

/// An output of a node that the library wants to see while the graph runs.
template <class G>
using tap = tensor_ref<typename G::node_id>;

/// Is `graph<G>`, but fails to compile with one sentence for each missing piece.
template <class G>
consteval auto explain_graph() -> bool {
  static_assert(
      enable_graph<G>,
      "a graph opts in with `using ptq_graph = void;`, or by specialising ptq::enable_graph"
  );
  static_assert(
      detail::names_its_node_id<G>,
      "a graph names its `node_id`, a regular and totally ordered type"
  );
  if constexpr (detail::names_its_node_id<G>) {
    static_assert(
        detail::lists_its_nodes<G>,
        "a graph provides `nodes() const`, a forward range of node_id in topological order"
    );
    static_assert(detail::tells_the_op<G>, "a graph provides `op(node_id) const -> ptq::op`");
    static_assert(
        detail::tells_the_name<G>,
        "a graph provides `name(node_id) const`, convertible to std::string_view"
    );
    static_assert(
        detail::lists_the_inputs<G>,
        "a graph provides `inputs(node_id) const`, a range of ptq::tensor_ref<node_id>, one for "
        "each input port"
    );
    static_assert(
        detail::shows_constants<G>,
        "a graph provides `constant(node_id) const -> std::optional<ptq::constant_view>`"
    );
    static_assert(
        detail::tells_attributes<G> || !detail::mentions_attributes<G>,
        "`attributes` is there, but not as `attributes(node_id) const -> ptq::op_attributes`"
    );
    static_assert(
        detail::tells_tensor_names<G> || !detail::mentions_tensor_name<G>,
        "`tensor_name` is there, but not as `tensor_name(ptq::tensor_ref<node_id>) const`, "
        "convertible to std::string_view"
    );
  }
  return graph<G>;
}

/// Is `graph_with_attributes<G>`, but fails to compile with one sentence for each missing piece.
template <class G>
consteval auto explain_graph_with_attributes() -> bool {
  static_assert(explain_graph<G>());
  if constexpr (detail::names_its_node_id<G>) {
    static_assert(
        detail::tells_attributes<G>,
        "a graph with attributes provides `attributes(node_id) const -> ptq::op_attributes`"
    );
  }
  return graph_with_attributes<G>;
}

/// Is `graph_with_tensor_names<G>`, but fails to compile with one sentence for each missing piece.
template <class G>
consteval auto explain_graph_with_tensor_names() -> bool {
  static_assert(explain_graph<G>());
  if constexpr (detail::names_its_node_id<G>) {
    static_assert(
        detail::tells_tensor_names<G>,
        "a graph with tensor names provides `tensor_name(ptq::tensor_ref<node_id>) const`, "
        "convertible to std::string_view"
    );
  }
  return graph_with_tensor_names<G>;
}

} // namespace ptq
