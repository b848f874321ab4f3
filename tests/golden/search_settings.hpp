// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/plan.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "golden/remembering_evaluator.hpp"

namespace ptq::test {

/// A recorded setting of POT, as far as this engine can have it.
struct search_setting {
  std::string name; ///< As in tests/golden/accuracy_aware, from the model's name on.
  std::optional<int> weights_bits{};
  std::optional<int> activations_bits{};
  double limit = 0.005;
  bool per_tensor = false;
  std::string preset = "performance";
  bool mixed = false; ///< convert_to_mixed_preset
  std::string bias = "fast";
  bool only_min_max = false; ///< No corrections.
  bool relative = false;
  remembering_evaluator::measures what = remembering_evaluator::measures::top1;
  std::size_t ranking_subset_size = 300;
  bool take_back = true; ///< use_prev_if_drop_increase
  bool annotation_free = false;
  std::vector<std::string> given{}; ///< Metrics whose baselines are given.
  bool other_by_name = false;       ///< The other metric is asked for without its baseline.

  [[nodiscard]] auto model() const -> std::string { return name.substr(0, name.find('.')); }
};

/// Where POT searched for a limit that it could reach.
auto search_settings() -> std::vector<search_setting>;

/// The plan to start from.
/// @param recipe  `pot` or `ptq`: the library's own, with its own preset.
auto quantized(
    const search_setting& of,
    const std::string& recipe,
    const std::string& preset,
    const engine::graph& graph,
    engine::evaluator& calibration
) -> plan;

} // namespace ptq::test
