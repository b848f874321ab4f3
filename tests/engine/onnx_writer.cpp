// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/reference.hpp>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <engine/onnx_writer.hpp>

#include "planned.hpp"
#include "support/scratch.hpp"

namespace {

using ptq::test::scratch;

struct written_node {
  std::string type;
  std::vector<std::string> inputs;
  std::string output;
};

/// What a test wants to know of a written file.
struct written_model {
  std::vector<written_node> nodes;
  std::map<std::string, std::string> raw;     ///< Of each initializer.
  std::map<std::string, std::string> element; ///< Of each initializer.

  [[nodiscard]] auto count(const std::string& type) const -> std::ptrdiff_t {
    return std::ranges::count(nodes, type, &written_node::type);
  }

  [[nodiscard]] auto producer(const std::string& value) const -> const written_node& {
    const auto found = std::ranges::find(nodes, value, &written_node::output);
    REQUIRE(found != nodes.end());
    return *found;
  }

  template <class T>
  [[nodiscard]] auto values(const std::string& name) const -> std::vector<T> {
    const std::string& bytes = raw.at(name);
    std::vector<T> result(bytes.size() / sizeof(T));
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  }
};

auto texts(const onnx_bytes::fields& of, unsigned field) -> std::vector<std::string> {
  std::vector<std::string> result;
  for (auto [at, end] = of.equal_range(field); at != end; ++at) {
    result.push_back(at->second);
  }
  return result;
}

auto read_back(const std::filesystem::path& file) -> written_model {
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(stream), {});
  const auto graph = onnx_bytes::read(onnx_bytes::read(bytes).find(7)->second);
  written_model result;
  for (const std::string& each : texts(graph, 1)) {
    const auto node = onnx_bytes::read(each);
    result.nodes.push_back({node.find(4)->second, texts(node, 1), texts(node, 2).front()});
  }
  for (const std::string& each : texts(graph, 5)) {
    const auto tensor = onnx_bytes::read(each);
    const std::string name = tensor.find(8)->second;
    result.raw[name] = tensor.find(9)->second;
    result.element[name] = tensor.find(2)->second;
  }
  return result;
}

auto files_in(const std::filesystem::path& folder) -> std::ptrdiff_t {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

auto write(const engine::graph& graph, const ptq::plan& plan) -> written_model {
  const scratch here;
  engine::write_int8_onnx(graph, plan, here.folder / "made.onnx");
  CHECK(files_in(here.folder) == 1);
  return read_back(here.folder / "made.onnx");
}

/// The weights that a runtime sees at input 1 of the node that produces `output`.
auto effective_weights(const written_model& in, const std::string& output, std::size_t channels)
    -> std::vector<double> {
  const written_node* node = &in.producer(in.producer(output).inputs[1]);
  std::vector<float> offset(channels, 0.0F);
  if (node->type == "Add") {
    offset = in.values<float>(node->inputs[1]);
    node = &in.producer(node->inputs[0]);
  }
  REQUIRE(node->type == "DequantizeLinear");
  const auto codes = in.values<std::int8_t>(node->inputs[0]);
  const auto scale = in.values<float>(node->inputs[1]);
  const auto zero = in.values<std::int8_t>(node->inputs[2]);
  std::vector<double> result;
  for (std::size_t i = 0; i != codes.size(); ++i) {
    const std::size_t c = i / (codes.size() / channels);
    const std::size_t at = scale.size() == 1 ? 0 : c;
    result.push_back(
        (codes[i] - zero[at]) * static_cast<double>(scale[at]) + static_cast<double>(offset[c])
    );
  }
  return result;
}

void check_weights(
    const std::vector<double>& found,
    const engine::tensor& weights,
    const ptq::quantizer& by,
    float factor = 1
) {
  REQUIRE(found.size() == weights.size());
  const std::size_t channels = by.format.grids.size();
  for (std::size_t i = 0; i != found.size(); ++i) {
    const ptq::grid& grid = by.format.grids[i / (found.size() / channels)];
    const float expected = ptq::reference::fake_quantize(weights.data()[i] * factor, grid);
    CHECK(
        std::abs(found[i] - static_cast<double>(expected)) <
        1e-5 * static_cast<double>(grid.out_high)
    );
  }
}

auto weights_of(const engine::model& of, const std::string& name) -> const engine::tensor& {
  return std::get<engine::tensor>(std::ranges::find(of.nodes, name, &engine::node::name)->value);
}

} // namespace

TEST_CASE("weights are stored as int8, the floats are gone, and activations pass through uint8") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  const plan_maker made = plan_maker(graph)
                              .weights("first")
                              .activations("first", 0, {{0, 1}})
                              .activations("depthwise", 0, {{0, 1.5F}});
  const written_model file = write(graph, made.done());
  CHECK(file.count("QuantizeLinear") == 2);
  CHECK(file.count("DequantizeLinear") == 3);
  CHECK_FALSE(file.raw.contains("w1"));
  CHECK(file.raw.contains("w2"));
  CHECK(file.element.at("w1_quantized") == std::to_string(onnx_bytes::int8));
  CHECK(file.element.at("x_zero_point") == std::to_string(onnx_bytes::uint8));
  check_weights(effective_weights(file, "c1", 8), weights_of(of, "w1"), *made.done().quantizers[0]);
}

TEST_CASE("asymmetric weights come out right, whether or not their zero is a whole code") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  for (const float low : {-0.370F, -0.25F}) {
    plan_maker made(graph);
    made.weights("first");
    ptq::quantizer by = made.last();
    for (auto& grid : by.format.grids) {
      grid.in_low = grid.out_low = low * grid.in_high;
      grid.levels = 256;
      if (low == -0.25F) {
        const float step = grid.in_high / 204;
        grid = {-51 * step, 204 * step, -51 * step, 204 * step, 256};
      }
    }
    const written_model file = write(graph, made.add(by).done());
    CHECK(file.count("Add") == (low == -0.25F ? 0 : 1));
    check_weights(effective_weights(file, "c1", 8), weights_of(of, "w1"), by);
  }
}

TEST_CASE("halved weights keep the range that takes effect, and replaced biases are written") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  plan_maker made(graph);
  made.weights("first", 0, 0.99);
  ptq::quantizer by = made.last();
  std::vector<float> halved;
  for (std::size_t i = 0; i != weights_of(of, "w1").size(); ++i) {
    halved.push_back(weights_of(of, "w1").data()[i] * 0.5F);
  }
  ptq::plan plan = made.add(by).done();
  plan.constants.emplace_back(ptq::replaced_constant{
      .tensor = "w1", .node = "first", .cause = "saturation_fix", .value = {{8, 3, 3, 3}, halved}
  });
  plan.constants.emplace_back(ptq::replaced_constant{
      .tensor = "b2", .node = "depthwise", .cause = "test", .value = {{8}, std::vector<float>(8, 3)}
  });
  const written_model file = write(graph, plan);
  check_weights(effective_weights(file, "c1", 8), weights_of(of, "w1"), by, 0.5F);
  CHECK(file.values<float>("b2") == std::vector<float>(8, 3));
}

TEST_CASE("a Clip goes where codes of one scale imply it, and stays before scales by channel") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  const auto clips = [&](const std::vector<std::pair<float, float>>& ranges, std::int64_t levels) {
    return write(graph, plan_maker(graph).activations("depthwise", 0, ranges, levels).done());
  };
  CHECK(clips({{0, 1.5F}}, 256).count("Clip") == 0);
  CHECK(clips({{0, 1.4F}}, 256).count("Clip") == 0);
  CHECK(clips({{0, 1.6F}}, 256).count("Clip") == 1);
  CHECK(clips({{-0.2F, 1.4F}}, 256).count("Clip") == 1);
  CHECK(clips(std::vector<std::pair<float, float>>(8, {0, 1.5F}), 256).count("Clip") == 1);
  // Codes that end before the byte does need bounds of their own.
  CHECK(clips({{0, 1.4F}}, 200).count("Min") == 1);
  CHECK(clips({{0, 1.4F}}, 256).count("Relu") == 1);
}

TEST_CASE("grids that QuantizeLinear cannot say are written in float arithmetic") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  plan_maker made(graph);
  made.activations("first", 0, {{0, 1}});
  ptq::quantizer by = made.last();
  by.format.grids[0].in_low = by.format.grids[0].out_low = -0.0017F;
  const written_model between = write(graph, made.add(by).done());
  CHECK(between.count("QuantizeLinear") == 0);
  CHECK(between.count("Round") == 1);
  const written_model fine =
      write(graph, plan_maker(graph).activations("first", 0, {{0, 1}}, 65536).done());
  CHECK(fine.count("Round") == 1);
}

TEST_CASE("a file that cannot be written is an error that leaves nothing behind") {
  const scratch here;
  const engine::model of = small_network();
  const engine::graph graph(of);
  CHECK_THROWS_AS(
      engine::write_int8_onnx(graph, {}, here.folder / "no" / "such.onnx"), engine::error
  );
  std::filesystem::create_directories(here.folder / "taken.onnx" / "inside");
  CHECK_THROWS_AS(engine::write_int8_onnx(graph, {}, here.folder / "taken.onnx"), engine::error);
  CHECK(files_in(here.folder) == 1);
}

TEST_CASE("without a plan the written file is the model, and is read again") {
  const scratch here;
  const engine::model of = small_network();
  const engine::graph graph(of);
  engine::write_int8_onnx(graph, {}, here.folder / "same.onnx");
  const engine::model again = engine::load(here.folder / "same.onnx");
  const auto x = noise(192, 30);
  const engine::tensor a = run(of, x);
  const engine::tensor b = run(again, x);
  CHECK(std::equal(a.data(), a.data() + a.size(), b.data()));
}
