// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs POT's search and the library's own in every recorded setting of POT's accuracy-aware
// quantization, on the example engine, and writes docs/search-costs.md.
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/core/error.hpp>
#include <ptq/observer/print_steps.hpp>
#include <ptq/ranking/by_metric.hpp>
#include <ptq/search/greedy_pot.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "engine/model.hpp"
#include "golden/images.hpp"
#include "golden/remembering_evaluator.hpp"
#include "golden/search_settings.hpp"

namespace {

using namespace ptq::test;

constexpr std::size_t sample_count = 2000;

constexpr std::string_view usage =
    "ptq_search_costs [--only PREFIX] [--recipe pot|ptq] [--memory FOLDER] [--steps]\n"
    "  [--certainty X] [--patience X] [--chunk N] [--rank N] [PAGE.md]\n"
    "Compares what POT's search and the library's own cost, on the example engine, and writes a "
    "table.\n"
    "--memory keeps what the engine answered for the next run; the last four are options of "
    "early stopping and of the ranking.\n";

struct arguments {
  std::string only{};
  std::string recipe{}; ///< Empty: both.
  std::string memory{};
  bool steps = false;
  ptq::early_stopping stopping{};
  std::size_t rank = ptq::ranking::by_joint_nmse{}.ranking_subset_size;
  std::string page{};
};

auto read_arguments(int count, char** given) -> std::optional<arguments> {
  arguments result;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = given[i];
    if (word == "--only" && i + 1 < count) {
      result.only = given[++i];
    } else if (word == "--recipe" && i + 1 < count) {
      result.recipe = given[++i];
    } else if (word == "--memory" && i + 1 < count) {
      result.memory = given[++i];
    } else if (word == "--certainty" && i + 1 < count) {
      result.stopping.certainty = std::stod(given[++i]);
    } else if (word == "--patience" && i + 1 < count) {
      result.stopping.patience = std::stod(given[++i]);
    } else if (word == "--chunk" && i + 1 < count) {
      result.stopping.chunk = std::stoul(given[++i]);
    } else if (word == "--rank" && i + 1 < count) {
      result.rank = std::stoul(given[++i]);
    } else if (word == "--steps") {
      result.steps = true;
    } else if (!word.starts_with("--") && result.page.empty()) {
      result.page = word;
    } else {
      return std::nullopt;
    }
  }
  return result;
}

auto first_images() -> engine::tensor {
  const engine::tensor all = test_images();
  engine::shape wanted(all.shape().begin(), all.shape().end());
  wanted[0] = sample_count;
  auto result = engine::tensor::from_shape(wanted);
  std::copy_n(all.data(), result.size(), result.data());
  return result;
}

auto first_labels() -> std::vector<std::int64_t> {
  std::vector<std::int64_t> labels = test_labels();
  labels.resize(sample_count);
  return labels;
}

/// One model on the engine.
struct bench {
  explicit bench(const std::string& name)
      : model(engine::load(PTQ_MODELS_DIR "/" + name + ".onnx")),
        graph(model),
        calibration(model, calibration_images()),
        runs(model, first_images()),
        remembered(graph, runs, first_labels()) {}

  engine::model model;
  engine::graph graph;
  engine::evaluator calibration;
  engine::evaluator runs;
  remembering_evaluator remembered;
};

/// What was quantized already, as a base algorithm.
struct made_plan {
  ptq::plan start{};
  std::optional<ptq::plan> mixed{};

  auto operator()(const engine::graph&, remembering_evaluator&) const -> ptq::plan { return start; }

  [[nodiscard]] auto with_mixed_preset() const -> std::optional<made_plan> {
    return mixed ? std::optional(made_plan{*mixed}) : std::nullopt;
  }
};

struct shown_steps {
  bool wanted;
  ptq::print_steps lines{std::cout};

  void on_step(const ptq::step& made) {
    if (wanted) {
      lines.on_step(made);
    }
  }
};

/// One type for both searches, so that what runs them is compiled once.
struct chosen_ranking {
  std::optional<ptq::ranking::replay_pot> pot{};
  ptq::ranking::by_joint_nmse own{};

  [[nodiscard]] auto order(const ptq::ranking_question& of) const -> ptq::ranked_groups {
    return pot ? pot->order(of) : own.order(of);
  }
};

using chosen_search = std::function<ptq::search_result(ptq::search_context&)>;

/// POT's search with its options, or the library's own.
auto search(
    bench& on, const search_setting& of, const made_plan& base, bool pot, const arguments& how
) -> ptq::accuracy_outcome {
  ptq::accuracy_aware_quantization<made_plan, chosen_ranking, chosen_search> control{
      .base = base,
      .ranking = {.own = {.ranking_subset_size = how.rank}},
      .search = ptq::search::bisection<>{},
      .maximal_drop = of.limit,
      .drop_type = of.relative ? ptq::drop::relative : ptq::drop::absolute,
      .early_stopping = how.stopping,
      .annotation_free = of.annotation_free,
      .convert_to_mixed_preset = base.mixed.has_value()
  };
  if (pot) {
    control.ranking.pot.emplace(
        ptq::ranking::replay_pot{.ranking_subset_size = of.ranking_subset_size}
    );
    control.search = ptq::search::greedy_pot{.use_prev_if_drop_increase = of.take_back};
  }
  on.remembered.what = of.what;
  if (!of.given.empty()) {
    const ptq::measurement in_float = on.remembered.measure(on.graph, {}, {0, sample_count});
    for (const ptq::metric& each : in_float) {
      const bool known = std::ranges::count(of.given, each.name) != 0;
      ptq::wanted_metric wanted{.name = each.name};
      if (known) {
        wanted.baseline_value = each.value();
      }
      control.metrics.push_back(wanted);
    }
  }
  return control(on.graph, on.remembered, shown_steps{how.steps});
}

/// Inferences beyond those that nobody can avoid: the float model where it is measured, and the
/// plan that is returned, once each.
auto beyond(const ptq::accuracy_outcome& of, std::size_t samples, bool given) -> std::size_t {
  return of.inferred.total() - (given || of.plan.empty() ? samples : 2 * samples);
}

struct row {
  std::string name{};
  double limit = 0.0;
  std::string type{};
  ptq::accuracy_outcome pot{};
  ptq::accuracy_outcome own{};
  std::size_t pot_beyond = 0;
  std::size_t own_beyond = 0;
  bool searched = true; ///< Did POT's search have to?

  [[nodiscard]] auto ratio() const -> double {
    return static_cast<double>(own_beyond) / static_cast<double>(pot_beyond);
  }
};

auto fixed(double value, int digits) -> std::string {
  std::ostringstream text;
  text.setf(std::ios::fixed);
  text.precision(digits);
  text << value;
  return text.str();
}

auto median_of(std::vector<double> values) -> double {
  std::ranges::sort(values);
  const std::size_t n = values.size();
  return n == 0 ? 0.0 : n % 2 != 0 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2.0;
}

class comparison_of_searches {
public:
  explicit comparison_of_searches(arguments given) : given_(std::move(given)) {}

  void run() {
    for (const std::string recipe : {"pot", "ptq"}) {
      if (!given_.recipe.empty() && given_.recipe != recipe) {
        continue;
      }
      for (const search_setting& each : search_settings()) {
        if (each.name.starts_with(given_.only)) {
          add(each, recipe);
        }
      }
    }
    keep();
    if (!given_.page.empty()) {
      std::ofstream(given_.page) << page();
    }
    for (const auto& [recipe, rows] : rows_) {
      std::cout << recipe << ": " << table(recipe);
    }
  }

private:
  void keep() {
    if (bench_ && !given_.memory.empty()) {
      bench_->remembered.save(given_.memory + "/" + model_);
    }
  }

  auto on(const std::string& model) -> bench& {
    if (!bench_ || model_ != model) {
      keep();
      bench_.emplace(model);
      model_ = model;
      if (!given_.memory.empty()) {
        bench_->remembered.load(given_.memory + "/" + model_);
      }
    }
    return *bench_;
  }

  void add(const search_setting& of, const std::string& recipe) {
    bench& here = on(of.model());
    made_plan base{quantized(of, recipe, of.preset, here.graph, here.calibration)};
    if (of.mixed && recipe == "pot") {
      base.mixed = quantized(of, recipe, "mixed", here.graph, here.calibration);
    }
    row made{.name = of.name, .limit = of.limit};
    made.pot = search(here, of, base, true, given_);
    made.own = search(here, of, base, false, given_);
    const std::size_t samples = made.own.trace.front().of;
    const bool known = !of.given.empty() && !of.other_by_name;
    made.pot_beyond = beyond(made.pot, samples, known);
    made.own_beyond = beyond(made.own, samples, known);
    made.searched = made.pot.operations_reverted != 0;
    std::cout << recipe << ' ' << line(made) << '\n' << std::flush;
    rows_[recipe].push_back(std::move(made));
    keep();
  }

  static auto line(const row& of) -> std::string {
    std::ostringstream text;
    const auto reverted = [](const ptq::accuracy_outcome& found) {
      return std::to_string(found.operations_reverted) + (found.reached ? "" : ", not reached");
    };
    text << "| " << of.name << " | " << of.limit << " | " << reverted(of.pot) << " | "
         << reverted(of.own) << " | " << fixed(of.pot.drop(), 4) << " | " << fixed(of.own.drop(), 4)
         << " | " << of.pot.evaluations << " | " << of.own.evaluations << " | " << of.pot_beyond
         << " | " << of.own_beyond << " | " << (of.searched ? fixed(of.ratio(), 2) : "-") << " |";
    return text.str();
  }

  /// Those where the library's own search reverts more first, then the dearest.
  static auto worst_first(std::vector<row> rows) -> std::vector<row> {
    std::ranges::sort(rows, {}, [](const row& each) {
      const auto more = static_cast<double>(each.own.operations_reverted) -
                        static_cast<double>(each.pot.operations_reverted);
      return std::tuple(std::min(-more, 0.0), -each.ratio(), each.name);
    });
    return rows;
  }

  [[nodiscard]] auto table(const std::string& recipe) const -> std::string {
    std::vector<row> searched;
    std::string met;
    for (const row& each : rows_.at(recipe)) {
      if (each.searched) {
        searched.push_back(each);
      } else {
        met += (met.empty() ? "" : ", ") + each.name;
      }
    }
    searched = worst_first(std::move(searched));
    std::vector<double> ratios;
    std::size_t more = 0;
    std::size_t fewer = 0;
    for (const row& each : searched) {
      ratios.push_back(each.ratio());
      more += each.own.operations_reverted > each.pot.operations_reverted ? 1U : 0U;
      fewer += each.own.operations_reverted < each.pot.operations_reverted ? 1U : 0U;
    }
    std::ostringstream text;
    text << searched.size() << " settings with a search; the median of the share is "
         << fixed(median_of(ratios), 2) << ". The default reverts more operations in " << more
         << " of them, fewer in " << fewer << ".\n\n"
         << "| setting | limit | reverted, POT | default | drop, POT | default | candidates, POT "
            "| default | inferences, POT | default | share |\n"
            "|---|---|---|---|---|---|---|---|---|---|---|\n";
    for (const row& each : searched) {
      text << line(each) << '\n';
    }
    if (!met.empty()) {
      text << "\nNothing has to be reverted in " << met << ".\n";
    }
    return text.str();
  }

  [[nodiscard]] auto page() const -> std::string {
    std::ostringstream text;
    text << "# What searches cost\n\n"
            "POT's search (`greedy_pot` with `replay_pot`) beside the default (`bisection<>` with "
            "`by_joint_nmse`), on the same plans and\n"
            "the example engine: every recorded setting of POT's accuracy-aware quantization in "
            "which it searched for a limit that it\n"
            "could reach, but for the one that tunes hyper-parameters, on the first 2,000 test "
            "images of Fashion-MNIST. Written by\n\n"
            "```\n"
            "cmake --build build/release --target ptq_search_costs\n"
            "build/release/tests/golden/ptq_search_costs docs/search-costs.md\n"
            "```\n\n"
            "*reverted*: operations. *drop*: of the plan that is returned, of the first metric, on "
            "all samples. *inferences*: beyond those that no search\n"
            "can do without, the float model where its metrics are not given, and the plan that is "
            "returned, 2,000 each. *share*: the default's of POT's.\n"
            "The settings are those of `tests/golden/accuracy_aware/traces`; `keep` and `rank10` "
            "are options of POT's search alone. The cases in which the default\n"
            "reverts more come first, then those in which it costs the largest share.\n";
    for (const auto& [recipe, title] :
         {std::pair("pot", "POT's recipe"), std::pair("ptq", "The default recipe")}) {
      if (rows_.contains(recipe)) {
        text << "\n## " << title << "\n\n" << table(recipe);
      }
    }
    return text.str();
  }

  arguments given_;
  std::string model_{};
  std::optional<bench> bench_{};
  std::map<std::string, std::vector<row>> rows_{};
};

} // namespace

auto main(int count, char** given) -> int {
  const std::optional<arguments> read = read_arguments(count, given);
  if (!read) {
    std::cerr << usage;
    return 2;
  }
  try {
    comparison_of_searches(*read).run();
  } catch (const std::exception& problem) {
    std::cerr << problem.what() << '\n';
    return 1;
  }
  return 0;
}
