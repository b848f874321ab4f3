// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/samples.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/plan/resolve.hpp>

#include <cmath>
#include <cstddef>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/toy_graph.hpp"
#include "support/toy_operations.hpp"

namespace ptq::test {

inline auto toy_of(const toy_graph& graph) -> const toy_graph& {
  return graph;
}

inline auto toy_of(const plain_toy_graph& graph) -> const toy_graph& {
  return graph.toy();
}

/// The values of a constant, in row-major order, wherever and in whatever type they lie.
inline auto dense_copy(const constant_view& from) -> tensor_data {
  toy::shape extents;
  for (const dimension& d : from.dimensions()) {
    extents.push_back(d.extent);
  }
  return toy::tabulate(extents, [&](const toy::shape& index) -> double {
    std::ptrdiff_t at = 0;
    for (std::size_t axis = 0; axis != index.size(); ++axis) {
      at += from.dimensions()[axis].offset_of(index[axis]);
    }
    switch (from.type()) {
    case element_type::f32:
      return static_cast<double>(from.data_as<float>()[at]);
    case element_type::f64:
      return from.data_as<double>()[at];
    case element_type::i64:
      return static_cast<double>(from.data_as<std::int64_t>()[at]);
    default:
      throw std::logic_error("the toy engine has no constants of this type");
    }
  });
}

/// What one node makes of its inputs: one tensor for each output.
inline auto compute(const toy_graph::node& of, std::span<const tensor_data> in)
    -> std::vector<tensor_data> {
  using namespace toy;
  const tensor_data* third = in.size() > 2 ? &in[2] : nullptr;
  const auto relu = [](float v) { return std::max(v, 0.0F); };
  if (of.compute) {
    return of.compute(in);
  }
  switch (of.kind) {
  case op::output:
    return {in[0]};
  case op::convolution:
    return {convolution(in[0], in[1], third, std::get<convolution_attributes>(of.attributes))};
  case op::matmul:
    return {matmul(in[0], in[1], third, std::get<matmul_attributes>(of.attributes))};
  case op::add:
    return {broadcast(in[0], in[1], [](float a, float b) { return a + b; })};
  case op::subtract:
    return {broadcast(in[0], in[1], [](float a, float b) { return a - b; })};
  case op::multiply:
    return {broadcast(in[0], in[1], [](float a, float b) { return a * b; })};
  case op::divide:
    return {broadcast(in[0], in[1], [](float a, float b) { return a / b; })};
  case op::batch_normalization:
    return {tabulate(in[0].shape, [&](const shape& index) {
      const auto channel = [&](std::size_t input) {
        return static_cast<double>(in[input].values.at(index.at(1)));
      };
      return (read(in[0], index) - channel(3)) / std::sqrt(channel(4) + 1e-5) * channel(1) +
             channel(2);
    })};
  case op::relu:
    return {each(in[0], relu)};
  case op::sigmoid:
    return {each(in[0], [](float v) { return 1.0F / (1.0F + std::exp(-v)); })};
  case op::clamp:
    return {each(in[0], [&](float v) { return std::clamp(v, of.numbers.at(0), of.numbers.at(1)); })
    };
  case op::max_pool:
    return {pool(in[0], of.extents, [](const auto& w) { return *std::ranges::max_element(w); })};
  case op::average_pool:
    return {pool(in[0], of.extents, mean)};
  case op::reduce_mean:
    return {pool(in[0], shape(in[0].shape.begin() + 2, in[0].shape.end()), mean)};
  case op::flatten:
    return {{{in[0].shape.at(0), volume(in[0].shape) / in[0].shape[0]}, in[0].values}};
  case op::reshape:
    return {{of.extents, in[0].values}};
  case op::transpose: {
    shape extents;
    for (const std::size_t from : of.extents) {
      extents.push_back(in[0].shape.at(from));
    }
    return {tabulate(extents, [&](const shape& index) {
      shape from(index.size());
      for (std::size_t axis = 0; axis != index.size(); ++axis) {
        from[of.extents[axis]] = index[axis];
      }
      return read(in[0], from);
    })};
  }
  case op::concat:
    return {concat(in, std::get<axis_attributes>(of.attributes).axis)};
  case op::split:
    return split(in[0], std::get<axis_attributes>(of.attributes).axis, of.extents.at(0));
  case op::softmax:
    return {softmax(in[0], std::get<axis_attributes>(of.attributes).axis)};
  default:
    throw std::logic_error("the toy engine does not know the operation of " + of.name);
  }
}

/// All tensors of one run, by the node that produces them.
using toy_values = std::map<tensor_ref<int>, tensor_data>;

/// Runs the graph on one sample: a tensor for each of its inputs, in their order.
inline auto toy_run(
    const toy_graph& graph, const resolved_plan<int>& under, std::span<const tensor_data> sample
) -> toy_values {
  toy_values seen;
  std::size_t inputs_seen = 0;
  for (const int id : graph.nodes()) {
    const toy_graph::node& node = graph.at(id);
    if (node.kind == op::input) {
      seen[id] = sample[inputs_seen++];
      continue;
    }
    if (node.value) {
      const tensor_data* replaced = under.constant(id);
      seen[id] = replaced != nullptr ? *replaced : dense_copy(*node.value);
      continue;
    }
    std::vector<tensor_data> in;
    for (std::size_t port = 0; port != node.inputs.size(); ++port) {
      const quantizer* on = under.input(id, port);
      const tensor_data& value = seen.at(node.inputs[port]);
      in.push_back(on != nullptr ? toy::fake_quantize(value, on->format) : value);
    }
    std::vector<tensor_data> out = compute(node, in);
    for (std::uint32_t k = 0; k != out.size(); ++k) {
      seen[{id, k}] = std::move(out[k]);
    }
  }
  return seen;
}

/// An engine for toy graphs that runs plans. Counts what it was asked.
class toy_evaluator {
public:
  using ptq_evaluator = void;

  /// For a graph with one input; one tensor for each sample.
  explicit toy_evaluator(std::vector<tensor_data> data) {
    for (tensor_data& sample : data) {
      data_.push_back({std::move(sample)});
    }
  }

  /// For a graph with several inputs: for each sample a tensor for each input.
  explicit toy_evaluator(std::vector<std::vector<tensor_data>> data) : data_(std::move(data)) {}

  auto sample_count() const -> std::size_t { return data_.size(); }

  template <class G>
  void observe(
      const G& graph,
      const plan& under,
      std::span<const tap<G>> taps,
      const samples& range,
      show_ref<int> show
  ) {
    const auto resolved = resolve(graph, under);
    ++observations;
    for (const std::size_t s : range) {
      ++runs;
      const toy_values seen = toy_run(toy_of(graph), resolved, data_.at(s));
      for (const tap<G>& wanted : taps) {
        if (show(s, wanted, seen.at(wanted).view()) == enough) {
          return;
        }
      }
    }
  }

  std::size_t observations = 0; ///< Calls of `observe`.
  std::size_t runs = 0;         ///< Inferences.

private:
  std::vector<std::vector<tensor_data>> data_;
};

/// An engine for toy graphs that also runs single operations.
class toy_evaluator_of_parts : public toy_evaluator {
public:
  using toy_evaluator::toy_evaluator;

  template <class G>
  void run_part(
      const G& graph,
      const plan& under,
      int id,
      std::span<const tensor_view> inputs,
      show_ref<int> show
  ) {
    const auto resolved = resolve(graph, under);
    const toy_graph::node& node = toy_of(graph).at(id);
    ++parts;
    std::vector<tensor_data> in;
    for (std::size_t port = 0; port != node.inputs.size(); ++port) {
      const tensor_ref<int> from = node.inputs[port];
      const auto& constant = toy_of(graph).at(from.node).value;
      tensor_data value;
      if (constant) {
        const tensor_data* replaced = resolved.constant(from);
        value = replaced != nullptr ? *replaced : dense_copy(*constant);
      } else {
        value = dense_copy(inputs.front());
        inputs = inputs.subspan(1);
      }
      const quantizer* on = resolved.input(id, port);
      in.push_back(on != nullptr ? toy::fake_quantize(value, on->format) : std::move(value));
    }
    const std::vector<tensor_data> out = compute(node, in);
    for (std::uint32_t k = 0; k != out.size(); ++k) {
      show(0, {id, k}, out[k].view());
    }
  }

  std::size_t parts = 0; ///< Operations that were run alone.
};

/// The least evaluator: it runs no plans.
class toy_float_evaluator {
public:
  using ptq_evaluator = void;

  template <class Data>
  explicit toy_float_evaluator(Data data) : engine(std::move(data)) {}

  auto sample_count() const -> std::size_t { return engine.sample_count(); }

  template <class G>
  void
  observe(const G& graph, std::span<const tap<G>> taps, const samples& range, show_ref<int> show) {
    engine.observe(graph, plan{}, taps, range, show);
  }

  toy_evaluator engine;
};

/// Values that look random and are the same everywhere, in `[low, high)`.
inline auto toy_numbers(std::size_t count, unsigned seed, float low = -1.0F, float high = 1.0F)
    -> std::vector<float> {
  std::vector<float> result(count);
  std::uint32_t state = seed * 2654435761U + 1U;
  for (float& value : result) {
    state = state * 1664525U + 1013904223U;
    const float unit = static_cast<float>(state >> 8U) * 0x1p-24F;
    value = ptq::detail::rounded(unit * (high - low)) + low;
  }
  return result;
}

/// `count` samples of one shape.
inline auto toy_samples(std::size_t count, toy::shape shape, float low = -1.0F, float high = 1.0F)
    -> std::vector<tensor_data> {
  std::vector<tensor_data> result;
  for (std::size_t s = 0; s != count; ++s) {
    const auto seed = static_cast<unsigned>(s) + 1U;
    result.push_back({shape, toy_numbers(toy::volume(shape), seed, low, high)});
  }
  return result;
}

} // namespace ptq::test
