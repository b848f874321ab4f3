// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/config/names.hpp>

#include <string>
#include <variant>

#include "golden/read_golden.hpp"

namespace ptq::test {

/// An algorithm chosen at run time, an axis at a time.
using chosen_quantization = default_quantization<
    config::chosen<config::presets>,
    device::table,
    default_ranges,
    schemes<scheme::symmetric, scheme::asymmetric>,
    corrections<correction::saturation_fix, config::chosen<config::bias_corrections>>>;

/// What POT was asked for in a recorded run.
inline auto quantization_of(const golden_run& run) -> chosen_quantization {
  chosen_quantization result{
      .preset = config::choose<config::presets>(run.preset, "preset"),
      .device = std::visit(
          [](const auto& device) { return device::table(device); },
          config::choose<config::devices>(run.device, "target_device").chosen()
      ),
      .corrections =
          {correction::saturation_fix{
               run.saturation_fix == "all"  ? saturation::all
               : run.saturation_fix == "no" ? saturation::no
                                            : saturation::first_layer
           },
           correction::fast_bias{}}
  };
  if (run.configuration.find("wpertensor") != std::string::npos) {
    result.weights.granularity = per_tensor;
  }
  return result;
}

} // namespace ptq::test
