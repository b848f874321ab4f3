// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A tiny engine that knows nothing of quantization, and the two descriptions by which ptq knows the
// engine.
//! [includes]
#include <ptq/json/plan.hpp> // ptq::save, ptq::load_plan; link ptq::json
#include <ptq/ptq.hpp>       // everything else on this page; link ptq::ptq
//! [includes]

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// ---------------------------------------------------------------------------------------------
// The engine, as it may have stood there for years.
// ---------------------------------------------------------------------------------------------
namespace engine {

enum class kind { input, constant, conv2d, relu6, mean_pool, dense, hard_swish };

using shape = std::vector<std::size_t>;

struct layer {
  engine::kind kind;
  std::string name;
  std::vector<std::uint32_t> inputs; ///< Indices of layers.
  engine::shape shape;               ///< What it gives, without the samples.
  std::vector<float> values{};       ///< Of a constant.
  std::size_t padding = 0;           ///< Of a convolution, on each side.
};

struct net {
  std::vector<layer> layers;
};

/// Runs one layer: `in` are the values of its inputs.
auto run_layer(const net& of, const layer& self, const std::vector<std::span<const float>>& in)
    -> std::vector<float> {
  std::vector<float> out(
      std::accumulate(self.shape.begin(), self.shape.end(), std::size_t{1}, std::multiplies<>())
  );
  switch (self.kind) {
  case kind::conv2d: {
    const shape& x = of.layers[self.inputs[0]].shape;
    const shape& w = of.layers[self.inputs[1]].shape;
    std::size_t at = 0;
    for (std::size_t o = 0; o != self.shape[0]; ++o) {
      for (std::size_t row = 0; row != self.shape[1]; ++row) {
        for (std::size_t column = 0; column != self.shape[2]; ++column) {
          float sum = in[2][o];
          for (std::size_t tap = 0; tap != w[1] * w[2] * w[3]; ++tap) {
            const std::size_t y = row + tap / w[3] % w[2] - self.padding;
            const std::size_t z = column + tap % w[3] - self.padding;
            if (y < x[1] && z < x[2]) { // below zero wraps to a large number
              const std::size_t channel = tap / (w[2] * w[3]);
              sum += in[0][(channel * x[1] + y) * x[2] + z] * in[1][o * w[1] * w[2] * w[3] + tap];
            }
          }
          out[at++] = sum;
        }
      }
    }
    break;
  }
  case kind::relu6:
    std::ranges::transform(in[0], out.begin(), [](float v) { return std::clamp(v, 0.0F, 6.0F); });
    break;
  case kind::hard_swish:
    std::ranges::transform(in[0], out.begin(), [](float v) {
      return v * std::clamp(v + 3.0F, 0.0F, 6.0F) / 6.0F;
    });
    break;
  case kind::mean_pool:
    for (std::size_t c = 0; c != out.size(); ++c) {
      const std::span<const float> channel =
          in[0].subspan(c * in[0].size() / out.size(), in[0].size() / out.size());
      out[c] = std::accumulate(channel.begin(), channel.end(), 0.0F) /
               static_cast<float>(channel.size());
    }
    break;
  case kind::dense:
    for (std::size_t o = 0; o != out.size(); ++o) {
      const std::span<const float> row = in[1].subspan(o * in[0].size(), in[0].size());
      out[o] = std::inner_product(row.begin(), row.end(), in[0].begin(), in[2][o]);
    }
    break;
  case kind::input:
  case kind::constant:
    break;
  }
  return out;
}

/// Runs all layers. `constant(i)` and `read(i, port, values)` let others in: the first may give
/// other values for a constant, the second what a layer reads in place of what was computed.
template <class Constant, class Read, class Done>
void run(const net& of, std::span<const float> sample, Constant constant, Read read, Done done) {
  std::vector<std::vector<float>> values(of.layers.size());
  for (std::uint32_t i = 0; i != of.layers.size(); ++i) {
    const layer& self = of.layers[i];
    if (self.kind == kind::input) {
      values[i].assign(sample.begin(), sample.end());
    } else if (self.kind == kind::constant) {
      const std::span<const float> now = constant(i);
      values[i].assign(now.begin(), now.end());
    } else {
      std::vector<std::vector<float>> seen;
      for (std::size_t port = 0; port != self.inputs.size(); ++port) {
        seen.push_back(read(i, port, values[self.inputs[port]]));
      }
      values[i] = run_layer(of, self, {seen.begin(), seen.end()});
    }
    done(i, values[i]);
  }
}

} // namespace engine

// ---------------------------------------------------------------------------------------------
// What its author writes to have its models quantized.
// ---------------------------------------------------------------------------------------------

//! [graph]
struct my_graph {
  using ptq_graph = void; // opted in on purpose, never by accident
  using node_id = std::uint32_t;

  const engine::net* of;

  auto nodes() const {
    return std::views::iota(std::uint32_t{0}, static_cast<std::uint32_t>(of->layers.size()));
  }

  auto op(node_id i) const -> ptq::op {
    switch (of->layers[i].kind) {
    case engine::kind::input:
      return ptq::op::input;
    case engine::kind::constant:
      return ptq::op::constant;
    case engine::kind::conv2d:
      return ptq::op::convolution;
    case engine::kind::relu6:
      return ptq::op::clamp;
    case engine::kind::mean_pool:
      return ptq::op::reduce_mean;
    case engine::kind::dense:
      return ptq::op::matmul;
    case engine::kind::hard_swish:
      break;
    }
    return ptq::op::other; // always an honest answer: it stays in floating point
  }

  auto name(node_id i) const -> std::string_view { return of->layers[i].name; }

  auto inputs(node_id i) const -> const std::vector<node_id>& { return of->layers[i].inputs; }

  auto constant(node_id i) const -> std::optional<ptq::constant_view> {
    const engine::layer& self = of->layers[i];
    if (self.kind != engine::kind::constant) {
      return std::nullopt;
    }
    return ptq::constant_view(self.values, self.shape); // where it lies: no copy
  }

  //! [attributes]
  auto attributes(node_id i) const -> ptq::op_attributes {
    const engine::layer& self = of->layers[i];
    if (self.kind == engine::kind::conv2d) {
      return ptq::convolution_attributes{
          .pads_begin = {self.padding, self.padding}, .pads_end = {self.padding, self.padding}
      };
    }
    if (self.kind == engine::kind::dense) {
      return ptq::matmul_attributes{.transpose_b = true}; // weights [out, in]
    }
    return {};
  }

  //! [attributes]
};

static_assert(ptq::explain_graph_with_attributes<my_graph>()); // says in sentences what is missing

//! [graph]

//! [quantized]
/// What a layer reads under a plan: the values on the quantizer's grid.
auto on_grid(const ptq::quantizer& by, const engine::shape& shape, std::span<const float> values)
    -> std::vector<float> {
  std::vector<float> result(values.size());
  const std::vector<ptq::grid>& grids = by.format.grids;
  if (!by.format.axis) {
    ptq::fake_quantize(values, std::span(result), grids.front());
  } else {
    const bool constant = by.kind == ptq::tensor_kind::weights;
    const std::size_t axis = *by.format.axis - (constant ? 0 : 1); // this engine has no batch axis
    ptq::fake_quantize(ptq::tensor_view(values, shape), std::span(result), {axis, grids});
  }
  return result;
}

//! [quantized]

//! [evaluator]
struct my_evaluator {
  using ptq_evaluator = void;

  std::vector<std::vector<float>> data;

  auto sample_count() const -> std::size_t { return data.size(); }

  void observe(
      const my_graph& graph,
      const ptq::plan& plan,
      std::span<const ptq::tap<my_graph>> taps,
      const ptq::samples& range,
      auto&& show
  ) {
    const auto resolved = ptq::resolve(graph, plan); // the plan, by the engine's own numbers
    const std::vector<engine::layer>& layers = graph.of->layers;
    for (const std::size_t s : range) {
      const auto constant = [&](std::uint32_t i) -> std::span<const float> {
        const ptq::tensor_data* replaced = resolved.constant(i);
        return replaced != nullptr ? replaced->values : layers[i].values;
      };
      const auto read = [&](std::uint32_t i, std::size_t port, const std::vector<float>& values) {
        const ptq::quantizer* by = resolved.input(i, port);
        return by != nullptr ? on_grid(*by, layers[layers[i].inputs[port]].shape, values) : values;
      };
      const auto done = [&](std::uint32_t i, const std::vector<float>& values) {
        if (std::ranges::find(taps, ptq::tap<my_graph>(i)) != taps.end()) {
          std::vector<std::size_t> extents{1}; // axis 0 is the sample
          extents.insert(extents.end(), layers[i].shape.begin(), layers[i].shape.end());
          show(s, i, ptq::tensor_view(values, extents));
        }
      };
      engine::run(*graph.of, data[s], constant, read, done);
    }
  }
};

static_assert(ptq::explain_plan_evaluator<my_evaluator, my_graph>());

//! [evaluator]

//! [notes]
struct print_notes {
  void on_note(const ptq::note& what) {
    std::fprintf(stderr, "%s: %s\n", what.where.c_str(), what.message.c_str());
  }
};

//! [notes]

namespace {

/// Numbers that look random and are the same everywhere.
auto numbers(std::size_t count, std::uint32_t seed, float scale) -> std::vector<float> {
  std::vector<float> result;
  while (result.size() != count) {
    seed = seed * 1664525U + 1013904223U;
    result.push_back((static_cast<float>(seed >> 16U) / 32768.0F - 1.0F) * scale);
  }
  return result;
}

auto make_net() -> engine::net {
  using engine::kind;
  return {{
      {kind::input, "image", {}, {1, 8, 8}},
      {kind::constant, "conv1.weight", {}, {4, 1, 3, 3}, numbers(36, 1, 1.0F)},
      {kind::constant, "conv1.bias", {}, {4}, numbers(4, 2, 0.5F)},
      {kind::conv2d, "conv1", {0, 1, 2}, {4, 8, 8}, {}, 1},
      {kind::relu6, "relu1", {3}, {4, 8, 8}},
      {kind::constant, "conv2.weight", {}, {8, 4, 3, 3}, numbers(288, 3, 0.5F)},
      {kind::constant, "conv2.bias", {}, {8}, numbers(8, 4, 0.5F)},
      {kind::conv2d, "conv2", {4, 5, 6}, {8, 8, 8}, {}, 1},
      {kind::hard_swish, "swish2", {7}, {8, 8, 8}},
      {kind::mean_pool, "pool", {8}, {8}},
      {kind::constant, "dense.weight", {}, {3, 8}, numbers(24, 5, 1.0F)},
      {kind::constant, "dense.bias", {}, {3}, {0.05F, 0.0F, -0.1F}},
      {kind::dense, "dense", {9, 10, 11}, {3}},
  }};
}

} // namespace

int main() try {
  const engine::net net = make_net();
  const my_graph graph{&net};
  my_evaluator evaluator;
  for (std::uint32_t s = 0; s != 50; ++s) {
    evaluator.data.push_back(numbers(64, 100 + s, 1.0F));
  }

  //! [check]
  for (const std::string& finding : ptq::check_evaluator(graph, evaluator)) {
    std::printf("%s\n", finding.c_str());
  }
  //! [check]

  //! [quantize]
  const ptq::default_quantization<ptq::preset::mixed, ptq::device::cpu> quantize{
      .stat_subset_size = 50
  };
  const ptq::plan plan = quantize(graph, evaluator, print_notes{});
  ptq::save(plan, "tiny.plan.json"); // readable, diffable, the same bytes on every machine
  for (const ptq::lowered_tensor& tensor : ptq::lower(graph, plan)) {
    std::printf(
        "%s of %s: %zu scales\n", tensor.name.c_str(), tensor.node.c_str(), tensor.scales.size()
    );
  }
  //! [quantize]

  //! [compile]
  for (const ptq::lowered_tensor& tensor : ptq::lower(graph, plan)) {
    const auto print = [&tensor](const auto& codes) { // a vector of int8, uint8 or int32
      const auto code = static_cast<float>(codes.front());
      const float value = (code - tensor.zero_points.front()) * tensor.scales.front();
      std::printf(
          "%s: %zu codes of %zu byte(s), the first is %.0f and stands for %.4f\n",
          tensor.name.c_str(),
          codes.size(),
          sizeof(codes.front()),
          static_cast<double>(code),
          static_cast<double>(value)
      );
    };
    std::visit(print, tensor.codes);
  }
  //! [compile]

  //! [read]
  for (const auto& entry : plan.quantizers) { // shared values: what is in them is behind ->
    for (const ptq::port_name& port : entry->consumers) {
      const ptq::grid& first = entry->format.grids.front();
      std::printf(
          "%s -> %s, input %zu: %zu grid(s) of %lld levels, the first from %.4f to %.4f\n",
          entry->tensor.c_str(),
          port.node.c_str(),
          port.input,
          entry->format.grids.size(),
          static_cast<long long>(first.levels),
          static_cast<double>(first.out_low),
          static_cast<double>(first.out_high)
      );
    }
  }
  for (const auto& entry : plan.constants) {
    std::printf("%s: replaced by %s\n", entry->tensor.c_str(), entry->cause.c_str());
  }
  //! [read]
  //! [errors]
} catch (const ptq::error& problem) {
  std::fprintf(stderr, "%s\n", problem.what());
  return 1;
}
//! [errors]
