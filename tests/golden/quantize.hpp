// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/config/model_types.hpp>
#include <ptq/config/named_ranges.hpp>
#include <ptq/config/names.hpp>
#include <ptq/correction/overflow_correction.hpp>

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "golden/golden_run.hpp"
#include "golden/range_estimators.hpp"
#include "golden/recorded_alignment.hpp"

namespace ptq::test {

/// An algorithm chosen at run time, an axis at a time.
using chosen_quantization = default_quantization<
    config::chosen<config::presets>,
    device::table,
    config::named_ranges,
    schemes<scheme::symmetric, scheme::asymmetric>,
    corrections<
        one_of<correction::none, recorded_alignment>,
        correction::saturation_fix,
        config::chosen<config::bias_corrections>,
        one_of<correction::none, correction::overflow_correction>>>;

/// An option of POT that has no counterpart here.
struct no_counterpart : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace detail {

using option_value = nlohmann::json;

inline void no_effect(const option_value&, chosen_quantization&) {}

inline void set_mode(tensor_options& of, const option_value& given) {
  of.mode = given == "asymmetric" ? asymmetric : symmetric;
}

inline void set_granularity(tensor_options& of, const option_value& given) {
  of.granularity = given == "pertensor" ? per_tensor : per_channel;
}

inline void set_device(const option_value& given, chosen_quantization& of) {
  of.device = std::visit(
      [](const auto& device) { return device::table(device); },
      config::choose<config::devices>(given.get<std::string>(), "target_device").chosen()
  );
}

inline void set_saturation(const option_value& given, chosen_quantization& of) {
  std::get<1>(of.corrections.each).apply = given == "all"  ? saturation::all
                                           : given == "no" ? saturation::no
                                                           : saturation::first_layer;
}

/// POT's names of operations and nodes are those of its own representation.
inline void set_ignored(const option_value& given, chosen_quantization& of) {
  const std::map<std::string, op> types{
      {"Add", op::add},
      {"Convolution", op::convolution},
      {"MatMul", op::matmul},
      {"ReduceMean", op::reduce_mean}
  };
  for (const auto& [key, value] : given.items()) {
    if (key == "skip_model") {
      of.ignored.skip_model = value.get<bool>();
    } else if (key == "scope") {
      for (auto name : value.get<std::vector<std::string>>()) {
        if (const auto suffix = name.rfind("/WithoutBiases"); suffix != std::string::npos) {
          name.erase(suffix);
        }
        of.ignored.nodes.push_back(std::move(name));
      }
    } else if (key == "operations") {
      for (const option_value& each : value) {
        // A Convolution of POT has no attribute `group`: this matches none, and POT is silent.
        if (!each.value("attributes", option_value::object()).contains("group")) {
          of.ignored.operations.push_back({.kind = types.at(each.at("type").get<std::string>())});
        }
      }
    } else {
      throw no_counterpart("ignored." + key);
    }
  }
}

template <tensor_options chosen_quantization::* Of>
auto options_of_kind(const std::string& kind) {
  return std::map<std::string, void (*)(const option_value&, chosen_quantization&)>{
      {kind + ".range_estimator", no_effect}, // Is in `recorded_ranges`.
      {kind + ".bits",
       [](const option_value& given, chosen_quantization& of) { (of.*Of).bits = given.get<int>(); }
      },
      {kind + ".mode",
       [](const option_value& given, chosen_quantization& of) { set_mode(of.*Of, given); }},
      {kind + ".granularity",
       [](const option_value& given, chosen_quantization& of) { set_granularity(of.*Of, given); }},
      {kind + ".level_low",
       [](const option_value& given, chosen_quantization& of) {
         (of.*Of).level_low = given.get<std::int64_t>();
       }},
      {kind + ".level_high",
       [](const option_value& given, chosen_quantization& of) {
         (of.*Of).level_high = given.get<std::int64_t>();
       }}
  };
}

/// What each of POT's options is here. Those of `weights` and `activations` go by `weights.bits`.
inline auto options() -> const auto& {
  static const auto all = [] {
    std::map<std::string, void (*)(const option_value&, chosen_quantization&)> result{
        {"preset",
         [](const option_value& given, chosen_quantization& of) {
           of.preset = config::choose<config::presets>(given.get<std::string>(), "preset");
         }},
        {"target_device", set_device},
        {"saturation_fix", set_saturation},
        {"ignored", set_ignored},
        {"model_type",
         [](const option_value& given, chosen_quantization& of) {
           of.model_type = config::choose_model_type(given.get<std::string>(), "model_type");
         }},
        {"use_fast_bias", no_effect}, // These three are in `quantization_of`.
        {"threshold", no_effect},
        {"apply_for_all_nodes", no_effect},
        {"stat_subset_size", no_effect}, // The samples of a run say this, and the next two.
        {"shuffle_data", no_effect},
        {"seed", no_effect},
        {"inplace_statistics", no_effect}, // These three are in `recorded_ranges`.
        {"stat_batch_size", no_effect},
        {"range_estimator", no_effect},
    };
    result.merge(options_of_kind<&chosen_quantization::weights>("weights"));
    result.merge(options_of_kind<&chosen_quantization::activations>("activations"));
    return result;
  }();
  return all;
}

inline void
set_option(const std::string& name, const option_value& given, chosen_quantization& of) {
  if (name == "weights" || name == "activations") {
    for (const auto& [key, value] : given.items()) {
      set_option(name + "." + key, value, of);
    }
    return;
  }
  const auto found = options().find(name);
  if (found == options().end()) {
    throw no_counterpart("option " + name);
  }
  found->second(given, of);
}

template <class Bias>
auto with_parameters(Bias result, const option_value& parameters) -> Bias {
  result.threshold = parameters.value("threshold", result.threshold);
  result.apply_for_all_nodes = parameters.value("apply_for_all_nodes", false);
  return result;
}

} // namespace detail

/// What POT was asked for in a recorded run.
/// @throws no_counterpart that says what there is not, error as for any wrong option.
inline auto quantization_of(const golden_run& run) -> chosen_quantization {
  chosen_quantization result{.ranges = recorded_ranges(run)};
  auto& [alignment, saturation_fix, bias, overflow] = result.corrections.each;
  bias = correction::none{};
  for (const nlohmann::json& algorithm : run.algorithms) {
    const auto name = algorithm.at("name").get<std::string>();
    const nlohmann::json& parameters = algorithm.at("params");
    const bool all = name == "DefaultQuantization";
    if (all || name == "ActivationChannelAlignment") {
      alignment = recorded_alignment(run);
    }
    if (name == "BiasCorrection" || (all && !parameters.value("use_fast_bias", true))) {
      // POT corrects no bias of a model whose batch is not 1, and is silent.
      if (parameters.value("stat_batch_size", 1) == 1) {
        bias = detail::with_parameters(correction::full_bias{}, parameters);
      }
    } else if (all || name == "FastBiasCorrection") {
      bias = detail::with_parameters(correction::fast_bias{}, parameters);
    }
    if (all && parameters.value("target_device", "ANY").starts_with("GNA")) {
      overflow = correction::overflow_correction{};
    }
    for (const auto& [key, value] : parameters.items()) {
      detail::set_option(key, value, result);
    }
  }
  return result;
}

/// The samples that a run read. One that POT refused, or in which it skipped the model, read none:
/// then those of the others.
inline auto samples_of(const golden_run& run) -> samples {
  return run.samples.empty() ? samples(0, 300) : samples(run.samples);
}

} // namespace ptq::test
