// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/evaluator/check.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/kernel/reference.hpp>

#include <map>

#include "planned.hpp"

namespace {

auto everything(const engine::graph& of) -> std::vector<ptq::tap<engine::graph>> {
  std::vector<ptq::tap<engine::graph>> result;
  for (const auto id : of.nodes()) {
    if (of.op(id) != ptq::op::constant && !of.is_output(id)) {
      result.emplace_back(id);
    }
  }
  return result;
}

/// Collects what is shown, in ONNX's order of the values.
struct collector {
  std::map<std::pair<engine::node_id, std::size_t>, std::vector<float>> seen;
  std::size_t most = std::numeric_limits<std::size_t>::max();

  auto operator()(
      const ptq::samples& batch,
      ptq::tensor_ref<engine::node_id> tensor,
      const ptq::tensor_view& view
  ) -> ptq::flow {
    auto& values = seen[{tensor.node, batch[0]}];
    std::vector<std::size_t> index(view.rank(), 0);
    for (std::size_t i = 0; i != view.size(); ++i) {
      std::size_t rest = i;
      std::ptrdiff_t offset = 0;
      for (std::size_t axis = view.rank(); axis-- != 0;) {
        offset += view.dimensions()[axis].offset_of(rest % view.extent(axis));
        rest /= view.extent(axis);
      }
      values.push_back(view.data_as<float>()[offset]);
    }
    return seen.size() < most ? ptq::more : ptq::enough;
  }
};

template <class Call>
auto complaint(Call call) -> std::string {
  try {
    call();
  } catch (const std::exception& problem) {
    return problem.what();
  }
  return "no error";
}

} // namespace

TEST_CASE("the library's own checks find no fault with the engine's graph and evaluator") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  engine::evaluator evaluator(of, samples_for(of, 3, -1, 1, 9), {0, 1, 2});
  CHECK(ptq::check_evaluator(graph, evaluator) == std::vector<std::string>{});
  CHECK(ptq::read_graph(graph).nodes.nodes.size() == of.nodes.size() + of.outputs.size());
}

TEST_CASE("the graph tells operations, attributes and names as ONNX has them") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  const auto read = ptq::read_graph(graph);
  const auto node = [&](const std::string& name) -> const ptq::topology::node& {
    return *std::ranges::find(read.nodes.nodes, name, &ptq::topology::node::name);
  };
  CHECK(node("first").kind == ptq::op::convolution);
  CHECK(node("depthwise").kind == ptq::op::depthwise_convolution);
  CHECK(node("clip").kind == ptq::op::clamp);
  CHECK(node("pool").kind == ptq::op::reduce_mean);
  CHECK(node("flatten").kind == ptq::op::flatten);
  CHECK(node("classify").kind == ptq::op::matmul);
  CHECK(std::get<ptq::matmul_attributes>(*node("classify").attributes).transpose_b);
  const auto* geometry = ptq::topology::convolution_of(node("depthwise"));
  REQUIRE(geometry != nullptr);
  CHECK(geometry->groups == 8);
  CHECK(geometry->strides == std::vector<std::size_t>{2, 2});
  CHECK(geometry->pads_end == std::vector<std::size_t>{1, 1});
  CHECK(read.nodes.tensors[node("classify").outputs[0]].name == "y");
}

TEST_CASE("each tap is shown for each sample, in ONNX's order of the axes") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  const engine::tensor samples = samples_for(of, 3, -1, 1, 10);
  engine::evaluator evaluator(of, samples);
  collector shown;
  const auto taps = everything(graph);
  evaluator.observe(graph, taps, {1, 3}, ptq::show_ref<engine::node_id>(shown));
  CHECK(shown.seen.size() == 2 * taps.size());
  const auto& input = shown.seen.at({of.input, 2});
  REQUIRE(input.size() == 192);
  CHECK(std::equal(input.begin(), input.end(), samples.data() + std::size_t{2} * 192));
}

TEST_CASE("a run ends when enough was seen") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  engine::evaluator evaluator(of, samples_for(of, 5, -1, 1, 11));
  collector shown;
  shown.most = 3;
  evaluator.observe(graph, everything(graph), {0, 5}, ptq::show_ref<engine::node_id>(shown));
  CHECK(shown.seen.size() == 3);
}

TEST_CASE("under a plan each consumer reads the tensor through its quantizer, bit for bit") {
  onnx_bytes::model made;
  made.input("x", {-1, 4, 3, 3}).node("Relu", {"x"}, {"r"}, {}, "relu");
  made.node("Add", {"r", "x"}, {"y"}, {}, "add").output("y");
  const engine::model of = parse(made);
  const engine::graph graph(of);
  const engine::tensor samples = samples_for(of, 2, -1, 1, 12);
  engine::evaluator evaluator(of, samples);
  const ptq::plan plan = plan_maker(graph)
                             .activations("add", 0, {{0, 0.5F}, {0, 1}, {0, 0.1F}, {0, 2}}, 16)
                             .activations("add", 1, {{-1, 1}}, 7)
                             .done();
  const engine::tensor found = evaluator.outputs(graph, plan, {0, 2});
  for (std::size_t i = 0; i != found.size(); ++i) {
    const float x = samples.data()[i];
    const float r = std::max(x, 0.0F);
    const float a = ptq::reference::fake_quantize(r, plan.quantizers[0]->format.grids[i / 9 % 4]);
    const float b = ptq::reference::fake_quantize(x, plan.quantizers[1]->format.grids[0]);
    CHECK(found.data()[i] == a + b);
  }
}

TEST_CASE("an output of the model is a node behind it, and may be quantized") {
  onnx_bytes::model made;
  made.input("x", {-1, 4, 3, 3}).node("Relu", {"x"}, {"y"}, {}, "relu").output("y");
  const engine::model of = parse(made);
  const engine::graph graph(of);
  const ptq::topology in = ptq::read_graph(graph).nodes;
  CHECK(in.nodes.back().kind == ptq::op::output);
  CHECK(in.nodes.back().name == "y/output");
  CHECK(in.tensors[in.nodes.back().inputs.at(0)].name == "y");
  const engine::tensor samples = samples_for(of, 2, -1, 1, 12);
  engine::evaluator evaluator(of, samples);
  const ptq::plan plan = plan_maker(graph).activations("y/output", 0, {{0, 0.5F}}, 16).done();
  const engine::tensor found = evaluator.outputs(graph, plan, {0, 2});
  for (std::size_t i = 0; i != found.size(); ++i) {
    const float r = std::max(samples.data()[i], 0.0F);
    CHECK(found.data()[i] == ptq::reference::fake_quantize(r, plan.quantizers[0]->format.grids[0]));
  }
}

TEST_CASE("the evaluator counts the classes that it gets right") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  const engine::tensor samples = samples_for(of, 60, -1, 1, 13);
  engine::evaluator unlabelled(of, samples);
  const auto classes = engine::top1(unlabelled.outputs(graph, {}, {0, 60}));
  CHECK(complaint([&] {
          unlabelled.measure(graph, {}, {0, 60});
        }).find("no labels") != std::string::npos);
  std::vector<std::int64_t> labels = classes;
  labels[3] += 1;
  engine::evaluator labelled(of, samples, labels);
  const auto measured = labelled.measure(graph, {}, {0, 60});
  REQUIRE(measured.size() == 1);
  CHECK(measured[0].per_sample.size() == 60);
  CHECK(measured[0].per_sample[3] == 0);
  CHECK(measured[0].value() == doctest::Approx(59.0 / 60));
}

TEST_CASE("samples and plans that do not belong to the model are refused by name") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  const auto wrong = engine::tensor::from_shape({2, 3, 9, 9});
  CHECK(
      complaint([&] { engine::evaluator(of, wrong); }) ==
      "an array of shape [2, 3, 9, 9] does not fit the model's input 'x' of shape [N, 3, 8, 8]"
  );
  CHECK(complaint([&] {
          engine::evaluator(of, samples_for(of, 2, 0, 1, 1), {1, 2, 3});
        }) == "3 labels for 2 samples");
  engine::evaluator evaluator(of, samples_for(of, 2, 0, 1, 1));
  ptq::plan plan;
  plan.quantizers.emplace_back(ptq::quantizer{
      .tensor = "elsewhere", .consumers = {{"first", 0}}, .format = {.grids = {{0, 1}}}
  });
  CHECK(complaint([&] {
          evaluator.outputs(graph, plan, {0, 1});
        }).find("elsewhere") != std::string::npos);
  CHECK(complaint([&] {
          evaluator.outputs(graph, {}, {0, 3});
        }) == "sample 2 is asked for; there are 2");
}
