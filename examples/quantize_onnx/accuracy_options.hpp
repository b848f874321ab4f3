// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace CLI {
class App;
} // namespace CLI

/// What the user asked of the accuracy to hold, as typed. What is empty is as the library has it.
struct accuracy_options {
  bool wanted = false;
  std::string validation;
  std::string validation_labels;
  bool validate_on_test = false;
  double maximal_drop = 0.01;
  std::string drop_type = "absolute";
  std::optional<double> baseline_value;
  std::string ranking = "by_joint_nmse";
  std::string search = "bisection";
  std::string revert = "to_float";
  std::optional<std::size_t> ranking_subset_size;
  std::optional<double> metric_subset_ratio;
  std::uint64_t seed = 0;
  std::optional<std::size_t> max_iter_num;
  bool use_prev_if_drop_increase = true;
  bool requantize = true;
  bool early_stopping = true;
  bool annotation_free = false;
  std::optional<double> annotation_conf_threshold;
  std::string distance = "default";
  bool convert_to_mixed_preset = false;
  bool tune_hyperparams = false;
  std::optional<std::size_t> tuning_subset_size;
  std::optional<std::size_t> max_evaluations;
  std::optional<std::size_t> max_samples;
  std::optional<double> max_minutes;
  std::string state;
  bool resume = false;
  std::string trace;
};

struct options;

/// Adds the options to a command line.
void describe_accuracy(CLI::App& app, accuracy_options& chosen);

/// Leaves them out of the help of a command line. Messages do not name a hidden option: call it
/// when the help is asked for.
void hide_accuracy(CLI::App& app);

/// The help of these options alone.
[[nodiscard]] auto help_on_accuracy() -> std::string;

/// @throws ptq::error for an option that would change nothing or has no such value.
void check_accuracy_options(const CLI::App& app, const options& chosen);
