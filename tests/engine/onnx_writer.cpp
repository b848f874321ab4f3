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
  std::string ir_version;
  std::string opset;

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
  const auto model = onnx_bytes::read(bytes);
  const auto graph = onnx_bytes::read(model.find(7)->second);
  written_model result;
  result.ir_version = model.find(1)->second;
  result.opset = onnx_bytes::read(model.find(8)->second).find(2)->second;
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

auto write(const engine::graph& graph, const ptq::plan& plan, const engine::onnx_options& how = {})
    -> written_model {
  const scratch here;
  engine::write_int8_onnx(graph, plan, here.folder / "made.onnx", how);
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
      write(graph, plan_maker(graph).activations("first", 0, {{0, 1}}, 65537).done());
  CHECK(fine.count("Round") == 1);
  CHECK(fine.opset == "13");
}

TEST_CASE("activations and weights of 16 bits are uint16 and int16, in operator set 21") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  plan_maker made(graph);
  made.weights("first");
  ptq::quantizer by = made.last();
  for (auto& grid : by.format.grids) {
    grid.levels = 65535;
  }
  const ptq::plan plan = made.add(by)
                             .activations("first", 0, {{0, 1}}, 65536)
                             .activations("depthwise", 0, {{0, 1.4F}}, 60000)
                             .done();
  const written_model file = write(graph, plan);
  CHECK(file.ir_version == "10");
  CHECK(file.opset == "21");
  CHECK(file.element.at("w1_quantized") == "5");
  CHECK(file.element.at("x_zero_point") == "4");
  CHECK(file.count("Round") == 0);
  CHECK(file.count("Min") == 1); // of 60,000 levels
  const auto codes = file.values<std::int16_t>("w1_quantized");
  const auto by_size = [](int code) { return std::abs(code); };
  CHECK(std::abs(int{*std::ranges::max_element(codes, {}, by_size)}) == 32767);
  CHECK(file.values<std::int16_t>("w1_zero_point") == std::vector<std::int16_t>(8, 0));
}

TEST_CASE("weights of four bits are packed in operator set 21, or bytes in 13") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  const auto plan_of = [&](std::int64_t levels, float low) {
    plan_maker made(graph);
    made.weights("first");
    ptq::quantizer by = made.last();
    for (auto& grid : by.format.grids) {
      grid.in_low = grid.out_low = low * grid.in_high;
      grid.levels = levels;
    }
    return made.add(by).done();
  };
  for (const bool asymmetric : {false, true}) {
    const ptq::plan plan = asymmetric ? plan_of(16, -0.875F) : plan_of(15, -1.0F);
    const written_model packed = write(graph, plan);
    const written_model bytes = write(graph, plan, {.four_bit_types = false});
    CHECK(packed.ir_version == "10");
    CHECK(packed.opset == "21");
    CHECK(packed.element.at("w1_quantized") == "22");
    CHECK(packed.element.at("w1_zero_point") == "22");
    CHECK(bytes.ir_version == "7");
    CHECK(bytes.opset == "13");
    CHECK(bytes.element.at("w1_quantized") == std::to_string(onnx_bytes::int8));
    check_weights(effective_weights(bytes, "c1", 8), weights_of(of, "w1"), *plan.quantizers[0]);
    const auto codes = bytes.values<std::int8_t>("w1_quantized");
    const auto halves = packed.values<std::uint8_t>("w1_quantized");
    REQUIRE(halves.size() == 108);
    CHECK(packed.raw.at("w1_zero_point").size() == 4);
    CHECK(packed.raw.at("w1_scale") == bytes.raw.at("w1_scale"));
    for (std::size_t i = 0; i != codes.size(); ++i) {
      CHECK((halves[i / 2] >> (i % 2 * 4) & 15) == (codes[i] & 15));
    }
  }
}

TEST_CASE("weights of 2 to 7 bits are bytes that keep to their codes") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  for (const int bits : {2, 3, 5, 6, 7}) {
    plan_maker made(graph);
    made.weights("first", 0, 0.8); // some weights lie beyond their range
    ptq::quantizer by = made.last();
    for (auto& grid : by.format.grids) {
      grid.levels = (std::int64_t{1} << bits) - 1;
      std::swap(grid.in_high, grid.out_high);
    }
    const ptq::plan plan = made.add(by).done();
    const written_model file = write(graph, plan, {.four_bit_types = false});
    CHECK(file.opset == "13");
    const int most = (1 << (bits - 1)) - 1;
    const auto codes = file.values<std::int8_t>("w1_quantized");
    CHECK(*std::ranges::max_element(codes) <= most);
    CHECK(*std::ranges::min_element(codes) >= -most);
    check_weights(effective_weights(file, "c1", 8), weights_of(of, "w1"), by);
  }
}

TEST_CASE("what elementwise operations read is quantized like anything else") {
  onnx_bytes::model made;
  made.input("x", {-1, 2, 4, 4}).constant("scale", {1, 2, 1, 1}, {0.5F, -2.0F});
  made.node("Sigmoid", {"x"}, {"s"}, {}, "sigmoid");
  made.node("Mul", {"s", "scale"}, {"m"}, {}, "times");
  made.node("Add", {"m", "x"}, {"y"}, {}, "plus");
  made.output("y");
  const engine::model of = parse(made);
  const engine::graph graph(of);
  ptq::quantizer constant{
      .tensor = "scale",
      .kind = ptq::tensor_kind::weights,
      .consumers = {{"times", 1}},
      .format = {.axis = 1, .grids = {{-0.5F, 0.5F, -0.5F, 0.5F, 255}, {-2, 2, -2, 2, 255}}}
  };
  plan_maker plan(graph);
  plan.add(constant).activations("times", 0, {{0, 1}}).activations("plus", 0, {{-2, 2}});
  plan.activations("plus", 1, {{-1, 1}});
  const written_model file = write(graph, plan.done());
  CHECK(file.count("QuantizeLinear") == 3);
  CHECK(file.count("DequantizeLinear") == 4);
  CHECK(file.values<std::int8_t>("scale_quantized") == std::vector<std::int8_t>{127, -127});
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

TEST_CASE("the written operators compute what the engine computed of the models at hand") {
  const scratch here;
  for (const char* const name : {"fashion_ds", "fashion_mix", "fashion_vit"}) {
    const engine::model of = engine::load(PTQ_MODELS_DIR "/" + std::string(name) + ".onnx");
    const engine::graph graph(of);
    // Once in each operator set: a quantizer of 16 bits needs the newer one.
    const auto first = std::ranges::find_if(of.nodes, [](const engine::node& each) {
      return each.kind == engine::operation::convolution;
    });
    REQUIRE(first != of.nodes.end());
    const ptq::plan wide = plan_maker(graph).activations(first->name, 0, {{0, 1}}, 65536).done();
    for (const ptq::plan& plan : {ptq::plan{}, wide}) {
      engine::write_int8_onnx(graph, plan, here.folder / "same.onnx");
      std::vector<float> x = noise(784, 31);
      for (float& each : x) {
        each = (each + 1) / 2;
      }
      CAPTURE(name);
      if (plan.empty()) {
        const engine::model again = engine::load(here.folder / "same.onnx");
        const engine::tensor a = run(of, x);
        const engine::tensor b = run(again, x);
        CHECK(sqnr(a, b) > 100);
      } else {
        CHECK(read_back(here.folder / "same.onnx").opset == "21");
      }
    }
  }
}
