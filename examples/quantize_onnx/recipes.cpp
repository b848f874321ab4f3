// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "recipes.hpp"

#include <ptq/core/error.hpp>
#include <ptq/core/nearest.hpp>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

namespace {

namespace config = ptq::config;

/// The nodes that the user wants in float, by name and by ONNX operator.
/// @throws ptq::error for a name or an operator that the model does not have.
auto ignored_by(const options& chosen, const engine::model& model) -> ptq::ignored_scope {
  ptq::ignored_scope result{.nodes = chosen.ignore};
  std::vector<std::string> names;
  std::vector<std::string> types;
  for (const engine::node& node : model.nodes) {
    names.push_back(node.name);
    if (!node.op_type.empty()) {
      types.push_back(node.op_type);
    }
    if (std::ranges::find(chosen.ignore_type, node.op_type) != chosen.ignore_type.end()) {
      result.nodes.push_back(node.name);
    }
  }
  const auto check = [](const std::vector<std::string>& wanted,
                        const std::vector<std::string>& known,
                        const char* what,
                        const char* option) {
    for (const std::string& each : wanted) {
      if (std::ranges::find(known, each) == known.end()) {
        throw ptq::error(
            "the model has no such " + std::string(what) + ": did you mean `" +
                ptq::nearest_name(each, known) + "`?",
            each,
            option
        );
      }
    }
  };
  check(chosen.ignore, names, "node", "--ignore");
  check(chosen.ignore_type, types, "operator", "--ignore-type");
  return result;
}

/// What both recipes have.
template <class Recipe>
void set_common(Recipe& of, const options& chosen, const engine::model& model) {
  of.stat_subset_size = chosen.stat_subset_size;
  of.device = std::visit(
      [](const auto& device) { return ptq::device::table(device); },
      config::choose<config::devices>(chosen.device, "--device").chosen()
  );
  of.ignored = ignored_by(chosen, model);
  of.model_type =
      chosen.model_type == "transformer" ? ptq::model_type::transformer : ptq::model_type::none;
  of.weights.bits = chosen.weights_bits;
  of.activations.bits = chosen.activations_bits;
  if (chosen.weights_granularity == "pertensor") {
    of.weights.granularity = ptq::per_tensor;
  }
  if (chosen.activations_granularity == "pertensor") {
    of.activations.granularity = ptq::per_tensor;
  }
}

/// What the user said, else what the recipe has.
auto or_usual(const std::string& said, const char* usual) -> std::string {
  return said == "default" ? usual : said;
}

auto saturation_of(const std::string& name) -> ptq::saturation {
  return name == "all"  ? ptq::saturation::all
         : name == "no" ? ptq::saturation::no
                        : ptq::saturation::first_layer;
}

auto bias_correction_of(const options& chosen, const char* usual)
    -> config::chosen<config::bias_corrections> {
  return config::choose<config::bias_corrections>(
      chosen.no_bias_correction ? "none" : or_usual(chosen.bias_correction, usual),
      "--bias-correction"
  );
}

auto overflow_correction_of(const options& chosen) -> some_overflow_correction {
  if (chosen.device.starts_with("GNA")) {
    return ptq::correction::overflow_correction{};
  }
  return ptq::correction::none{};
}

auto own_recipe_of(const options& chosen, const engine::model& model) -> own_recipe {
  if (chosen.range_estimator == "quantile") {
    throw ptq::error(
        "`quantile` is POT's: use percentile, or --recipe pot", {}, "--range-estimator"
    );
  }
  using usual = ptq::recipe::preset;
  own_recipe result{.activations = usual::activations, .where = usual::where};
  set_common(result, chosen, model);
  result.preset = config::choose<config::presets>(or_usual(chosen.preset, "mixed"), "--preset");
  result.ranges.activations.both.estimator = config::choose<config::distribution_estimators>(
      or_usual(chosen.range_estimator, "mean_squared_error"), "--range-estimator"
  );
  auto& [equalisation, saturation_fix, bias, overflow] = result.corrections.each;
  if (chosen.no_channel_alignment) {
    equalisation = ptq::correction::none{};
  }
  saturation_fix.apply = saturation_of(or_usual(chosen.saturation_fix, "no"));
  bias = bias_correction_of(chosen, "verified");
  overflow = overflow_correction_of(chosen);
  return result;
}

auto pot_recipe_of(const options& chosen, const engine::model& model) -> pot_recipe {
  if (chosen.range_estimator != "default" && chosen.range_estimator != "quantile") {
    throw ptq::error(
        "POT has no `" + chosen.range_estimator + "`: use --recipe ptq, or quantile",
        {},
        "--range-estimator"
    );
  }
  pot_recipe result{
      .ranges = config::named_ranges({.range_estimator = {.preset = chosen.range_estimator}})
  };
  set_common(result, chosen, model);
  result.preset =
      config::choose<config::presets>(or_usual(chosen.preset, "performance"), "--preset");
  auto& [alignment, saturation_fix, bias, overflow] = result.corrections.each;
  if (chosen.no_channel_alignment) {
    alignment = ptq::correction::none{};
  }
  saturation_fix.apply = saturation_of(or_usual(chosen.saturation_fix, "first_layer"));
  bias = bias_correction_of(chosen, "fast");
  overflow = overflow_correction_of(chosen);
  return result;
}

} // namespace

auto quantization_of(const options& chosen, const engine::model& model) -> quantization {
  if (chosen.recipe == "pot") {
    return pot_recipe_of(chosen, model);
  }
  return own_recipe_of(chosen, model);
}
