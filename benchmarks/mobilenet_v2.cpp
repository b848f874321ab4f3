// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "mobilenet_v2.hpp"

#include <cmath>
#include <random>
#include <string>
#include <utility>

namespace {

class builder {
public:
  explicit builder(std::size_t extent) {
    engine::node input;
    input.name = "x";
    input.kind = engine::operation::input;
    input.outputs = {"x"};
    made_.name = "mobilenet_v2";
    made_.input_shape = {1, 3, extent, extent};
    last_ = add(std::move(input));
  }

  /// A convolution with bias, followed by ReLU6 unless it is linear.
  void convolution(
      std::size_t inputs,
      std::size_t outputs,
      std::size_t kernel,
      std::size_t stride,
      std::size_t groups,
      bool linear
  ) {
    const std::string name = "conv" + std::to_string(++count_);
    const std::size_t fan_in = inputs / groups * kernel * kernel;
    const auto weights =
        constant(name + ".weight", {outputs, inputs / groups, kernel, kernel}, fan_in);
    const auto bias = constant(name + ".bias", {outputs}, 100);
    engine::node node;
    node.name = name;
    node.op_type = "Conv";
    node.kind = engine::operation::convolution;
    node.inputs = {{last_, 0}, {weights, 0}, {bias, 0}};
    node.outputs = {name + "_output"};
    const std::size_t pad = kernel / 2;
    node.form = engine::window{
        .kernel = {kernel, kernel},
        .strides = {stride, stride},
        .pads_begin = {pad, pad},
        .pads_end = {pad, pad},
        .groups = groups
    };
    last_ = add(std::move(node));
    if (!linear) {
      unary(
          "clip" + std::to_string(count_),
          "Clip",
          engine::operation::clip,
          engine::clip_bounds{0, 6}
      );
    }
  }

  void bottleneck(std::size_t inputs, std::size_t outputs, std::size_t stride, std::size_t factor) {
    const engine::node_id before = last_;
    const std::size_t wide = inputs * factor;
    if (factor != 1) {
      convolution(inputs, wide, 1, 1, 1, false);
    }
    convolution(wide, wide, 3, stride, wide, false);
    convolution(wide, outputs, 1, 1, 1, true);
    if (stride == 1 && inputs == outputs) {
      engine::node sum;
      sum.name = "add" + std::to_string(count_);
      sum.op_type = "Add";
      sum.kind = engine::operation::add;
      sum.inputs = {{before, 0}, {last_, 0}};
      sum.outputs = {sum.name + "_output"};
      last_ = add(std::move(sum));
    }
  }

  void unary(
      const std::string& name, const char* type, engine::operation kind, engine::node_form form = {}
  ) {
    engine::node node;
    node.name = name;
    node.op_type = type;
    node.kind = kind;
    node.inputs = {{last_, 0}};
    node.outputs = {name + "_output"};
    node.form = std::move(form);
    last_ = add(std::move(node));
  }

  void classifier(std::size_t inputs, std::size_t classes) {
    unary("pool", "GlobalAveragePool", engine::operation::global_average_pool);
    unary("flatten", "Flatten", engine::operation::flatten, engine::axis_form{1});
    const auto weights = constant("fc.weight", {classes, inputs}, inputs);
    const auto bias = constant("fc.bias", {classes}, 100);
    engine::node node;
    node.name = "fc";
    node.op_type = "Gemm";
    node.kind = engine::operation::gemm;
    node.inputs = {{last_, 0}, {weights, 0}, {bias, 0}};
    node.outputs = {"y"};
    node.form = engine::gemm_form{.transpose_b = true};
    last_ = add(std::move(node));
  }

  auto finish() -> engine::model {
    made_.outputs = {{last_, 0}};
    for (engine::node_id id = 0; id != made_.nodes.size(); ++id) {
      for (std::uint32_t i = 0; i != made_.nodes[id].inputs.size(); ++i) {
        made_.readers[made_.nodes[id].inputs[i]].push_back({id, i});
      }
    }
    return std::move(made_);
  }

private:
  auto add(engine::node node) -> engine::node_id {
    made_.nodes.push_back(std::move(node));
    return static_cast<engine::node_id>(made_.nodes.size() - 1);
  }

  auto constant(const std::string& name, const engine::shape& shape, std::size_t fan_in)
      -> engine::node_id {
    auto values = engine::tensor::from_shape(shape);
    std::normal_distribution<float> normal(0.0F, std::sqrt(2.0F / static_cast<float>(fan_in)));
    for (std::size_t i = 0; i != values.size(); ++i) {
      values.data()[i] = normal(random_);
    }
    engine::node node;
    node.name = name;
    node.kind = engine::operation::constant;
    node.outputs = {name};
    node.value = std::move(values);
    return add(std::move(node));
  }

  engine::model made_;
  engine::node_id last_ = 0;
  std::size_t count_ = 0;
  std::mt19937 random_{1};
};

} // namespace

auto mobilenet_v2(std::size_t extent) -> engine::model {
  struct stage {
    std::size_t factor, outputs, repeats, stride;
  };

  builder net(extent);
  net.convolution(3, 32, 3, 2, 1, false);
  std::size_t channels = 32;
  for (const stage& each :
       {stage{1, 16, 1, 1},
        stage{6, 24, 2, 2},
        stage{6, 32, 3, 2},
        stage{6, 64, 4, 2},
        stage{6, 96, 3, 1},
        stage{6, 160, 3, 2},
        stage{6, 320, 1, 1}}) {
    for (std::size_t i = 0; i != each.repeats; ++i) {
      net.bottleneck(channels, each.outputs, i == 0 ? each.stride : 1, each.factor);
      channels = each.outputs;
    }
  }
  net.convolution(320, 1280, 1, 1, 1, false);
  net.classifier(1280, 1000);
  return net.finish();
}
