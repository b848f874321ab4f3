// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hold_accuracy.hpp"

#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/observer/print_progress.hpp>
#include <ptq/observer/print_steps.hpp>
#include <ptq/ranking/by_joint_nmse.hpp>
#include <ptq/ranking/by_metric.hpp>
#include <ptq/ranking/by_own_noise.hpp>
#include <ptq/search/greedy_pot.hpp>
#include <ptq/search/keep_best.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <ios>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <unistd.h>

#include "data.hpp"
#include "npy/npy.hpp"

namespace {

/// What was quantized already, as a base algorithm.
struct made_plan {
  std::function<ptq::plan()> make{};
  std::function<ptq::plan_space()> settings{};
  std::function<std::optional<made_plan>()> mixed{}; ///< Empty for a finished plan.

  auto operator()(const engine::graph&, engine::evaluator&) const -> ptq::plan { return make(); }

  [[nodiscard]] auto with_mixed_preset() const -> std::optional<made_plan> {
    return mixed ? mixed() : std::nullopt;
  }

  [[nodiscard]] auto hyperparameters(const engine::graph&, engine::evaluator&) const
      -> ptq::plan_space {
    return settings();
  }
};

// Each axis is one type, so that the search is compiled once and not for each combination.
struct chosen_ranking {
  std::variant<
      ptq::ranking::by_joint_nmse,
      ptq::ranking::by_nmse,
      ptq::ranking::by_cosine,
      ptq::ranking::by_kl,
      ptq::ranking::by_metric,
      ptq::ranking::by_own_noise,
      ptq::ranking::replay_pot>
      how{};

  [[nodiscard]] auto order(const ptq::ranking_question& of) const -> ptq::ranked_groups {
    return std::visit([&of](const auto& one) { return one.order(of); }, how);
  }
};

using chosen_search = std::function<ptq::search_result(ptq::search_context&)>;
using chosen_reversion = std::function<ptq::plan(const ptq::plan&, const ptq::group&)>;

auto ranking_of(const accuracy_options& chosen) -> chosen_ranking {
  chosen_ranking result;
  if (chosen.ranking == "by_nmse") {
    result.how = ptq::ranking::by_nmse{};
  } else if (chosen.ranking == "by_cosine") {
    result.how = ptq::ranking::by_cosine{};
  } else if (chosen.ranking == "by_kl") {
    result.how = ptq::ranking::by_kl{};
  } else if (chosen.ranking == "by_own_noise") {
    result.how = ptq::ranking::by_own_noise{};
  } else if (chosen.ranking == "replay_pot") {
    result.how = ptq::ranking::replay_pot{};
  } else if (chosen.ranking == "by_metric") {
    ptq::ranking::by_metric how{.seed = chosen.seed};
    how.metric_subset_ratio = chosen.metric_subset_ratio.value_or(how.metric_subset_ratio);
    result.how = how;
  }
  if (chosen.ranking_subset_size) {
    std::visit(
        [&](auto& one) { one.ranking_subset_size = *chosen.ranking_subset_size; }, result.how
    );
  }
  return result;
}

auto search_of(const accuracy_options& chosen) -> chosen_search {
  const auto bounded = [&chosen](auto how) -> chosen_search {
    how.max_iter_num = chosen.max_iter_num.value_or(how.max_iter_num);
    how.use_prev_if_drop_increase = chosen.use_prev_if_drop_increase;
    return how;
  };
  if (chosen.search == "greedy_pot") {
    return bounded(ptq::search::greedy_pot{});
  }
  if (chosen.search == "keep_best") {
    return chosen.requantize ? bounded(ptq::search::keep_best<>{})
                             : bounded(ptq::search::keep_best<ptq::search::no_closing>{});
  }
  return chosen.requantize ? chosen_search(ptq::search::bisection<>{})
                           : ptq::search::bisection<ptq::search::no_closing>{};
}

auto reversion_of(const options& chosen, const requantization& again) -> chosen_reversion {
  const std::string& name = chosen.accuracy.revert;
  if (name == "to_float") {
    return ptq::revert::to_float{};
  }
  if (name == "to_weights_only") {
    return ptq::revert::to_weights_only{};
  }
  options more = chosen;
  more.weights_bits = more.activations_bits = name == "to_8_bits" ? 8 : 16;
  return ptq::revert::to_plan{again(more)};
}

/// With the preset `mixed`, where the user's is `performance`.
auto mixed_of(const options& chosen, const requantization& again, const retuning& settings)
    -> std::optional<made_plan> {
  const bool performance =
      chosen.preset == "performance" || (chosen.preset == "default" && chosen.recipe == "pot");
  if (!performance || !again) {
    return std::nullopt;
  }
  options mixed = chosen;
  mixed.preset = "mixed";
  return made_plan{
      [mixed, &again] { return again(mixed); }, [mixed, &settings] { return settings(mixed); }, {}
  };
}

auto validation_of(const engine::model& model, const options& chosen) -> engine::evaluator {
  const accuracy_options& of = chosen.accuracy;
  const std::string& samples_file = of.validate_on_test ? chosen.test : of.validation;
  const std::string& labels_file = of.validate_on_test ? chosen.labels : of.validation_labels;
  std::vector<std::int64_t> labels;
  if (!of.annotation_free) {
    labels = labels_from(labels_file);
    check_labels(labels, npy::load_floats(samples_file), model, labels_file, samples_file);
  }
  engine::evaluator result = evaluator_on(model, samples_file, std::move(labels));
  if (result.sample_count() == 0) {
    throw ptq::error("there is no sample to measure on", samples_file);
  }
  return result;
}

/// Writes the steps as they come, so that a long search can be watched.
class live_trace {
public:
  explicit live_trace(const std::string& path) : path_(&path) {}

  void on_step(const ptq::step& made) {
    if (path_->empty()) {
      return;
    }
    if (!file_.is_open()) { // a search that is refused leaves the last trace as it was
      file_.open(*path_, std::ios::binary | std::ios::trunc);
    }
    lines_.on_step(made);
    if (!file_) {
      throw ptq::error("cannot be written", *path_);
    }
  }

private:
  const std::string* path_;
  std::ofstream file_{};
  ptq::trace_lines lines_{file_};
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

/// A bar for what the next step takes, if somebody looks.
struct shown_progress {
  bool wanted;
  ptq::print_progress bar{stderr, ptq::finished_bar::goes};

  void on_progress(const ptq::progress& now) {
    if (wanted) {
      bar.on_progress(now);
    }
  }

  void on_step(const ptq::step& made) { bar.on_step(made); }
};

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

/// While it lives, the first Ctrl-C ends the search; a second one ends the program.
class first_interrupt {
public:
  first_interrupt() {
    struct sigaction wanted{};
    wanted.sa_handler = [](int) { interrupted = true; };
    wanted.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &wanted, &before_);
  }

  first_interrupt(const first_interrupt&) = delete;
  auto operator=(const first_interrupt&) -> first_interrupt& = delete;

  ~first_interrupt() { sigaction(SIGINT, &before_, nullptr); }

private:
  struct sigaction before_{};
};

auto budget_of(const accuracy_options& chosen) -> ptq::budget {
  ptq::budget result;
  result.evaluations = chosen.max_evaluations.value_or(result.evaluations);
  result.samples = chosen.max_samples.value_or(result.samples);
  if (chosen.max_minutes) {
    result.time = std::chrono::duration<double>(*chosen.max_minutes * 60.0);
  }
  return result;
}

auto tuning_of(const accuracy_options& chosen) -> ptq::tuning_subset {
  ptq::tuning_subset result{.seed = chosen.seed};
  result.ranking_subset_size = chosen.tuning_subset_size.value_or(result.ranking_subset_size);
  result.metric_subset_ratio = chosen.metric_subset_ratio.value_or(result.metric_subset_ratio);
  return result;
}

auto without_labels_of(const accuracy_options& chosen) -> ptq::without_labels {
  ptq::without_labels result;
  result.annotation_conf_threshold =
      chosen.annotation_conf_threshold.value_or(result.annotation_conf_threshold);
  for (const ptq::distance kind : {ptq::distance::nmse, ptq::distance::cosine, ptq::distance::kl}) {
    if (chosen.distance == ptq::name_of(kind)) {
      result.distance = kind;
    }
  }
  return result;
}

} // namespace

auto hold_accuracy(
    const engine::model& model,
    const engine::graph& graph,
    const ptq::plan& start,
    const requantization& again,
    const retuning& settings,
    const options& chosen,
    report& into
) -> ptq::plan {
  const accuracy_options& of = chosen.accuracy;
  engine::evaluator validation = validation_of(model, chosen);
  ptq::accuracy_aware_quantization<made_plan, chosen_ranking, chosen_search, chosen_reversion>
      control{
          .base = {
              [&start] { return start; },
              [&] { return settings(chosen); },
              [&] { return mixed_of(chosen, again, settings); }
          },
          .ranking = ranking_of(of),
          .search = search_of(of),
          .revert = reversion_of(chosen, again),
          .maximal_drop = of.maximal_drop,
          .drop_type = of.drop_type == "relative" ? ptq::drop::relative : ptq::drop::absolute,
          .budget = budget_of(of),
          .state = of.state,
          .resume = of.resume,
          .stop = &interrupted,
          .early_stopping = {.enabled = of.early_stopping},
          .annotation_free = of.annotation_free,
          .unlabelled = without_labels_of(of),
          .convert_to_mixed_preset = of.convert_to_mixed_preset,
          .tune_hyperparams = of.tune_hyperparams,
          .tuning = tuning_of(of),
          .threads = chosen.threads
      };
  if (of.baseline_value) {
    control.metrics = {{.name = "top1", .baseline_value = of.baseline_value}};
  }
  const first_interrupt ends_the_search;
  shown_progress progress{!chosen.quiet && isatty(STDERR_FILENO) == 1};
  shown_steps shown{!chosen.quiet};
  live_trace trace(of.trace);
  into_report notes{into};
  into.accuracy_aware = control(graph, validation, progress, shown, trace, notes);
  return into.accuracy_aware->plan;
}
