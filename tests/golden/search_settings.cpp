// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "golden/search_settings.hpp"

#include <utility>
#include <variant>

#include "quantize_onnx/recipes.hpp"

namespace ptq::test {

auto search_settings() -> std::vector<search_setting> {
  const auto w4 = [](search_setting of) {
    of.weights_bits = 4;
    return of;
  };
  const auto w4a4 = [](search_setting of) {
    of.weights_bits = of.activations_bits = 4;
    return of;
  };
  const auto wpt = [](search_setting of) {
    of.weights_bits = 8;
    of.per_tensor = true;
    return of;
  };
  using measures = remembering_evaluator::measures;
  constexpr auto prob = measures::top1_and_probability;
  constexpr auto loss = measures::top1_and_loss;
  return {
      {.name = "fashion_ds.int8_drop0", .limit = 0.0},
      {.name = "fashion_ds.mixed_mixed", .limit = 0.001, .preset = "mixed"},
      w4({.name = "fashion_ds.w4_drop0.005"}),
      w4({.name = "fashion_ds.w4_drop0", .limit = 0.0}),
      w4({.name = "fashion_ds.w4_switch_0.002", .limit = 0.002, .what = prob}),
      w4({.name = "fashion_ds.w4_switch_keep", .limit = 0.002, .what = prob, .take_back = false}),
      w4a4({.name = "fashion_ds.a4_mixed", .mixed = true}),
      w4a4({.name = "fashion_ds.w4a4_drop0.005"}),
      w4a4({.name = "fashion_ds.w4a4_annotation_free", .annotation_free = true}),
      w4a4({.name = "fashion_ds.w4a4_base_minmax", .only_min_max = true}),
      w4a4({.name = "fashion_ds.w4a4_baseline", .given = {"top1"}}),
      w4a4({.name = "fashion_ds.w4a4_droptype_other", .limit = 0.01}),
      w4a4({.name = "fashion_ds.w4a4_full_bias", .bias = "full"}),
      w4a4({.name = "fashion_ds.w4a4_keep", .limit = 0.0, .take_back = false}),
      w4a4({.name = "fashion_ds.w4a4_rank10_drop0", .limit = 0.0, .ranking_subset_size = 10}),
      w4a4(
          {.name = "fashion_ds.w4a4_rank10_keep",
           .limit = 0.0,
           .ranking_subset_size = 10,
           .take_back = false}
      ),
      w4a4({.name = "fashion_ds.w4a4_special", .what = measures::top1_whole}),
      w4a4({.name = "fashion_ds.w4a4_switch_0.005", .what = prob}),
      w4a4(
          {.name = "fashion_ds.w4a4_two_baseline",
           .limit = 0.02,
           .what = loss,
           .given = {"top1", "nll"}}
      ),
      w4a4(
          {.name = "fashion_ds.w4a4_two_one_baseline",
           .limit = 0.02,
           .what = loss,
           .given = {"top1"},
           .other_by_name = true}
      ),
      w4a4({.name = "fashion_ds.w4a4_two_relative", .limit = 0.02, .relative = true, .what = loss}),
      wpt({.name = "fashion_ds.wpt_drop0.005"}),
      wpt({.name = "fashion_ds.wpt_drop0", .limit = 0.0}),
      {.name = "fashion_mix.int8_drop0", .limit = 0.0},
      w4({.name = "fashion_mix.w4_drop0.005"}),
      w4({.name = "fashion_mix.w4_drop0", .limit = 0.0}),
      w4a4({.name = "fashion_mix.w4a4_drop0.005"}),
      w4a4({.name = "fashion_mix.w4a4_rank10_drop0", .limit = 0.0, .ranking_subset_size = 10}),
      w4a4({.name = "fashion_mix.w4a4_two_relative", .limit = 0.02, .relative = true, .what = loss}
      ),
      w4({.name = "fashion_vit.w4_drop0.005"}),
      w4a4({.name = "fashion_vit.w4a4_drop0.005"}),
  };
}

auto quantized(
    const search_setting& of,
    const std::string& recipe,
    const std::string& preset,
    const engine::graph& graph,
    engine::evaluator& calibration
) -> plan {
  const bool pot = recipe == "pot";
  options chosen;
  chosen.recipe = recipe;
  chosen.preset = pot ? preset : "default";
  chosen.device = pot ? "CPU" : "ANY";
  chosen.weights_bits = of.weights_bits;
  chosen.activations_bits = of.activations_bits;
  chosen.weights_granularity = of.per_tensor ? "pertensor" : "perchannel";
  if (pot) {
    chosen.bias_correction = of.bias;
    chosen.no_bias_correction = of.only_min_max;
    chosen.no_channel_alignment = of.only_min_max;
  }
  return std::visit(
      [&](const auto& quantize) -> plan { return quantize(graph, calibration); },
      quantization_of(chosen, graph.source())
  );
}

} // namespace ptq::test
