// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/config/named_ranges.hpp>
#include <ptq/config/names.hpp>
#include <ptq/correction/channel_alignment.hpp>
#include <ptq/correction/overflow_correction.hpp>

#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "golden/golden_run.hpp"
#include "golden/range_estimators.hpp"

namespace ptq::test {

/// An algorithm chosen at run time, an axis at a time.
using chosen_quantization = default_quantization<
    config::chosen<config::presets>,
    device::table,
    config::named_ranges,
    schemes<scheme::symmetric, scheme::asymmetric>,
    corrections<
        one_of<correction::none, correction::channel_alignment>,
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

inline void set_threshold(const option_value& given, chosen_quantization& of) {
  std::get<2>(of.corrections.each) = correction::fast_bias{.threshold = given.get<double>()};
}

inline void must_be(const option_value& given, const option_value& value, const char* name) {
  if (given != value) {
    throw no_counterpart(std::string(name) + " is " + given.dump());
  }
}

/// What each of POT's options is here. Those of `weights` and `activations` go by `weights.bits`.
inline const std::map<std::string, void (*)(const option_value&, chosen_quantization&)> options{
    {"preset",
     [](const option_value& given, chosen_quantization& of) {
       of.preset = config::choose<config::presets>(given.get<std::string>(), "preset");
     }},
    {"target_device", set_device},
    {"saturation_fix", set_saturation},
    {"threshold", set_threshold},
    {"use_fast_bias",
     [](const option_value& given, chosen_quantization&) { must_be(given, true, "use_fast_bias"); }
    },
    {"apply_for_all_nodes", no_effect}, // That of a layer in floating point is right as it is.
    {"stat_subset_size", no_effect},    // The samples of a run say this, and the next two.
    {"shuffle_data", no_effect},
    {"seed", no_effect},
    {"inplace_statistics", no_effect}, // These five are the range estimators' matter.
    {"stat_batch_size", no_effect},
    {"range_estimator", no_effect},
    {"weights.range_estimator", no_effect},
    {"activations.range_estimator", no_effect},
    {"weights.bits",
     [](const option_value& given, chosen_quantization& of) { of.weights.bits = given.get<int>(); }
    },
    {"weights.mode",
     [](const option_value& given, chosen_quantization& of) { set_mode(of.weights, given); }},
    {"weights.granularity",
     [](const option_value& given, chosen_quantization& of) { set_granularity(of.weights, given); }
    },
    {"activations.bits",
     [](const option_value& given, chosen_quantization& of) {
       of.activations.bits = given.get<int>();
     }},
    {"activations.mode",
     [](const option_value& given, chosen_quantization& of) { set_mode(of.activations, given); }},
    {"activations.granularity",
     [](const option_value& given, chosen_quantization& of) {
       set_granularity(of.activations, given);
     }},
};

inline void
set_option(const std::string& name, const option_value& given, chosen_quantization& of) {
  if (name == "weights" || name == "activations") {
    for (const auto& [key, value] : given.items()) {
      set_option(name + "." + key, value, of);
    }
    return;
  }
  const auto found = options.find(name);
  if (found == options.end()) {
    throw no_counterpart("option " + name);
  }
  found->second(given, of);
}

/// Are pairs of layers there whose channels POT would align?
inline auto aligns(const golden_run& run) -> bool {
  return !run.aligned_pairs.empty();
}

} // namespace detail

/// What POT was asked for in a recorded run.
/// @throws no_counterpart that says what there is not, error as for any wrong option.
inline auto quantization_of(const golden_run& run) -> chosen_quantization {
  chosen_quantization result{.ranges = recorded_ranges(run)};
  std::get<2>(result.corrections.each) = correction::none{};
  for (const nlohmann::json& algorithm : run.algorithms) {
    const auto name = algorithm.at("name").get<std::string>();
    if (name == "DefaultQuantization" || name == "FastBiasCorrection") {
      std::get<2>(result.corrections.each) = correction::fast_bias{};
    } else if (name == "BiasCorrection") {
      throw no_counterpart("algorithm " + name);
    }
    if ((name == "DefaultQuantization" || name == "ActivationChannelAlignment") &&
        detail::aligns(run)) {
      throw no_counterpart("channel alignment");
    }
    for (const auto& [key, value] : algorithm.at("params").items()) {
      detail::set_option(key, value, result);
    }
  }
  return result;
}

/// The samples that a run read.
inline auto samples_of(const golden_run& run) -> samples {
  return samples(run.samples);
}

} // namespace ptq::test
