// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tuning.hpp"

#include <ptq/algorithm/hyperparameters.hpp>
#include <ptq/calibration/collect.hpp>
#include <ptq/graph/digest.hpp>
#include <ptq/graph/read.hpp>

#include <utility>
#include <variant>

tuned_recipes::tuned_recipes(std::vector<quantization> recipes) : recipes_(std::move(recipes)) {}

auto tuned_recipes::default_part(const engine::evaluator& evaluator) const -> ptq::samples {
  return std::visit(
      [&](const auto& recipe) { return recipe.default_part(evaluator); }, recipes_.front()
  );
}

auto tuned_recipes::calibration_of(
    const engine::graph& graph,
    engine::evaluator& evaluator,
    const ptq::samples& range,
    const ptq::observers& tell
) const -> ptq::statistics {
  const auto read = ptq::read_graph(graph);
  ptq::statistics_request request;
  for (const quantization& each : recipes_) {
    std::visit(
        [&](const auto& recipe) {
          request.merge(ptq::hyperparameters_of(recipe).request_for(read.nodes));
        },
        each
    );
  }
  ptq::statistics result = ptq::collect_statistics(graph, read, evaluator, range, request, tell);
  result.set_model(ptq::digest(read.nodes));
  return result;
}

auto settings_of(
    const quantization& recipe,
    const engine::graph& graph,
    const ptq::statistics& collected,
    engine::evaluator* evaluator
) -> ptq::plan_space {
  return std::visit(
      [&](const auto& algorithm) {
        const auto space = ptq::hyperparameters_of(algorithm, evaluator != nullptr);
        return evaluator == nullptr ? space.plans(graph, collected)
                                    : space.plans(graph, collected, *evaluator);
      },
      recipe
  );
}
