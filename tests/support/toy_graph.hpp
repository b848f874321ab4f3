// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/op.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/core/tensor_ref.hpp>
#include <ptq/graph/concept.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ptq::test {

/// A graph built by hand, in a line for each node. It has attributes and tensor names.
///
/// ```
/// toy_graph g;
/// const auto x = g.input("x");
/// const auto c = g.convolution("conv", x, g.constant("w", {2, 1, 3, 3}, weights),
///                              g.constant("b", {2}, {0.5F, -0.5F}), {.pads_begin = {1, 1},
///                              .pads_end = {1, 1}});
/// g.output("y", g.relu("relu", c));
/// ```
class toy_graph {
public:
  using ptq_graph = void;
  using node_id = int;
  using tensor = tensor_ref<int>;
  using values = std::vector<float>;
  using shape = std::vector<std::size_t>;
  using function = std::function<std::vector<tensor_data>(std::span<const tensor_data>)>;

  static inline const tensor none = tensor::absent();

  toy_graph() = default;
  toy_graph(toy_graph&&) = default;

  // What the concepts ask for.
  auto nodes() const { return std::views::iota(0, static_cast<int>(nodes_.size())); }

  auto op(node_id id) const -> ptq::op { return at(id).kind; }

  auto name(node_id id) const -> std::string_view { return at(id).name; }

  auto inputs(node_id id) const -> std::span<const tensor> { return at(id).inputs; }

  auto constant(node_id id) const -> std::optional<constant_view> { return at(id).value; }

  auto attributes(node_id id) const -> op_attributes { return at(id).attributes; }

  auto tensor_name(tensor of) const -> std::string_view {
    const auto found = tensor_names_.find(of);
    return found == tensor_names_.end() ? std::string_view() : found->second;
  }

  // What the toy engine needs besides.
  struct node {
    std::string name{};
    ptq::op kind = ptq::op::other;
    std::vector<tensor> inputs{};
    op_attributes attributes{};
    std::optional<constant_view> value{}; ///< Into `owned`, or where the test keeps it.
    values owned{};
    values numbers{}; ///< The limits of a clamp.
    shape extents{}; ///< The kernel of a pooling, the shape of a reshape, the order of a transpose.
    function compute{};
  };

  auto at(node_id id) const -> const node& { return nodes_.at(static_cast<std::size_t>(id)); }

  auto find(std::string_view wanted) const -> node_id {
    for (const int id : nodes()) {
      if (name(id) == wanted) {
        return id;
      }
    }
    throw std::logic_error("the toy graph has no node " + std::string(wanted));
  }

  // Building.
  auto input(std::string name) -> tensor { return add({std::move(name), op::input}); }

  auto constant(std::string name, shape extents, values v) -> tensor {
    const tensor made = add({std::move(name), op::constant});
    node& n = nodes_.back();
    n.owned = std::move(v);
    n.value = constant_view(n.owned, extents);
    return made;
  }

  /// A constant in memory of the test's own, of any layout and element type.
  auto constant_at(std::string name, constant_view where) -> tensor {
    const tensor made = add({std::move(name), op::constant});
    nodes_.back().value = where;
    return made;
  }

  auto output(std::string name, tensor x) -> tensor {
    return add({std::move(name), op::output, {x}});
  }

  auto convolution(
      std::string name, tensor x, tensor w, tensor bias = none, convolution_attributes how = {}
  ) -> tensor {
    return add({std::move(name), op::convolution, with_bias(x, w, bias), std::move(how)});
  }

  auto matmul(std::string name, tensor a, tensor b, tensor bias = none, matmul_attributes how = {})
      -> tensor {
    return add({std::move(name), op::matmul, with_bias(a, b, bias), how});
  }

  auto add(std::string name, tensor a, tensor b) -> tensor { return binary(op::add, name, a, b); }

  auto subtract(std::string name, tensor a, tensor b) -> tensor {
    return binary(op::subtract, name, a, b);
  }

  auto multiply(std::string name, tensor a, tensor b) -> tensor {
    return binary(op::multiply, name, a, b);
  }

  auto divide(std::string name, tensor a, tensor b) -> tensor {
    return binary(op::divide, name, a, b);
  }

  /// With epsilon 1e-5.
  auto batch_normalization(
      std::string name, tensor x, tensor scale, tensor bias, tensor mean, tensor variance
  ) -> tensor {
    return add({std::move(name), op::batch_normalization, {x, scale, bias, mean, variance}});
  }

  auto relu(std::string name, tensor x) -> tensor { return add({std::move(name), op::relu, {x}}); }

  auto sigmoid(std::string name, tensor x) -> tensor {
    return add({std::move(name), op::sigmoid, {x}});
  }

  auto clamp(std::string name, tensor x, float low, float high) -> tensor {
    const tensor made = add({std::move(name), op::clamp, {x}});
    nodes_.back().numbers = {low, high};
    return made;
  }

  /// `kernel` is the stride as well.
  auto max_pool(std::string name, tensor x, shape kernel) -> tensor {
    return with_extents({std::move(name), op::max_pool, {x}}, std::move(kernel));
  }

  auto average_pool(std::string name, tensor x, shape kernel) -> tensor {
    return with_extents({std::move(name), op::average_pool, {x}}, std::move(kernel));
  }

  /// The mean over all spatial axes, which stay with extent 1.
  auto reduce_mean(std::string name, tensor x) -> tensor {
    return add({std::move(name), op::reduce_mean, {x}});
  }

  /// To `[samples, the rest]`.
  auto flatten(std::string name, tensor x) -> tensor {
    return add({std::move(name), op::flatten, {x}});
  }

  auto reshape(std::string name, tensor x, shape to) -> tensor {
    return with_extents({std::move(name), op::reshape, {x}}, std::move(to));
  }

  auto transpose(std::string name, tensor x, shape order) -> tensor {
    return with_extents({std::move(name), op::transpose, {x}}, std::move(order));
  }

  auto concat(std::string name, std::vector<tensor> parts, std::size_t axis) -> tensor {
    return add({std::move(name), op::concat, std::move(parts), axis_attributes{axis}});
  }

  /// `parts` equal parts: outputs 0 .. parts - 1 of the node.
  auto split(std::string name, tensor x, std::size_t axis, std::size_t parts)
      -> std::vector<tensor> {
    const tensor first =
        with_extents({std::move(name), op::split, {x}, axis_attributes{axis}}, {parts});
    std::vector<tensor> all;
    for (std::uint32_t k = 0; k != parts; ++k) {
      all.emplace_back(first.node, k);
      tensor_names_.emplace(all.back(), std::string(nodes_.back().name) + ":" + std::to_string(k));
    }
    return all;
  }

  auto softmax(std::string name, tensor x, std::size_t axis) -> tensor {
    return add({std::move(name), op::softmax, {x}, axis_attributes{axis}});
  }

  /// Any other computation; `kind` may lie.
  auto other(std::string name, std::vector<tensor> from, function compute, ptq::op kind = op::other)
      -> tensor {
    const tensor made = add({std::move(name), kind, std::move(from)});
    nodes_.back().compute = std::move(compute);
    return made;
  }

  /// Gives a tensor a name of its own in place of its node's.
  void call(tensor which, std::string name) { tensor_names_[which] = std::move(name); }

  /// A node of any shape, for graphs that break the laws.
  auto add(node n) -> tensor {
    nodes_.push_back(std::move(n));
    const tensor made(static_cast<int>(nodes_.size()) - 1);
    tensor_names_.emplace(made, nodes_.back().name);
    return made;
  }

private:
  static auto with_bias(tensor a, tensor b, tensor bias) -> std::vector<tensor> {
    return bias.is_absent() ? std::vector{a, b} : std::vector{a, b, bias};
  }

  auto binary(ptq::op kind, std::string& name, tensor a, tensor b) -> tensor {
    return add({std::move(name), kind, {a, b}});
  }

  auto with_extents(node n, shape extents) -> tensor {
    n.extents = std::move(extents);
    return add(std::move(n));
  }

  std::deque<node> nodes_; // stays where it is: the constants' views point into it
  std::map<tensor, std::string> tensor_names_;
};

/// The same graph with the least members: neither attributes nor tensor names.
class plain_toy_graph {
public:
  using ptq_graph = void;
  using node_id = int;

  explicit plain_toy_graph(const toy_graph& of) : of_(&of) {}

  auto toy() const -> const toy_graph& { return *of_; }

  auto nodes() const { return of_->nodes(); }

  auto op(int id) const -> ptq::op { return of_->op(id); }

  auto name(int id) const { return of_->name(id); }

  auto inputs(int id) const { return of_->inputs(id); }

  auto constant(int id) const { return of_->constant(id); }

private:
  const toy_graph* of_;
};

} // namespace ptq::test
