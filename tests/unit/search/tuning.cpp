// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/scratch.hpp"
#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;
using ptq::configuration;

constexpr std::size_t groups = 4;
constexpr std::size_t count = 500;

/// A chain with settings, which the upper limit of its grids tells apart: 1 as it is, then 2, 3,
/// ...
struct base_with_settings {
  auto operator()(const toy_graph& of, auto& engine) const -> ptq::plan {
    return quantize_chain{groups}(of, engine);
  }

  auto hyperparameters(const toy_graph& of, auto& engine) const -> ptq::plan_space {
    return {
        .axes =
            {{.name = "range", .choices = {"as given", "wide", "wider", "widest"}},
             {.name = "bias", .choices = {"as given", "full"}, .stage = 1}},
        .plan_of =
            [&of, &engine](const configuration& at) {
              const auto high = static_cast<float>(1 + at[0] + 4 * at[1]);
              return quantize_chain{groups, high}(of, engine);
            }
    };
  }
};

/// Samples are wrong under a plan the more, the more the setting harms and the more is quantized.
struct graded_engine {
  using ptq_evaluator = void;

  std::map<int, double> harm{}; ///< By the upper limit: the share of the samples that it turns.
  std::map<int, double> loss{}; ///< By the upper limit, where there is a second metric.
  std::shared_ptr<std::size_t> measured = std::make_shared<std::size_t>(0);
  std::size_t fails_after = std::numeric_limits<std::size_t>::max(); ///< Calls.
  std::shared_ptr<std::size_t> calls = std::make_shared<std::size_t>(0);
  double poisoned = 0.0; ///< The upper limit under which the metric is NaN.

  auto sample_count() const -> std::size_t { return count; }

  static auto high_of(const ptq::plan& under) -> double {
    return under.quantizers.empty()
               ? 0.0
               : static_cast<double>(under.quantizers.front()->format.grids.front().in_high);
  }

  auto lead(const ptq::plan& under, std::size_t sample) const -> double {
    const double share =
        static_cast<double>(under.quantizers.size()) / static_cast<double>(2 * groups);
    const auto of = harm.find(static_cast<int>(high_of(under)));
    const double turned = of == harm.end() ? 0.0 : of->second;
    return scripted_number(sample) - 0.1 - share * turned;
  }

  void observe(
      const toy_graph& /*of*/,
      const ptq::plan& under,
      std::span<const ptq::tap<toy_graph>> taps,
      const ptq::samples& range,
      ptq::show_ref<int> show
  ) {
    for (const std::size_t s : range) {
      const std::vector<float> out{static_cast<float>(lead(under, s)), 0.0F};
      for (const auto& each : taps) {
        show(s, each, ptq::tensor_view(out.data(), {1, 2}));
      }
    }
  }

  auto measure(const toy_graph& /*of*/, const ptq::plan& under, const ptq::samples& range)
      -> ptq::measurement {
    if (++*calls > fails_after) {
      throw std::runtime_error("broken off");
    }
    ptq::metric top1{.name = "top1", .least = 0.0, .most = 1.0};
    ptq::metric nll{.name = "nll", .direction = ptq::lower_is_better, .least = 0.0};
    for (const std::size_t s : range) {
      ++*measured;
      top1.per_sample.push_back(lead(under, s) > 0.0 ? 1.0 : 0.0);
      const auto of = loss.find(static_cast<int>(high_of(under)));
      nll.per_sample.push_back(of == loss.end() ? 0.5 : of->second);
    }
    if (poisoned != 0.0 && high_of(under) == poisoned) {
      top1.per_sample.front() = std::numeric_limits<double>::quiet_NaN();
    }
    return loss.empty() ? ptq::measurement{top1} : ptq::measurement{top1, nll};
  }
};

using control_type = ptq::accuracy_aware_quantization<base_with_settings>;

auto without_times(ptq::accuracy_outcome of) -> ptq::accuracy_outcome {
  for (ptq::step& each : of.trace) {
    each.seconds = 0.0;
  }
  return of;
}

auto settings_in(const ptq::accuracy_outcome& of) -> std::vector<ptq::step> {
  std::vector<ptq::step> result;
  std::ranges::copy_if(of.trace, std::back_inserter(result), [](const ptq::step& each) {
    return each.kind == ptq::step_kind::tuning;
  });
  return result;
}

// 20 % as given; `wide` 8 %, `wider` 15 %, `widest` 30 %; with the full correction of `wide` 4 %.
const std::map<int, double> harms{{1, 0.2}, {2, 0.08}, {3, 0.15}, {4, 0.3}, {5, 0.18}, {6, 0.04}};

TEST_CASE("the best of the settings is searched on") {
  const auto graph = chain(groups);
  graded_engine engine{.harm = harms};
  const control_type control{
      .maximal_drop = 0.06, .tune_hyperparams = true, .tuning = {.ranking_subset_size = 100}
  };
  const auto found = control(graph, engine);
  CHECK(found.reached);
  CHECK(found.operations_reverted == 0);
  CHECK(found.configuration == "range wide, bias full");
  CHECK(found.plan == quantize_chain{groups, 6.0F}(graph, engine));
  CHECK(found.drop() == doctest::Approx(0.04).epsilon(0.2));

  const std::vector<ptq::step> tried = settings_in(found);
  std::vector<std::string> names;
  for (const ptq::step& each : tried) {
    names.push_back(each.configuration);
    CHECK(each.seen == 100);
    CHECK(each.metrics.size() == 1);
  }
  CHECK(
      names ==
      std::vector<std::string>{
          "as given", "range wide", "range wider", "range widest", "range wide, bias full"
      }
  );
  CHECK(tried[0].samples == 0); // it was measured in full to find the hardest samples
  CHECK(tried[1].samples == 100);
  CHECK(tried[1].decision == "best so far");
  CHECK(tried[2].decision == "not better");
  CHECK(found.trace.back().configuration == found.configuration);
  CHECK(found.inferred.total() == *engine.measured);
  // The float model, as given and the best in full, which was measured on the subset before.
  CHECK(found.inferred.total() == 3 * count + 3 * 100);

  auto off = control;
  off.tune_hyperparams = false;
  const auto without = off(graph, engine);
  CHECK(without.operations_reverted > found.operations_reverted);
  CHECK(without.configuration.empty());
  CHECK(settings_in(without).empty());
}

TEST_CASE("operations of the best setting are reverted where it alone is not enough") {
  const auto graph = chain(groups);
  graded_engine engine{.harm = harms};
  const control_type control{
      .maximal_drop = 0.025, .tune_hyperparams = true, .tuning = {.ranking_subset_size = 100}
  };
  const auto found = control(graph, engine);
  CHECK(found.reached);
  CHECK(found.configuration == "range wide, bias full");
  CHECK(found.operations_reverted == 2);
  CHECK(graded_engine::high_of(found.plan) == 6.0);
}

TEST_CASE("a setting that is no nearer on all samples is not taken") {
  const auto graph = chain(groups);
  graded_engine engine{.harm = {{1, 0.2}, {2, 0.2}, {3, 0.25}, {4, 0.3}, {5, 0.2}}};
  control_type control{.maximal_drop = 0.06, .tune_hyperparams = true};
  const auto tuned = control(graph, engine);
  CHECK(tuned.configuration.empty());
  control.tune_hyperparams = false;
  const auto plain = control(graph, engine);
  CHECK(tuned.plan == plain.plan);
  CHECK(tuned.reverted == plain.reverted);
  CHECK(tuned.inferred.total() > plain.inferred.total());
}

TEST_CASE("settings are not tried where the drop is met, and a base without any is told") {
  const auto graph = chain(groups);
  graded_engine engine{.harm = harms};
  const control_type control{.maximal_drop = 0.3, .tune_hyperparams = true};
  CHECK(settings_in(control(graph, engine)).empty());

  struct listener {
    std::vector<std::string> heard{};

    void on_note(const ptq::note& of) { heard.push_back(of.where); }
  };

  listener notes;
  const ptq::accuracy_aware_quantization bare{
      .base = quantize_chain{groups}, .maximal_drop = 0.06, .tune_hyperparams = true
  };
  CHECK(bare(graph, engine, notes).reached);
  CHECK(notes.heard == std::vector<std::string>{"tune_hyperparams"});
}

TEST_CASE("settings that tie are told apart by a continuous metric, else the first is taken") {
  const auto graph = chain(groups);
  const std::map<int, double> alike{{1, 0.2}, {2, 0.05}, {3, 0.05}, {4, 0.05}, {6, 0.2}, {7, 0.2}};
  graded_engine first{.harm = alike};
  control_type control{
      .maximal_drop = 0.06, .metrics = {{.name = "top1"}}, .tune_hyperparams = true
  };
  const auto found = control(graph, first);
  CHECK(found.configuration == "range wide");
  CHECK(settings_in(found)[2].reason == "ties with (range wide), which came before");

  graded_engine finer{.harm = alike, .loss = {{2, 0.4}, {3, 0.3}, {4, 0.35}}};
  const auto by_loss = control(graph, finer);
  CHECK(by_loss.configuration == "range wider");
  CHECK(settings_in(by_loss)[2].decision == "best so far");
  CHECK(settings_in(by_loss)[2].reason == "its drop ties with (range wide); by `nll`");
}

TEST_CASE("of several metrics the one that loses most counts") {
  const auto graph = chain(groups);
  // top-1 is best under `wide`, but its loss doubles; `wider` keeps both in bounds.
  graded_engine engine{
      .harm = harms, .loss = {{0, 0.5}, {1, 0.6}, {2, 1.0}, {3, 0.51}, {4, 0.5}, {7, 0.9}}
  };
  const control_type control{.maximal_drop = 0.05, .tune_hyperparams = true};
  const auto found = control(graph, engine);
  CHECK(found.configuration == "range wider");
}

TEST_CASE("the subset of the tuning is as large as asked for, whatever there is") {
  const auto graph = chain(groups);
  for (const std::size_t size : {1U, 37U, 500U, 5000U}) {
    graded_engine engine{.harm = harms};
    const control_type control{
        .maximal_drop = 0.06, .tune_hyperparams = true, .tuning = {.ranking_subset_size = size}
    };
    for (const ptq::step& each : settings_in(control(graph, engine))) {
      CHECK(each.seen == std::min<std::size_t>(size, count));
    }
  }
  graded_engine engine{.harm = harms};
  control_type wrong{.tune_hyperparams = true, .tuning = {.ranking_subset_size = 0}};
  CHECK(message_of([&] {
          static_cast<void>(wrong(graph, engine));
        }) == "at least one sample is needed (option `tuning.ranking_subset_size`)");
  wrong.tuning = {.metric_subset_ratio = 0.0};
  CHECK(message_of([&] {
          static_cast<void>(wrong(graph, engine));
        }) == "the share is above 0 and up to 1 (option `tuning.metric_subset_ratio`)");
}

TEST_CASE("where the baseline was given a share of the samples is compared to find the hardest") {
  const auto graph = chain(groups);
  graded_engine engine{.harm = harms};
  const control_type control{
      .maximal_drop = 0.06,
      .metrics = {{.name = "top1", .baseline_value = 0.9}},
      .tune_hyperparams = true,
      .tuning = {.ranking_subset_size = 50, .metric_subset_ratio = 0.2}
  };
  const auto found = control(graph, engine);
  CHECK(found.configuration == "range wide, bias full");
  CHECK(found.inferred.baseline == count / 5);
}

TEST_CASE("a metric that is not finite under a setting is an error that names it") {
  const auto graph = chain(groups);
  graded_engine engine{.harm = harms, .poisoned = 3.0};
  const control_type control{.maximal_drop = 0.06, .tune_hyperparams = true};
  const std::string message = message_of([&] { static_cast<void>(control(graph, engine)); });
  CHECK(message.find("top1: the metric is not finite") == 0);
}

TEST_CASE("a budget that is used up among the settings leaves the best plan that is known") {
  const auto graph = chain(groups);
  for (const std::size_t most : {1U, 2U, 3U, 4U}) {
    graded_engine engine{.harm = harms};
    const control_type control{
        .maximal_drop = 0.06, .budget = {.evaluations = most}, .tune_hyperparams = true
    };
    const auto found = control(graph, engine);
    CHECK(found.why == ptq::stop_reason::evaluations);
    CHECK(found.returned_in_full);
    CHECK(found.reached == (found.drop() <= 0.06));
    CHECK(found.evaluations == most);
    CHECK(settings_in(found).size() <= most);
  }
  std::atomic<bool> stop = true;
  graded_engine engine{.harm = harms};
  const control_type stopped{.maximal_drop = 0.06, .stop = &stop, .tune_hyperparams = true};
  CHECK(stopped(graph, engine).why == ptq::stop_reason::requested);

  struct impatient {
    auto on_step(const ptq::step& made) -> ptq::flow {
      return made.kind == ptq::step_kind::tuning ? ptq::enough : ptq::more;
    }
  };

  const control_type watched{.maximal_drop = 0.06, .tune_hyperparams = true};
  const auto ended = watched(graph, engine, impatient{});
  CHECK(ended.why == ptq::stop_reason::requested);
  CHECK(settings_in(ended).size() == 1);
}

TEST_CASE("a search that breaks off among the settings goes on to the same result") {
  const scratch here;
  const auto graph = chain(groups);
  control_type control{.maximal_drop = 0.025, .tune_hyperparams = true};
  graded_engine whole{.harm = harms};
  const auto expected = without_times(control(graph, whole));
  control.state = here.folder / "state";
  control.resume = true;
  bool over = false;
  std::size_t breaks = 0;
  while (!over) {
    REQUIRE(++breaks < 100);
    graded_engine engine{.harm = harms, .fails_after = 1};
    try {
      const auto found = without_times(control(graph, engine));
      CHECK(found == expected);
      over = true;
    } catch (const std::runtime_error& problem) {
      REQUIRE(std::string(problem.what()) == "broken off");
    }
  }
  CHECK(breaks > 5);
}

} // namespace
