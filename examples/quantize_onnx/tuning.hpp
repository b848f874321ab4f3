// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/samples.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/search/configuration.hpp>
#include <ptq/statistics/statistics.hpp>

#include <vector>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "recipes.hpp"

/// Recipes with all the settings that `--tune-hyperparams` tries.
class tuned_recipes {
public:
  /// @pre at least one, all of the same calibration samples
  explicit tuned_recipes(std::vector<quantization> recipes);

  [[nodiscard]] auto default_part(const engine::evaluator& evaluator) const -> ptq::samples;

  /// The statistics for all settings, of one pass; what `ptq::calibrate` calls.
  [[nodiscard]] auto calibration_of(
      const engine::graph& graph,
      engine::evaluator& evaluator,
      const ptq::samples& range,
      const ptq::observers& tell
  ) const -> ptq::statistics;

private:
  std::vector<quantization> recipes_;
};

/// The plans of a recipe's settings.
/// @param evaluator  Null where the statistics come from a file: then biases are not corrected in
///                   full. It and the graph must outlive the result.
[[nodiscard]] auto settings_of(
    const quantization& recipe,
    const engine::graph& graph,
    const ptq::statistics& collected,
    engine::evaluator* evaluator
) -> ptq::plan_space;
