// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/lowering/lower.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;
using tensor = toy_graph::tensor;
using int8s = std::vector<std::int8_t>;
using int32s = std::vector<std::int32_t>;
using floats = std::vector<float>;

struct fixture {
  toy_graph g;
  tensor x = g.input("x");
  ptq::plan by;

  void quantize(
      std::string name,
      ptq::tensor_kind kind,
      std::vector<ptq::port_name> consumers,
      std::vector<ptq::grid> grids,
      std::optional<std::size_t> axis = std::nullopt
  ) {
    by.quantizers.emplace_back(ptq::quantizer{
        .tensor = std::move(name),
        .kind = kind,
        .consumers = std::move(consumers),
        .format = {.axis = axis, .grids = std::move(grids)}
    });
  }

  /// The weights of one product, on one grid.
  auto lowered_weights(const floats& values, const ptq::grid& on) -> ptq::lowered_tensor {
    g.matmul("fc", x, g.constant("w", {values.size(), 1}, values));
    quantize("w", ptq::tensor_kind::weights, {{"fc", 1}}, {on});
    const auto lowered = ptq::lower(g, by);
    REQUIRE(lowered.size() == 1);
    CHECK(lowered[0].name == "w");
    CHECK(lowered[0].node == "fc");
    CHECK(lowered[0].shape == std::vector<std::size_t>{values.size(), 1});
    return lowered[0];
  }
};

TEST_CASE_FIXTURE(fixture, "symmetric weights: the worked example") {
  const auto w = lowered_weights(
      {0.3F, 0.5F, -0.5F, 0.0F, 0.001F, -0.2F}, {.in_low = -0.5F, .in_high = 0.5F, .levels = 255}
  );
  CHECK(std::get<int8s>(w.codes) == int8s{76, 127, -127, 0, 0, -51});
  CHECK(w.scales == floats{0.003937008F});
  CHECK(w.zero_points == floats{0.0F});
  CHECK_FALSE(w.axis.has_value());
}

TEST_CASE_FIXTURE(fixture, "halved symmetric weights: the worked example, ties up") {
  const auto w = lowered_weights(
      {0.15F, -0.25F, 0.25F},
      {.in_low = -0.5F, .in_high = 0.5F, .out_low = -1.0F, .out_high = 1.0F, .levels = 255}
  );
  CHECK(std::get<int8s>(w.codes) == int8s{38, -63, 64});
  CHECK(w.scales == floats{0.007874016F});
  CHECK(w.zero_points == floats{0.0F});
}

TEST_CASE_FIXTURE(fixture, "asymmetric weights: the worked example keeps its zero point") {
  const auto w = lowered_weights(
      {-0.4F, 0.0F, 0.5F, 1.2F}, {.in_low = -0.4020942408F, .in_high = 1.2F, .levels = 256}
  );
  CHECK(std::get<int8s>(w.codes) == int8s{-128, -64, 16, 127});
  CHECK(w.scales[0] == doctest::Approx(0.00628272).epsilon(1e-6));
  CHECK(w.zero_points[0] == doctest::Approx(-64.0).epsilon(1e-6));
}

TEST_CASE_FIXTURE(
    fixture, "asymmetric weights whose codes fit once shifted lose their zero point"
) {
  // Halved, they take half of the codes.
  const auto w = lowered_weights(
      {-0.2F, 0.0F, 0.25F, 0.6F},
      {.in_low = -0.4020942408F,
       .in_high = 1.2F,
       .out_low = -0.8041884816F,
       .out_high = 2.4F,
       .levels = 256}
  );
  CHECK(std::get<int8s>(w.codes) == int8s{-32, 0, 40, 96});
  CHECK(w.zero_points == floats{0.0F});
}

TEST_CASE_FIXTURE(fixture, "a zero point that is no whole number stays as it is") {
  const auto w = lowered_weights({-0.5F, 0.5F}, {.in_low = -0.5F, .in_high = 0.5F, .levels = 256});
  CHECK(std::get<int8s>(w.codes) == int8s{-128, 127});
  CHECK(w.zero_points[0] == doctest::Approx(-0.5).epsilon(1e-4)); // with the noise of binary32
}

TEST_CASE_FIXTURE(fixture, "the codes are those of the formula, per channel on any axis") {
  const toy::shape shape{3, 4, 5};
  const floats values = toy_numbers(60, 7, -2.0F, 3.0F);
  g.add("sum", x, g.constant("w", shape, values));
  for (std::size_t axis = 0; axis != 3; ++axis) {
    std::vector<ptq::grid> grids;
    for (std::size_t c = 0; c != shape[axis]; ++c) {
      const auto most = 3.0F + static_cast<float>(c);
      grids.push_back({.in_low = -most, .in_high = most, .levels = 255});
    }
    by = {};
    quantize("w", ptq::tensor_kind::weights, {{"sum", 1}}, grids, axis);
    const auto lowered = ptq::lower(g, by);
    REQUIRE(lowered.size() == 1);
    CHECK(lowered[0].axis == axis);
    REQUIRE(lowered[0].scales.size() == shape[axis]);
    const auto& codes = std::get<int8s>(lowered[0].codes);
    std::size_t i = 0;
    toy::for_each_index(shape, [&](const toy::shape& index) {
      const ptq::grid& on = grids[index[axis]];
      const double t = (static_cast<double>(values[i]) - static_cast<double>(on.in_low)) /
                       (static_cast<double>(on.in_high) - static_cast<double>(on.in_low)) * 254.0;
      CHECK(codes[i] == static_cast<int>(std::floor(t + 0.5)) - 127);
      const double back = codes[i] * static_cast<double>(lowered[0].scales[index[axis]]);
      CHECK(std::abs(back - static_cast<double>(values[i])) <= 0.5001 * on.scale());
      ++i;
    });
  }
}

TEST_CASE_FIXTURE(fixture, "what the integers stand for is what the quantized model sees") {
  for (const bool asymmetric : {false, true}) {
    for (const int bits : {2, 4, 6, 8}) {
      fixture f;
      const floats values = toy_numbers(200, 11, -0.7F, 1.9F);
      const std::int64_t levels = (std::int64_t{1} << bits) - (asymmetric ? 0 : 1);
      const float low = asymmetric ? -0.7F : -1.9F;
      const auto w = f.lowered_weights(values, {.in_low = low, .in_high = 1.9F, .levels = levels});
      const auto& codes = std::get<int8s>(w.codes);
      for (std::size_t i = 0; i != values.size(); ++i) {
        CHECK(codes[i] >= -levels / 2);
        CHECK(codes[i] <= (levels - 1) / 2);
        const double back =
            (codes[i] - static_cast<double>(w.zero_points[0])) * static_cast<double>(w.scales[0]);
        const float seen = toy::fake_quantize(values[i], f.by.quantizers[0]->format.grids[0]);
        CHECK(back == doctest::Approx(static_cast<double>(seen)).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE_FIXTURE(fixture, "biases are in units of input scale times weight scale") {
  const ptq::grid input{.in_low = 0.0F, .in_high = 25.5F, .levels = 256};     // 0.1
  const ptq::grid weights{.in_low = -1.27F, .in_high = 1.27F, .levels = 255}; // 0.01
  const ptq::grid other{.in_low = -2.54F, .in_high = 2.54F, .levels = 255};   // 0.02
  const floats w(18, 0.5F);
  const floats b{1.0F, -2.5F};
  SUBCASE("per tensor") {
    g.convolution("conv", x, g.constant("w", {2, 1, 3, 3}, w), g.constant("b", {2}, b));
    quantize("x", ptq::tensor_kind::activations, {{"conv", 0}}, {input});
    quantize("w", ptq::tensor_kind::weights, {{"conv", 1}}, {weights});
    const auto lowered = ptq::lower(g, by);
    REQUIRE(lowered.size() == 2);
    CHECK(lowered[1].name == "b");
    CHECK(lowered[1].node == "conv");
    CHECK(std::get<int32s>(lowered[1].codes) == int32s{1000, -2500});
    CHECK(lowered[1].scales[0] == doctest::Approx(0.001));
    CHECK(lowered[1].zero_points == floats{0.0F});
    CHECK_FALSE(lowered[1].axis.has_value());
  }
  SUBCASE("weights per channel") {
    g.convolution("conv", x, g.constant("w", {2, 1, 3, 3}, w), g.constant("b", {2}, b));
    quantize("x", ptq::tensor_kind::activations, {{"conv", 0}}, {input});
    quantize("w", ptq::tensor_kind::weights, {{"conv", 1}}, {weights, other}, 0);
    const auto lowered = ptq::lower(g, by);
    CHECK(std::get<int32s>(lowered.at(1).codes) == int32s{1000, -1250});
    CHECK(lowered[1].axis == 0);
    CHECK(lowered[1].scales[1] == doctest::Approx(0.002));
  }
  SUBCASE("a depthwise convolution whose input is per channel") {
    const ptq::grid half{.in_low = 0.0F, .in_high = 12.75F, .levels = 256};
    g.convolution(
        "conv", x, g.constant("w", {2, 1, 3, 3}, w), g.constant("b", {2}, b), {.groups = 2}
    );
    quantize("x", ptq::tensor_kind::activations, {{"conv", 0}}, {input, half}, 1);
    quantize("w", ptq::tensor_kind::weights, {{"conv", 1}}, {weights, other}, 0);
    const auto lowered = ptq::lower(g, by);
    CHECK(std::get<int32s>(lowered.at(1).codes) == int32s{1000, -2500});
    CHECK(lowered[1].axis == 0);
  }
  SUBCASE("an ordinary convolution whose input is per channel has no integer bias") {
    g.convolution("conv", x, g.constant("w", {2, 2, 3, 3}, floats(36)), g.constant("b", {2}, b));
    quantize("x", ptq::tensor_kind::activations, {{"conv", 0}}, {input, input}, 1);
    quantize("w", ptq::tensor_kind::weights, {{"conv", 1}}, {weights}, {});
    CHECK(ptq::lower(g, by).size() == 1);
  }
  SUBCASE("added behind the convolution: the axis is that of its channels") {
    const auto c = g.convolution("conv", x, g.constant("w", {2, 1, 3, 3}, w));
    g.add("sum", c, g.constant("b", {1, 2, 1, 1}, b));
    quantize("x", ptq::tensor_kind::activations, {{"conv", 0}}, {input});
    quantize("w", ptq::tensor_kind::weights, {{"conv", 1}}, {weights, other}, 0);
    const auto lowered = ptq::lower(g, by);
    CHECK(std::get<int32s>(lowered.at(1).codes) == int32s{1000, -1250});
    CHECK(lowered[1].shape == std::vector<std::size_t>{1, 2, 1, 1});
    CHECK(lowered[1].axis == 1);
    CHECK(lowered[1].node == "conv");
  }
  SUBCASE("a constant behind it that is no bias has no integers where scales differ") {
    const auto c = g.convolution("conv", x, g.constant("w", {2, 1, 3, 3}, w));
    g.add("sum", c, g.constant("b", {2}, b)); // one number for each column
    quantize("x", ptq::tensor_kind::activations, {{"conv", 0}}, {input});
    quantize("w", ptq::tensor_kind::weights, {{"conv", 1}}, {weights, other}, 0);
    CHECK(ptq::lower(g, by).size() == 1);
  }
  SUBCASE("the quantizer stands above what only moves values") {
    const auto moved = g.transpose("turn", g.max_pool("pool", x, {2, 2}), {0, 1, 3, 2});
    g.convolution(
        "conv", moved, g.constant("w", {2, 1, 3, 3}, w), g.constant("b", {2}, b), {.groups = 2}
    );
    quantize("w", ptq::tensor_kind::weights, {{"conv", 1}}, {weights});
    const ptq::plan weights_alone = by;
    quantize("x", ptq::tensor_kind::activations, {{"pool", 0}}, {input});
    CHECK(std::get<int32s>(ptq::lower(g, by).at(1).codes) == int32s{1000, -2500});
    by = weights_alone;
    quantize("x", ptq::tensor_kind::activations, {{"pool", 0}}, {input, input}, 1);
    CHECK(ptq::lower(g, by).size() == 1); // which channel is which is not followed
  }
  SUBCASE("too large for 32 bits") {
    g.convolution("conv", x, g.constant("w", {2, 1, 3, 3}, w), g.constant("b", {2}, {1e7F, 1.0F}));
    quantize("x", ptq::tensor_kind::activations, {{"conv", 0}}, {input});
    quantize("w", ptq::tensor_kind::weights, {{"conv", 1}}, {weights});
    CHECK(ptq::lower(g, by).size() == 1);
  }
  SUBCASE("the input stays in floating point") {
    g.convolution("conv", x, g.constant("w", {2, 1, 3, 3}, w), g.constant("b", {2}, b));
    quantize("w", ptq::tensor_kind::weights, {{"conv", 1}}, {weights});
    CHECK(ptq::lower(g, by).size() == 1);
  }
  SUBCASE("what a correction put in its place") {
    g.convolution("conv", x, g.constant("w", {2, 1, 3, 3}, w), g.constant("b", {2}, b));
    quantize("x", ptq::tensor_kind::activations, {{"conv", 0}}, {input});
    quantize("w", ptq::tensor_kind::weights, {{"conv", 1}}, {weights});
    by.constants.emplace_back(ptq::replaced_constant{"b", "conv", "test", {{2}, {3.0F, 4.0F}}});
    by.constants.emplace_back(
        ptq::replaced_constant{"w", "conv", "test", {{2, 1, 3, 3}, floats(18, 1.27F)}}
    );
    const auto lowered = ptq::lower(g, by);
    CHECK(std::get<int8s>(lowered.at(0).codes) == int8s(18, 127));
    CHECK(std::get<int32s>(lowered.at(1).codes) == int32s{3000, 4000});
  }
}

TEST_CASE_FIXTURE(fixture, "weights of more than 65,536 levels stay in floating point") {
  g.matmul("fc", x, g.constant("w", {2, 1}, {1, 2}));
  quantize(
      "w", ptq::tensor_kind::weights, {{"fc", 1}}, {{.in_low = -2, .in_high = 2, .levels = 65537}}
  );
  CHECK(ptq::lower(g, by).empty());
}

TEST_CASE_FIXTURE(fixture, "weights of more than 256 levels become codes of 16 bits") {
  const floats values{-2.0F, -1.0F, 0.0F, 1e-3F, 2.0F};
  const ptq::grid symmetric{.in_low = -2.0F, .in_high = 2.0F, .levels = 65535};
  const auto w = lowered_weights(values, symmetric);
  CHECK(
      std::get<std::vector<std::int16_t>>(w.codes) ==
      std::vector<std::int16_t>{-32767, -16384 + 1, 0, 16, 32767}
  );
  CHECK(w.bits == 16);
  CHECK(w.zero_points == floats{0.0F});
  CHECK(w.scales[0] == doctest::Approx(2.0 / 32767));
  const auto as_unsigned = ptq::lower(g, by, ptq::element_type::u8);
  CHECK(std::get<std::vector<std::uint16_t>>(as_unsigned.at(0).codes).back() == 65534);
  CHECK(as_unsigned[0].zero_points == floats{32767.0F});
}

TEST_CASE_FIXTURE(fixture, "weights of up to 16 levels fit into four bits") {
  const auto w = lowered_weights(
      {-0.5F, 0.0F, 0.25F, 0.5F, 0.5F}, {.in_low = -0.5F, .in_high = 0.5F, .levels = 15}
  );
  CHECK(w.bits == 4);
  CHECK(std::get<int8s>(w.codes) == int8s{-7, 0, 4, 7, 7});
  CHECK(w.zero_points == floats{0.0F});
  SUBCASE("their zero points are taken into the codes only if these still fit") {
    const ptq::grid shifted{.in_low = -0.25F, .in_high = 0.5F, .levels = 16}; // zero on code 5
    by.quantizers.clear();
    quantize("w", ptq::tensor_kind::weights, {{"fc", 1}}, {shifted});
    const auto kept = ptq::lower(g, by);
    CHECK(kept.at(0).zero_points[0] == doctest::Approx(-3.0));
    CHECK(std::get<int8s>(kept[0].codes) == int8s{-8, -3, 2, 7, 7});
  }
}

TEST_CASE_FIXTURE(fixture, "a plan of another model is refused") {
  g.matmul("fc", x, g.constant("w", {2, 1}, {1, 2}));
  const ptq::grid on{.in_low = -2, .in_high = 2, .levels = 255};
  const std::string problem = "the plan is of another model: the graph has no such constant";
  SUBCASE("no such tensor") {
    quantize("v", ptq::tensor_kind::weights, {{"fc", 1}}, {on});
    CHECK(message_of([&] { (void)ptq::lower(g, by); }) == "v: " + problem);
  }
  SUBCASE("no constant") {
    quantize("x", ptq::tensor_kind::weights, {{"fc", 0}}, {on});
    CHECK(message_of([&] { (void)ptq::lower(g, by); }) == "x: " + problem);
  }
  SUBCASE("by its digest") {
    by.model.digest = "fnv1a64:0000000000000000";
    CHECK(message_of([&] { (void)ptq::lower(g, by); }).starts_with("the plan is of another model"));
  }
}

TEST_CASE_FIXTURE(fixture, "grids that do not fit the constant are refused by its name") {
  g.matmul("fc", x, g.constant("w", {2, 3}, floats(6, 1.0F)));
  const ptq::grid on{.in_low = -2, .in_high = 2, .levels = 255};
  const auto refusal = [&](std::vector<ptq::grid> grids, std::optional<std::size_t> axis) {
    by.quantizers.clear();
    quantize("w", ptq::tensor_kind::weights, {{"fc", 1}}, std::move(grids), axis);
    return message_of([&] { (void)ptq::lower(g, by); });
  };
  CHECK(refusal({on, on}, 0) == "no error");
  CHECK(
      refusal({on, on, on}, 0) ==
      "w: the plan has 3 grids for the 2 channels of a constant of shape 2x3"
  );
  CHECK(
      refusal({on, on}, std::nullopt) ==
      "w: the plan has 2 grids for the 1 channels of a constant of shape 2x3"
  );
  CHECK(
      refusal({}, std::nullopt) ==
      "w: the plan has 0 grids for the 1 channels of a constant of shape 2x3"
  );
  CHECK(refusal({on}, 2) == "w: the plan has grids on axis 2 of a constant of shape 2x3");
  ptq::grid bad = on;
  bad.in_low = 3;
  CHECK(refusal({on, bad}, 0) == "w: grid 1 of the plan has its limits in the wrong order");
  bad.in_low = std::numeric_limits<float>::quiet_NaN();
  CHECK(refusal({bad, on}, 0) == "w: grid 0 of the plan has a limit that is not finite");
  bad = on;
  bad.levels = 1;
  CHECK(refusal({bad}, std::nullopt) == "w: grid 0 of the plan has 1 levels");
  bad.levels = 15;
  CHECK(refusal({on, bad}, 0) == "w: grid 1 of the plan has 15 levels");
  by.constants.emplace_back(ptq::replaced_constant{
      "w", "fc", "test", {{2, 3}, {1, 1, std::numeric_limits<float>::quiet_NaN(), 1, 1, 1}}
  });
  CHECK(refusal({on}, std::nullopt) == "w: quantize: NaN has no code");
}

TEST_CASE_FIXTURE(fixture, "all of a small net is lowered, layer for layer") {
  const auto c = g.convolution(
      "conv",
      x,
      g.constant("conv.w", {4, 2, 3, 3}, toy_numbers(72, 1)),
      g.constant("conv.b", {4}, {1, 2, 3, 4}),
      {.pads_begin = {1, 1}, .pads_end = {1, 1}}
  );
  const auto d = g.convolution(
      "dw",
      g.relu("relu", c),
      g.constant("dw.w", {4, 1, 3, 3}, toy_numbers(36, 2)),
      g.constant("dw.b", {4}, {1, 2, 3, 4}),
      {.groups = 4}
  );
  const auto flat = g.flatten("flat", g.reduce_mean("pool", g.relu("relu2", d)));
  g.matmul(
      "fc",
      flat,
      g.constant("fc.w", {3, 4}, toy_numbers(12, 3)),
      g.constant("fc.b", {3}, {1, 2, 3}),
      {.transpose_b = true}
  );
  toy_evaluator evaluator(toy_samples(4, {1, 2, 6, 6}));
  const ptq::plan p = ptq::default_quantization<>{}(g, evaluator);
  std::vector<std::string> names;
  for (const auto& each : ptq::lower(g, p)) {
    names.push_back(each.name);
    CHECK(each.zero_points == floats(each.scales.size(), 0.0F));
    CHECK((!each.axis || each.scales.size() == each.shape[*each.axis]));
  }
  // The quantizer of the matrix product stands above the Flatten.
  CHECK(names == std::vector<std::string>{"conv.w", "dw.w", "fc.w", "conv.b", "dw.b", "fc.b"});
}

TEST_CASE_FIXTURE(fixture, "as uint8, codes count from 0 and keep their zero points") {
  g.matmul("fc", x, g.constant("w", {4, 1}, {-1.0F, 0.0F, 0.25F, 1.0F}));
  const ptq::grid symmetric{.in_low = -1.0F, .in_high = 1.0F, .levels = 255};
  quantize("w", ptq::tensor_kind::weights, {{"fc", 1}}, {symmetric});
  const auto as_unsigned = ptq::lower(g, by, ptq::element_type::u8);
  const auto as_signed = ptq::lower(g, by);
  REQUIRE(as_unsigned.size() == 1);
  const auto& codes = std::get<std::vector<std::uint8_t>>(as_unsigned[0].codes);
  const auto& with_sign = std::get<int8s>(as_signed[0].codes);
  CHECK(codes == std::vector<std::uint8_t>{0, 127, 159, 254});
  CHECK(as_unsigned[0].zero_points == floats{127.0F});
  CHECK(as_unsigned[0].scales == as_signed[0].scales);
  for (std::size_t i = 0; i != codes.size(); ++i) {
    CHECK(int{codes[i]} - 127 == int{with_sign[i]});
  }
  CHECK(message_of([&] {
          (void)ptq::lower(g, by, ptq::element_type::i16);
        }) == "weights are lowered to int8 or uint8 (option `weights_as`)");
}

TEST_CASE_FIXTURE(
    fixture, "a bias behind a concatenation or a Relu is in the units of the one grid above"
) {
  const ptq::grid on{.in_low = 0.0F, .in_high = 2.55F};
  const auto y = g.input("y");
  const auto joined = g.concat("joined", {x, y}, 1);
  const auto w = g.constant("w", {1, 4}, {1.0F, 1.0F, 1.0F, 1.0F});
  g.matmul("fc", g.relu("r", joined), w, g.constant("b", {1}, {1.0F}), {.transpose_b = true});
  quantize("x", ptq::tensor_kind::activations, {{"joined", 0}}, {on});
  quantize(
      "w",
      ptq::tensor_kind::weights,
      {{"fc", 1}},
      {{.in_low = -1.27F, .in_high = 1.27F, .levels = 255}}
  );
  CHECK(ptq::lower(g, by).size() == 1); // `y` is in floating point
  quantize("y", ptq::tensor_kind::activations, {{"joined", 1}}, {on});
  const auto lowered = ptq::lower(g, by);
  REQUIRE(lowered.size() == 2);
  CHECK(lowered[1].name == "b");
  CHECK(std::get<int32s>(lowered[1].codes) == int32s{10'000});
  by.quantizers.pop_back();
  quantize(
      "y", ptq::tensor_kind::activations, {{"joined", 1}}, {{.in_low = 0.0F, .in_high = 1.0F}}
  );
  CHECK(ptq::lower(g, by).size() == 1); // two grids
}

} // namespace
