// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/ranking/by_joint_nmse.hpp>
#include <ptq/ranking/by_metric.hpp>
#include <ptq/search/greedy_pot.hpp>
#include <ptq/search/keep_best.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "support/plan_table.hpp"
#include "support/table_engine.hpp"

namespace ptq::test {

/// All plans of fashion_ds with 4-bit weights and activations, on 2,000 images: what
/// `ptq_all_plans` wrote.
inline auto fashion_ds_plans() -> const plan_table& {
  static const plan_table table =
      read_plan_table(PTQ_TESTS_DIR "/golden/accuracy_aware/fashion_ds.w4a4.plans");
  return table;
}

inline constexpr std::array drop_limits{
    0.1, 0.05, 0.03, 0.02, 0.015, 0.01, 0.0075, 0.005, 0.003, 0.002, 0.0015, 0.001
};

// One type for all rankings and one for all searches, so that the algorithm is compiled once.
struct any_ranking {
  std::variant<
      ranking::by_nmse,
      ranking::by_cosine,
      ranking::by_kl,
      ranking::by_joint_nmse,
      ranking::by_metric,
      ranking::replay_pot>
      how{};

  [[nodiscard]] auto order(const ranking_question& of) const -> ranked_groups {
    return std::visit([&of](const auto& one) { return one.order(of); }, how);
  }
};

using any_search = std::function<search_result(search_context&)>;

/// A way to search, with its name.
struct way {
  std::string search{};
  std::string ranking{};
  any_search how{};
  any_ranking order{};
  bool in_full = false; ///< Every candidate is measured on all samples.

  [[nodiscard]] auto name() const -> std::string { return search + ", " + ranking; }
};

/// The default in front.
inline auto ways() -> std::vector<way> {
  const search::bisection<> halves;
  return {
      {"bisection", "by_joint_nmse", halves, {ranking::by_joint_nmse{}}},
      {"bisection", "by_nmse", halves, {ranking::by_nmse{}}},
      {"bisection", "by_cosine", halves, {ranking::by_cosine{}}},
      {"bisection", "by_kl", halves, {ranking::by_kl{}}},
      {"bisection", "by_metric", halves, {ranking::by_metric{}}},
      {"keep_best", "by_nmse", search::keep_best<>{}, {ranking::by_nmse{}}},
      {"keep_best", "by_joint_nmse", search::keep_best<>{}, {ranking::by_joint_nmse{}}},
      {"keep_best", "by_metric", search::keep_best<>{}, {ranking::by_metric{}}},
      {"greedy_pot", "replay_pot", search::greedy_pot{}, {ranking::replay_pot{}}},
      {"bisection without closing pass",
       "by_joint_nmse",
       search::bisection<search::no_closing>{},
       {ranking::by_joint_nmse{}}},
      {"bisection without early stopping", "by_joint_nmse", halves, {ranking::by_joint_nmse{}}, true
      },
  };
}

/// What came of a search over a table, and what a real engine would have run for it.
struct table_outcome {
  accuracy_outcome found{};
  std::size_t plan = 0;       ///< Its number in the table.
  std::size_t inferences = 0; ///< Counted by the engine.
  int most_times = 0;         ///< That one sample was measured under one plan.
};

inline auto searched(const plan_table& in, const way& by, double limit) -> table_outcome {
  table_engine engine(in);
  const accuracy_aware_quantization<quantize_table, any_ranking, any_search> control{
      .base = {&in},
      .ranking = by.order,
      .search = by.how,
      .maximal_drop = limit,
      .early_stopping = {.enabled = !by.in_full}
  };
  table_outcome result;
  result.found = control(graph_of(in), engine);
  result.plan = in.number_of(result.found.plan);
  result.inferences = engine.inferences;
  result.most_times = engine.most_times;
  return result;
}

} // namespace ptq::test
