// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "accuracy_options.hpp"

/// What the user asked for, as typed.
struct options {
  std::string model;
  std::string calibration;
  std::string from_statistics;
  std::string from_plan;
  std::string test;
  std::string labels;
  std::string recipe = "ptq";
  std::string preset = "default"; ///< Here and below: as the recipe has it.
  std::string device = "ANY";
  std::size_t stat_subset_size = 300;
  std::string weights_granularity = "perchannel";
  std::string activations_granularity = "default";
  std::string saturation_fix = "default";
  std::string range_estimator = "default";
  std::string bias_correction = "default";
  bool no_bias_correction = false;
  bool no_channel_alignment = false;
  std::string model_type = "none";
  std::vector<std::string> ignore;
  std::vector<std::string> ignore_type;
  std::optional<int> weights_bits;
  std::optional<int> activations_bits;
  std::size_t threads = 1;
  accuracy_options accuracy;
  std::string save_statistics;
  std::string plan;
  std::string output;
  std::string report;
  bool quiet = false;
};
