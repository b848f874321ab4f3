// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "written.hpp"

using ptq::test::scratch;

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

// A runtime that takes a convolution and the quantizer behind it together cannot run it by channel.
TEST_CASE("scales by channel do not stand right behind a convolution") {
  const engine::model of = small_network();
  const engine::graph graph(of);
  const auto behind = [&](std::size_t channels) {
    const std::vector<std::pair<float, float>> ranges(channels, {-1, 1.5F});
    const written_model file =
        write(graph, plan_maker(graph).activations("clip", 0, ranges, 256).done());
    const auto quantizer = std::ranges::find(file.nodes, "QuantizeLinear", &written_node::type);
    REQUIRE(quantizer != file.nodes.end());
    return file.producer(quantizer->inputs[0]).type;
  };
  CHECK(behind(1) == "Conv");
  CHECK(behind(8) == "Min");
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

TEST_CASE("codes are rounded as the run under the plan rounds: ties go to even levels") {
  onnx_bytes::model made;
  const std::vector<float> weights{0.5F, -0.5F, 1.5F, -2.5F};
  made.input("x", {-1, 4}).constant("w", {4, 1}, weights);
  made.node("MatMul", {"x", "w"}, {"y"}, {}, "product").output("y");
  const engine::model of = parse(made);
  const engine::graph graph(of);
  plan_maker plan(graph);
  plan.weights("product", std::nullopt);
  ptq::quantizer by = plan.last();
  by.format.grids = {{-7, 7, -7, 7, 15}};
  const written_model file = write(graph, plan.add(by).done(), {.four_bit_types = false});
  const std::vector<std::int8_t> codes{1, -1, 1, -3};
  CHECK(file.values<std::int8_t>("w_quantized") == codes);
  for (std::size_t i = 0; i != codes.size(); ++i) {
    CHECK(ptq::reference::fake_quantize(weights[i], by.format.grids[0]) == codes[i]);
  }
}

TEST_CASE("a bias that int32 does not hold in units of the scales is added behind the operation") {
  onnx_bytes::model made;
  made.input("x", {-1, 2, 1, 1}).constant("w", {2, 2, 1, 1}, noise(4, 1));
  made.constant("b", {2}, {0.25F, 3}).constant("c", {2}, {0.5F, -4});
  made.constant("v", {2, 2}, noise(4, 2));
  made.node("Conv", {"x", "w", "b"}, {"c1"}, {}, "first");
  made.node("Flatten", {"c1"}, {"f"}, {}, "flatten");
  made.node("Gemm", {"f", "v", "c"}, {"y"}, {{"beta", 2.0F}, {"alpha", 0.5F}}, "last");
  made.output("y");
  const engine::model of = parse(made);
  const engine::graph graph(of);
  const auto at = [&](std::int64_t levels) {
    plan_maker plan(graph);
    for (const char* const each : {"first", "last"}) {
      plan.weights(each, std::nullopt);
      ptq::quantizer by = plan.last();
      by.format.grids.front().levels = levels - 1;
      plan.add(by).activations(each, 0, {{0, 1}}, levels);
    }
    return write(graph, plan.done());
  };
  const written_model narrow = at(256);
  CHECK(narrow.count("Add") == 0);
  CHECK(narrow.producer("y").inputs.size() == 3);
  const written_model wide = at(65536);
  CHECK(wide.count("Add") == 2);
  for (const auto& [result, type, added, bias] :
       {std::tuple("c1", "Conv", std::vector{0.25F, 3.0F}, "b"),
        std::tuple("y", "Gemm", std::vector{1.0F, -8.0F}, "c")}) {
    const written_node& add = wide.producer(result);
    CHECK(add.type == "Add");
    CHECK(wide.producer(add.inputs[0]).type == type);
    CHECK(wide.producer(add.inputs[0]).inputs.size() == 2);
    CHECK(add.inputs[1] == std::string(bias) + "_added");
    CHECK(wide.values<float>(add.inputs[1]) == added);
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
