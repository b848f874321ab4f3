// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/evaluator/check.hpp>
#include <ptq/graph/read.hpp>

#include <fstream>
#include <map>
#include <set>

#include <engine/int8_engine.hpp>

#include "planned.hpp"

namespace {

auto model_called(const std::string& name) -> engine::model {
  return engine::load(std::string(PTQ_MODELS_DIR) + "/" + name + ".onnx");
}

/// The noise that scripts/golden/outputs.py feeds.
auto three_samples() -> engine::tensor {
  auto result = engine::tensor::from_shape({3, 1, 28, 28});
  std::ranges::copy(noise(result.size(), 40), result.data());
  return result;
}

struct range_of_values {
  float low = 0;
  float high = 0;
};

/// The least and the largest value of each tensor.
struct range_finder {
  std::map<ptq::tensor_ref<engine::node_id>, range_of_values> seen;

  auto operator()(
      const ptq::samples&, ptq::tensor_ref<engine::node_id> tensor, const ptq::tensor_view& view
  ) -> ptq::flow {
    auto& range = seen[tensor];
    for (const float each : std::span(view.data_as<float>(), view.size())) {
      range.low = std::min(range.low, each);
      range.high = std::max(range.high, each);
    }
    return ptq::more;
  }
};

auto everything(const engine::graph& of) -> std::vector<ptq::tap<engine::graph>> {
  std::vector<ptq::tap<engine::graph>> result;
  for (engine::node_id id = 0; id != of.source().nodes.size(); ++id) {
    for (std::uint32_t i = 0; i != of.source().nodes[id].outputs.size(); ++i) {
      if (of.op(id) != ptq::op::constant) {
        result.emplace_back(id, i);
      }
    }
  }
  return result;
}

/// Quantizes what each convolution and matrix product reads. The weights stay within 7 bits, which
/// is right on every processor.
auto full_plan(const engine::graph& of, const engine::tensor& samples) -> ptq::plan {
  engine::evaluator evaluator(of.source(), samples);
  range_finder found;
  evaluator.observe(
      of, everything(of), {0, samples.shape()[0]}, ptq::show_ref<engine::node_id>(found)
  );
  plan_maker made(of);
  for (const auto id : of.nodes()) {
    const bool product = of.op(id) == ptq::op::matmul;
    if (!product && of.op(id) != ptq::op::convolution) {
      continue;
    }
    const std::string name(of.name(id));
    for (std::size_t i = 0; i != 2; ++i) {
      const auto from = of.inputs(id)[i];
      if (const auto constant = of.constant(from.node)) {
        const bool by_rows =
            !product || std::get<ptq::matmul_attributes>(of.attributes(id)).transpose_b;
        made.weights(name, by_rows ? 0 : 1, 0.49);
      } else {
        const range_of_values range = found.seen.at(from);
        made.activations(name, i, {{range.low, range.high}});
      }
    }
  }
  return made.done();
}

} // namespace

TEST_CASE("the models compute what ONNX Runtime computes") {
  for (const std::string name : {"fashion_ds", "fashion_mix", "fashion_vit"}) {
    CAPTURE(name);
    const engine::model of = model_called(name);
    CHECK_FALSE(of.fixed_batch);
    std::ifstream file(PTQ_TESTS_DIR "/engine/outputs/" + name + ".txt");
    std::vector<double> expected;
    for (double value = 0; file >> value;) {
      expected.push_back(value);
    }
    const engine::graph graph(of);
    engine::evaluator evaluator(of, three_samples());
    check_close(evaluator.outputs(graph, {}, {0, 3}), expected);
  }
}

TEST_CASE("the library's own checks find no fault with the models") {
  for (const std::string name : {"fashion_mix", "fashion_vit"}) {
    const engine::model of = model_called(name);
    const engine::graph graph(of);
    engine::evaluator evaluator(of, three_samples(), {0, 1, 2});
    CHECK(ptq::check_evaluator(graph, evaluator) == std::vector<std::string>{});
  }
}

TEST_CASE("the transformer has the form in which POT saw it") {
  const engine::model of = model_called("fashion_vit");
  const engine::graph graph(of);
  std::map<ptq::op, std::size_t> count;
  for (const auto id : graph.nodes()) {
    ++count[graph.op(id)];
  }
  // The numbers of operations that OpenVINO 2023.3 makes of the file.
  CHECK(count[ptq::op::mean_variance_normalization] == 5);
  CHECK(count[ptq::op::gelu] == 2);
  CHECK(count[ptq::op::multiply] == 7);
  CHECK(count[ptq::op::matmul] == 17);
  CHECK(count[ptq::op::softmax] == 2);
  CHECK(count[ptq::op::transpose] == 9);
  CHECK(count[ptq::op::reshape] == 9 + 2); // And the two numbers behind products of attention.
  CHECK(count[ptq::op::reduce_mean] == 1);
  CHECK(count[ptq::op::erf] + count[ptq::op::divide] + count[ptq::op::power] == 0);
  // POT quantized the transposed K times 12^-0.5: here it is K itself.
  const auto product = std::ranges::find(of.nodes, "/b1/MatMul", &engine::node::name);
  REQUIRE(product != of.nodes.end());
  CHECK(of.value_name(product->inputs[1]) == "/b1/Transpose_2_output_0");
  CHECK(graph.op(product->inputs[1].node) == ptq::op::multiply);
}

TEST_CASE("the convolutional network has the form in which POT saw it") {
  const engine::model of = model_called("fashion_mix");
  const engine::graph graph(of);
  std::map<ptq::op, std::size_t> count;
  for (const auto id : graph.nodes()) {
    ++count[graph.op(id)];
  }
  CHECK(count[ptq::op::convolution] == 12);
  CHECK(count[ptq::op::prelu] == 2);
  CHECK(count[ptq::op::reduce_mean] == 2);
  CHECK(count[ptq::op::multiply] == 2);
  CHECK(count[ptq::op::hard_sigmoid] == 1);
  CHECK(count[ptq::op::split] == 1);
  CHECK(count[ptq::op::clamp] == 1);
  CHECK(count[ptq::op::batch_normalization] == 0);
}

TEST_CASE("the models run in int8 but for products of two tensors that depend on the sample") {
  for (const std::string name : {"fashion_mix", "fashion_vit"}) {
    CAPTURE(name);
    const engine::model of = model_called(name);
    const engine::graph graph(of);
    const engine::tensor samples = three_samples();
    const ptq::plan plan = full_plan(graph, samples);
    engine::evaluator evaluator(of, samples);
    engine::int8_engine lowered(graph, plan);
    CHECK(lowered.weighted_operations() == (name == "fashion_mix" ? 13 : 18));
    CHECK(lowered.float_operations().size() == (name == "fashion_mix" ? 0 : 4));
    for (const auto& each : lowered.float_operations()) {
      CHECK(each.reason == "both its operands depend on the sample: oneDNN wants weights in int8");
    }
    const engine::tensor in_float = evaluator.outputs(graph, {}, {0, 3});
    const engine::tensor planned = evaluator.outputs(graph, plan, {0, 3});
    CHECK(sqnr(planned, lowered.outputs(samples, 2)) > 30);
    CHECK(sqnr(in_float, planned) > 20);
  }
}

namespace {

/// Runs a model one operation at a time and compares each value with that of a whole run.
class part_runner {
public:
  part_runner(const engine::graph& of, const ptq::plan& under, const engine::tensor& samples)
      : graph_(of), plan_(under), evaluator_(of.source(), samples), whole_(of.source(), samples) {}

  auto differing() -> std::vector<std::string> {
    std::vector<std::string> result;
    const auto taps = everything(graph_);
    std::map<ptq::tensor_ref<engine::node_id>, std::vector<float>> expected;
    const auto keep = [&](const ptq::samples&, auto tensor, const ptq::tensor_view& view) {
      expected[tensor] = values_of(view);
      return ptq::more;
    };
    whole_.observe(graph_, plan_, taps, {1, 2}, ptq::show_ref<engine::node_id>(keep));
    values_[graph_.source().input] = expected.at(graph_.source().input);
    for (const auto id : graph_.nodes()) {
      if (graph_.op(id) == ptq::op::constant || graph_.op(id) == ptq::op::input ||
          graph_.is_output(id)) {
        continue;
      }
      run(id);
    }
    for (const auto& tap : taps) {
      if (values_.at(tap) != expected.at(tap)) {
        result.emplace_back(graph_.tensor_name(tap));
      }
    }
    return result;
  }

private:
  /// Row-major, whatever the layout.
  static auto values_of(const ptq::tensor_view& view) -> std::vector<float> {
    std::vector<float> result;
    std::vector<std::size_t> index(view.rank(), 0);
    for (std::size_t i = 0; i != view.size(); ++i) {
      std::size_t rest = i;
      std::ptrdiff_t offset = 0;
      for (std::size_t axis = view.rank(); axis-- != 0;) {
        offset += view.dimensions()[axis].offset_of(rest % view.extent(axis));
        rest /= view.extent(axis);
      }
      result.push_back(view.data_as<float>()[offset]);
    }
    return result;
  }

  void run(engine::node_id id) {
    std::vector<ptq::tensor_view> inputs;
    for (const auto from : graph_.inputs(id)) {
      if (from.is_absent() || graph_.constant(from.node)) {
        continue;
      }
      inputs.emplace_back(values_.at(from).data(), shapes_[from.node][from.output]);
    }
    const auto keep = [&](const ptq::samples& range, auto tensor, const ptq::tensor_view& view) {
      CHECK(range[0] == 0);
      values_[tensor] = values_of(view);
      return ptq::more;
    };
    evaluator_.run_part(graph_, plan_, id, inputs, ptq::show_ref<engine::node_id>(keep));
  }

  const engine::graph& graph_;
  const ptq::plan& plan_;
  engine::evaluator evaluator_;
  engine::evaluator whole_;
  std::vector<std::vector<engine::shape>> shapes_ = engine::infer_shapes(graph_.source(), 1);
  std::map<ptq::tensor_ref<engine::node_id>, std::vector<float>> values_;
};

} // namespace

TEST_CASE("operations that run one by one give the bits of a whole run, in float and under a plan"
) {
  for (const std::string name : {"fashion_ds", "fashion_mix", "fashion_vit"}) {
    CAPTURE(name);
    const engine::model of = model_called(name);
    const engine::graph graph(of);
    const engine::tensor samples = three_samples();
    ptq::plan plan;
    CHECK(part_runner(graph, plan, samples).differing() == std::vector<std::string>{});
    plan = full_plan(graph, samples);
    CHECK(part_runner(graph, plan, samples).differing() == std::vector<std::string>{});
  }
}

TEST_CASE("a plan's constants apply to an operation that runs by itself") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  ptq::plan plan;
  plan.constants.emplace_back(ptq::replaced_constant{
      .tensor = "b3", .node = "classify", .cause = "test", .value = {{5}, {1, 2, 3, 4, 5}}
  });
  const std::vector<float> nothing(8, 0.0F);
  engine::evaluator evaluator(of, samples_for(of, 1, 0, 1, 1));
  std::vector<float> shown;
  const auto keep = [&](const ptq::samples&, auto, const ptq::tensor_view& view) {
    shown.assign(view.data_as<float>(), view.data_as<float>() + view.size());
    return ptq::more;
  };
  const std::vector<ptq::tensor_view> inputs{{nothing.data(), engine::shape{1, 8}}};
  const auto classify = static_cast<engine::node_id>(of.nodes.size() - 1);
  evaluator.run_part(graph, plan, classify, inputs, ptq::show_ref<engine::node_id>(keep));
  CHECK(shown == std::vector<float>{1, 2, 3, 4, 5});
}

TEST_CASE("values that do not fit an operation that runs by itself are refused by its name") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  engine::evaluator evaluator(of, samples_for(of, 1, 0, 1, 1));
  const auto ignore = [](const ptq::samples&, auto, const ptq::tensor_view&) { return ptq::more; };
  const std::vector<float> values(16, 0.0F);
  const auto complaint = [&](engine::node_id id, const std::vector<ptq::tensor_view>& inputs) {
    try {
      evaluator.run_part(graph, {}, id, inputs, ptq::show_ref<engine::node_id>(ignore));
    } catch (const engine::error& problem) {
      return std::string(problem.what());
    }
    return std::string("no error");
  };
  const auto classify = static_cast<engine::node_id>(of.nodes.size() - 1);
  CHECK(complaint(classify, {}) == "node 'classify': it reads more values than the 0 given");
  CHECK(
      complaint(classify, {{values.data(), engine::shape{1, 9}}}) ==
      "node 'classify': a value of shape 1x9 where it reads floats of shape [1, 8]"
  );
  const ptq::tensor_view fits(values.data(), engine::shape{1, 8});
  CHECK(complaint(classify, {fits, fits}) == "node 'classify': it reads 1 values, not the 2 given");
  CHECK(complaint(of.input, {}) == "node 'x': it computes nothing");
}
