// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/ranking/by_metric.hpp>
#include <ptq/search/greedy_pot.hpp>
#include <ptq/search/keep_best.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/scripted_outcome.hpp"
#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;
using ptq::stop_reason;
using names = std::vector<std::string>;

constexpr std::size_t samples = scripted_samples;

TEST_CASE_TEMPLATE("a search over independent groups is within the limit and near the fewest operations", Search, ptq::search::bisection<>, ptq::search::keep_best<>) {
  const auto graph = chain(eight.size());
  const auto lead = additive(eight);
  for (const double limit : {0.1, 0.05, 0.02, 0.01, 0.005, 0.002}) {
    CAPTURE(limit);
    scripted_engine engine(eight.size(), samples, lead);
    const ptq::accuracy_aware_quantization<quantize_chain, ptq::ranking::by_nmse, Search> control{
        .base = {eight.size()}, .maximal_drop = limit
    };
    const ptq::accuracy_outcome found = control(graph, engine);
    CHECK(found.reached);
    CHECK(found.why == stop_reason::met);
    CHECK(found.drop() <= limit + 1e-12);
    check_outcome(found, engine, lead, eight.size());
    CHECK(operations_of(found).size() <= fewest(lead, eight.size(), limit) + 1);
  }
}

TEST_CASE("groups that only hurt together, groups that help, and noise") {
  const auto together = [](const std::vector<bool>& quantized, std::size_t s) {
    const double before = 1.0 - 1.1 * scripted_number(s, 999);
    double lost = 0.0;
    lost += quantized[1] && quantized[3] ? 0.6 * scripted_number(s, 1) : 0.0;
    lost -= quantized[2] ? 0.1 * scripted_number(s, 2) : 0.0; // better quantized than not
    lost += quantized[0] ? 0.05 * (scripted_number(s, 0) - 0.5) : 0.0;
    lost += quantized[4] && !quantized[3] ? 0.2 * scripted_number(s, 4) : 0.0; // not monotone
    return before - lost;
  };
  constexpr std::size_t groups = 5;
  const auto graph = chain(groups);
  for (const double limit : {0.05, 0.01, 0.0}) {
    CAPTURE(limit);
    for (const bool greedy : {false, true}) {
      scripted_engine engine(groups, samples, together);
      const ptq::accuracy_aware_quantization halves{
          .base = quantize_chain{groups}, .maximal_drop = limit
      };
      const ptq::accuracy_aware_quantization<
          quantize_chain,
          ptq::ranking::by_metric,
          ptq::search::keep_best<>>
          steps{.base = {groups}, .maximal_drop = limit};
      const ptq::accuracy_outcome found = greedy ? steps(graph, engine) : halves(graph, engine);
      CHECK(found.reached);
      CHECK(found.drop() <= limit);
      CHECK(operations_of(found).size() <= fewest(together, groups, limit) + 1);
    }
  }
}

TEST_CASE("a drop that is met already, that needs everything reverted, that cannot be reached") {
  const auto graph = chain(eight.size());
  const auto lead = additive(eight);
  const auto run = [&](double limit) {
    scripted_engine engine(eight.size(), samples, lead);
    const ptq::accuracy_aware_quantization control{
        .base = quantize_chain{eight.size()}, .maximal_drop = limit
    };
    const ptq::accuracy_outcome found = control(graph, engine);
    check_outcome(found, engine, lead, eight.size());
    return found;
  };
  const ptq::accuracy_outcome loose = run(0.9);
  CHECK(loose.reached);
  CHECK(loose.reverted.empty());
  CHECK(loose.inferred.ranking == 0);
  CHECK(loose.evaluations == 1);

  const ptq::accuracy_outcome below_zero = run(-1.0);
  CHECK_FALSE(below_zero.reached);
  CHECK(below_zero.why == stop_reason::unreachable);
  CHECK(below_zero.missed_by > 0.9);

  // 2,000 samples, of which one lost group loses one each: a limit of 0 needs all of them.
  constexpr std::size_t groups = 3;
  const auto one_each = [](const std::vector<bool>& quantized, std::size_t s) {
    return s < groups && quantized[s] ? -1.0 : 1.0;
  };
  scripted_engine engine(groups, samples, one_each);
  const ptq::accuracy_aware_quantization control{
      .base = quantize_chain{groups}, .maximal_drop = 0.0
  };
  const ptq::accuracy_outcome all = control(chain(groups), engine);
  CHECK(all.reached);
  CHECK(all.plan.quantizers.empty());
  CHECK(all.operations_reverted == all.operations_quantized);
}

TEST_CASE("a drop equal to the limit is within it, though the doubles differ") {
  constexpr std::size_t groups = 1;
  const auto ten = [](const std::vector<bool>& quantized, std::size_t s) {
    return s < 185 || (s < 195 && quantized[0]) ? -1.0 : 1.0;
  };
  REQUIRE(1815.0 / 2000 - 1805.0 / 2000 > 0.005); // 0.0050000000000000044
  scripted_engine engine(groups, samples, ten);
  const ptq::accuracy_aware_quantization control{
      .base = quantize_chain{groups}, .maximal_drop = 0.005
  };
  CHECK(control(chain(groups), engine).reverted.empty());
  // POT goes on, and so does its replay.
  const ptq::
      accuracy_aware_quantization<quantize_chain, ptq::ranking::replay_pot, ptq::search::greedy_pot>
          replay{.base = {groups}, .maximal_drop = 0.005};
  const ptq::accuracy_outcome found = replay(chain(groups), engine);
  CHECK(found.why == stop_reason::everything_reverted);
  CHECK_FALSE(found.reached);
}

TEST_CASE("nothing to quantize is a result, not an error") {
  const auto graph = chain(2);
  scripted_engine engine(2, samples, additive({0.1, 0.1}));
  const ptq::accuracy_aware_quantization control{.base = quantize_chain{0}};
  const ptq::accuracy_outcome found = control(graph, engine);
  CHECK(found.reached);
  CHECK(found.plan.empty());
  CHECK(found.operations_quantized == 0);
}

TEST_CASE("of two metrics that disagree both are held, the one to be minimised as well") {
  constexpr std::size_t groups = 4;
  // Group 0 hurts top-1, group 3 hurts the loss alone.
  const auto lead = [](const std::vector<bool>& quantized, std::size_t s) {
    const double before = 1.0 - 1.1 * scripted_number(s, 999);
    double now = before - (quantized[0] ? 0.5 * scripted_number(s, 0) : 0.0);
    return now > 0.0 && quantized[3] ? now * 0.2 : now;
  };
  const auto both = [](std::span<const double> leads) {
    ptq::measurement result = scripted_engine::top1(leads);
    ptq::metric loss{.name = "loss", .direction = ptq::lower_is_better, .least = 0.0};
    for (const double each : leads) {
      loss.per_sample.push_back(std::log1p(std::exp(-4.0 * each)));
    }
    result.push_back(loss);
    return result;
  };
  scripted_engine engine(groups, samples, lead);
  engine.metrics = both;
  ptq::accuracy_aware_quantization control{
      .base = quantize_chain{groups},
      .metrics = {{.name = "top1", .maximal_drop = 0.01}, {.name = "loss", .maximal_drop = 0.02}}
  };
  const auto graph = chain(groups);
  const ptq::accuracy_outcome found = control(graph, engine);
  CHECK(found.reached);
  CHECK(operations_of(found) == names{"op0", "op3"});
  REQUIRE(found.returned.size() == 2);
  CHECK(found.returned[1].drop <= 0.02);
  control.metrics = {{.name = "top1", .maximal_drop = 0.01}};
  CHECK(operations_of(control(graph, engine)) == names{"op0"});
  control.metrics = {{.name = "loss", .maximal_drop = 0.02}};
  const names of_loss = operations_of(control(graph, engine));
  CHECK(std::ranges::count(of_loss, "op3") == 1);
}

TEST_CASE("a metric without values per sample is measured in full, and ranked by the outputs") {
  constexpr std::size_t groups = 4;
  const auto whole = [](std::span<const double> leads) {
    ptq::measurement result = scripted_engine::top1(leads);
    result[0] = {.name = "auc", .whole = result[0].value()};
    return result;
  };
  const auto lead = additive({0.01, 0.5, 0.02, 0.01});

  struct listener {
    names* heard;

    void on_note(const ptq::note& n) { heard->push_back(n.where + " " + n.message); }
  };

  names heard;
  scripted_engine engine(groups, samples, lead);
  engine.metrics = whole;
  const ptq::
      accuracy_aware_quantization<quantize_chain, ptq::ranking::by_metric, ptq::search::bisection<>>
          control{.base = {groups}, .maximal_drop = 0.01};
  const ptq::accuracy_outcome found = control(chain(groups), engine, listener{&heard});
  CHECK(found.reached);
  CHECK(operations_of(found) == names{"op1"});
  CHECK(heard == names{"early stopping is off: a metric is no mean over samples"});
  const auto ranking = std::ranges::find(found.trace, ptq::step_kind::ranking, &ptq::step::kind);
  REQUIRE(ranking != found.trace.end());
  CHECK(ranking->reason.find("no values per sample") != std::string::npos);
  CHECK(ranking->order.front().operations == names{"op1"});
}

TEST_CASE("an engine that throws or answers NaN ends the search with what is wrong") {
  const auto graph = chain(eight.size());
  const auto fails_at = [&](std::size_t call, double what) {
    scripted_engine engine(eight.size(), samples, additive(eight));
    const auto calls = engine.counts;
    engine.metrics = [calls, call, what](std::span<const double> leads) {
      ptq::measurement result = scripted_engine::top1(leads);
      if (calls->calls == call) {
        if (std::isinf(what)) {
          throw std::runtime_error("the device is gone");
        }
        result[0].per_sample.back() = what;
      }
      return result;
    };
    const ptq::accuracy_aware_quantization control{
        .base = quantize_chain{eight.size()}, .maximal_drop = 0.01
    };
    static_cast<void>(control(graph, engine));
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of([&] { fails_at(1, nan); }) == "top1: the metric is not finite for sample 1999");
  CHECK(message_of([&] { fails_at(4, nan); }).find("top1: the metric is not finite") == 0);
  CHECK_THROWS_WITH_AS(
      fails_at(5, std::numeric_limits<double>::infinity()), "the device is gone", std::runtime_error
  );
}

TEST_CASE("negative and zero baselines have limits that do not divide by them") {
  constexpr std::size_t groups = 3;
  const auto lead = [](const std::vector<bool>& quantized, std::size_t) {
    return quantized[1] ? -0.4 : -0.2;
  };
  scripted_engine engine(groups, 100, lead);
  engine.metrics = [](std::span<const double> leads) {
    return ptq::measurement{{.name = "score", .per_sample = {leads.begin(), leads.end()}}};
  };
  const ptq::accuracy_aware_quantization relative{
      .base = quantize_chain{groups}, .maximal_drop = 0.1, .drop_type = ptq::drop::relative
  };
  const ptq::accuracy_outcome found = relative(chain(groups), engine);
  CHECK(found.reached); // a drop of 100 % of 0.2, where 10 % are allowed
  CHECK(operations_of(found) == names{"op1"});
  CHECK(found.returned[0].limit == doctest::Approx(0.02));

  scripted_engine zero(groups, 100, [](const std::vector<bool>& quantized, std::size_t) {
    return quantized[1] ? -0.4 : 0.0;
  });
  zero.metrics = engine.metrics;
  CHECK(operations_of(relative(chain(groups), zero)) == names{"op1"});
}

TEST_CASE("given baselines save the run of the float model") {
  const auto graph = chain(eight.size());
  const auto lead = additive(eight);
  double float_top1 = 0.0;
  for (std::size_t s = 0; s != samples; ++s) {
    float_top1 += lead(std::vector<bool>(eight.size()), s) > 0.0 ? 1.0 / samples : 0.0;
  }
  scripted_engine engine(eight.size(), samples, lead);
  const ptq::
      accuracy_aware_quantization<quantize_chain, ptq::ranking::by_metric, ptq::search::bisection<>>
          control{
              .base = {eight.size()},
              .ranking = {.metric_subset_ratio = 0.25},
              .maximal_drop = 0.01,
              .metrics = {{.name = "top1", .baseline_value = float_top1}}
          };
  const ptq::accuracy_outcome found = control(graph, engine);
  CHECK(found.reached);
  CHECK(found.inferred.baseline == samples / 4); // those that are compared sample by sample
}

TEST_CASE("metrics that cannot be are refused by name") {
  const auto graph = chain(2);
  scripted_engine engine(2, 50, additive({0.1, 0.1}));
  ptq::accuracy_aware_quantization control{
      .base = quantize_chain{2}, .metrics = {{.name = "bleu"}}
  };
  CHECK(message_of([&] {
          static_cast<void>(control(graph, engine));
        }) == "bleu: the evaluator measures no such metric; it measures top1 (option `metrics`)");
  control.metrics.clear();
  engine.metrics = [](std::span<const double>) { return ptq::measurement{}; };
  CHECK(message_of([&] {
          static_cast<void>(control(graph, engine));
        }) == "the evaluator measures no metric (option `metrics`)");
  engine.metrics = [](std::span<const double> leads) {
    ptq::measurement result = scripted_engine::top1(leads);
    result[0].per_sample.pop_back();
    result[0].margin.clear();
    return result;
  };
  CHECK(message_of([&] {
          static_cast<void>(control(graph, engine));
        }) == "top1: 49 values for 50 samples, and no value of the whole");
}

} // namespace
