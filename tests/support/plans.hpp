// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/plan.hpp>

namespace ptq::test {

/// Per tensor and per channel, both kinds and modes, two causes, a group, and numbers that are
/// hard to write.
inline auto plan_with_everything() -> plan {
  plan result;
  result.model = {"a \"net\" of \\ \xc3\xa4", "fnv1a64:0123456789abcdef"};
  result.quantizers.emplace_back(quantizer{
      .tensor = "relu",
      .kind = tensor_kind::activations,
      .consumers = {{"conv", 0}, {"pool", 0}},
      .format =
          {.bits = 8,
           .mode = asymmetric,
           .axis = std::nullopt,
           .grids = {{.in_low = -0.1F, .in_high = 16777216.0F}}}
  });
  result.quantizers.emplace_back(quantizer{
      .tensor = "conv.weight",
      .kind = tensor_kind::weights,
      .consumers = {{"conv", 1}},
      .format =
          {.bits = 8,
           .mode = symmetric,
           .axis = 0,
           .grids =
               {{.in_low = -0.0F, .in_high = 7.038531e-26F, .levels = 255},
                {.in_low = -1e-45F,
                 .in_high = 3.4028235e38F,
                 .out_low = -0.5F,
                 .out_high = 0.33333334F,
                 .levels = 255}}}
  });
  result.constants.emplace_back(replaced_constant{
      .tensor = "conv.weight", .node = "conv", .cause = "saturation_fix", .value = {{1, 2}, {1, -2}}
  });
  result.constants.emplace_back(replaced_constant{
      .tensor = "conv.bias",
      .node = "conv",
      .cause = "fast_bias_correction",
      .value = {{2}, {0.1F, 1.1754942e-38F}}
  });
  result.groups.emplace_back(
      group{.quantizers = {{"conv", 0}, {"conv", 1}, {"pool", 0}}, .operations = {"conv", "pool"}}
  );
  return result;
}

} // namespace ptq::test
