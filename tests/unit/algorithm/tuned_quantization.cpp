// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/tuned_quantization.hpp>
#include <ptq/search/grid.hpp>
#include <ptq/search/random.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <limits>
#include <map>
#include <ranges>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/scratch.hpp"
#include "support/small_net.hpp"

namespace {

using namespace ptq::test;
using algorithm = ptq::default_quantization<>;
using space_type = ptq::tuning_space<algorithm>;

/// Measures the mean distance of the outputs, by sample.
struct measuring_toy : toy_evaluator {
  using toy_evaluator::toy_evaluator;

  auto measure(const toy_graph& of, const ptq::plan& under, const ptq::samples& range)
      -> ptq::measurement {
    if (measured + range.size() > fails_after) {
      throw std::runtime_error("broken off");
    }
    measured += range.size();
    ptq::metric off{.name = "off", .direction = ptq::lower_is_better, .least = 0.0};
    const std::vector<ptq::tap<toy_graph>> last{
        static_cast<int>(std::ranges::ssize(of.nodes())) - 1
    };
    std::map<std::size_t, std::vector<float>> reached;
    const auto run = [&](const ptq::plan& each, const ptq::samples& on, auto& to) {
      const auto keep = [&to](const ptq::samples& of_sample, auto, const ptq::tensor_view& seen) {
        to[of_sample[0]] = ptq::to_floats(seen).values;
        return ptq::more;
      };
      observe(of, each, last, on, ptq::show_ref<int>(keep));
    };
    if (wanted.empty()) {
      run({}, {0, sample_count()}, wanted);
    }
    if (!under.empty()) {
      run(under, range, reached);
    }
    for (std::size_t at = 0; at != range.size(); ++at) {
      double distance = 0.0;
      const std::vector<float>& right = wanted.at(range[at]);
      for (std::size_t i = 0; !under.empty() && i != right.size(); ++i) {
        const auto by = static_cast<double>(right[i] - reached.at(range[at])[i]);
        distance += by * by;
      }
      off.per_sample.push_back(distance);
    }
    return {off};
  }

  std::map<std::size_t, std::vector<float>> wanted{}; ///< Of the float model, by sample.
  std::size_t measured = 0;
  std::size_t fails_after = std::numeric_limits<std::size_t>::max();
};

auto bits_of(const ptq::plan& of) -> double {
  double result = 0.0;
  for (const auto& each : of.quantizers) {
    result += each->format.bits;
  }
  return result;
}

struct fixture : small_net {
  measuring_toy evaluator{data(12)};

  static auto bits_axis(const std::string& name, ptq::tensor_options algorithm::* of)
      -> ptq::tuning_axis<algorithm> {
    ptq::tuning_axis<algorithm> result{.name = name, .ordered = true};
    for (const int bits : {6, 4, 3}) {
      result.choices.push_back({std::to_string(bits), [of, bits](algorithm& to) {
                                  (to.*of).bits = bits;
                                }});
    }
    return result;
  }

  space_type space{
      .base = {.stat_subset_size = 12},
      .axes =
          {bits_axis("weights.bits", &algorithm::weights),
           bits_axis("activations.bits", &algorithm::activations),
           {.name = "weights.granularity",
            .choices =
                {{"per tensor", [](algorithm& of) { of.weights.granularity = ptq::per_tensor; }}}}}
  };
};

auto without_times(ptq::tuning_outcome of) -> ptq::tuning_outcome {
  for (ptq::step& each : of.trace) {
    each.seconds = 0.0;
  }
  return of;
}

TEST_CASE_FIXTURE(
    fixture, "where nothing costs the most accurate one is returned, and cheap ones do not count"
) {
  const ptq::tuned_quantization<space_type, ptq::search::grid> every{
      .base = space, .maximal_drop = 1e9
  };
  const auto found = every(g, evaluator);
  for (const ptq::trial& each : found.trials) {
    CHECK(each.score.drop >= found.drop());
  }
}

TEST_CASE_FIXTURE(fixture, "a limit that cannot be met gives the nearest plan and says so") {
  const ptq::tuned_quantization<space_type, ptq::search::grid> every{
      .base = space, .cost = bits_of, .maximal_drop = 0.0
  };
  const auto found = every(g, evaluator);
  CHECK_FALSE(found.reached);
  CHECK(found.why == ptq::stop_reason::unreachable);
  CHECK(found.missed_by > 0.0);
  for (const ptq::trial& each : found.trials) {
    CHECK(each.score.excess >= found.missed_by);
  }
}

TEST_CASE_FIXTURE(
    fixture, "configurations are compared on a part of the samples, the best on all"
) {
  ptq::tuned_quantization<space_type, ptq::search::grid> part{
      .base = space, .cost = bits_of, .maximal_drop = 0.02, .eval_subset_size = 6
  };
  const auto found = part(g, evaluator);
  CHECK(found.returned_in_full);
  CHECK(found.reached == (found.drop() <= 0.02));
  std::size_t in_full = 0;
  for (const ptq::step& each : found.trace) {
    if (each.kind == ptq::step_kind::tuning) {
      in_full += each.seen == 12 ? 1U : 0U;
      CHECK((each.seen == 6 || each.seen == 12));
    }
  }
  CHECK(in_full >= 1);
  CHECK(in_full <= part.finalists);
  CHECK(found.inferred.candidates <= found.evaluations * 6 + part.finalists * 12);
  part.finalists = 1;
  const auto hasty = part(g, evaluator);
  CHECK(hasty.inferred.candidates <= found.inferred.candidates);
}

TEST_CASE_FIXTURE(fixture, "the statistics for all configurations are collected once") {
  const ptq::tuned_quantization<space_type, ptq::search::random> some{
      .base = space, .search = {.max_trials = 20}
  };
  static_cast<void>(some(g, evaluator));
  CHECK(evaluator.runs == 12 + evaluator.measured);
}

TEST_CASE_FIXTURE(fixture, "budgets and the stop flag end a search with the best that was seen") {
  ptq::tuned_quantization<space_type> some{.base = space, .cost = bits_of, .maximal_drop = 0.02};
  for (const std::size_t most : {1U, 5U, 20U}) {
    some.budget = {.evaluations = most};
    const auto found = some(g, evaluator);
    CHECK(found.why == ptq::stop_reason::evaluations);
    CHECK(found.evaluations == most);
    CHECK(found.returned_in_full);
    CHECK(found.trials.size() >= most);
    CHECK(found.plan == space.at(found.configuration)(g, evaluator));
  }
  some.budget = {.samples = 12 * 4};
  CHECK(some(g, evaluator).why == ptq::stop_reason::samples);
  some.budget = {.time = std::chrono::seconds(0)};
  CHECK(some(g, evaluator).why == ptq::stop_reason::time);
  some.budget = {};
  std::atomic<bool> stop = true;
  some.stop = &stop;
  const auto stopped = some(g, evaluator);
  CHECK(stopped.why == ptq::stop_reason::requested);
  CHECK_FALSE(stopped.reached);
}

TEST_CASE_FIXTURE(
    fixture, "a search over configurations that breaks off goes on to the same result"
) {
  const scratch here;
  ptq::tuned_quantization<space_type> some{
      .base = space, .search = {.max_trials = 15}, .cost = bits_of, .maximal_drop = 0.02
  };
  const auto expected = without_times(some(g, evaluator));
  some.state = here.folder / "state";
  some.resume = true;
  bool over = false;
  std::size_t breaks = 0;
  while (!over) {
    REQUIRE(++breaks < 50);
    measuring_toy fragile{data(12)};
    fragile.fails_after = 36;
    try {
      const auto found = without_times(some(g, fragile));
      CHECK(found == expected);
      over = true;
    } catch (const std::runtime_error& problem) {
      REQUIRE(std::string(problem.what()) == "broken off");
    }
  }
  CHECK(breaks > 3);
  some.base.base.stat_subset_size = 6;
  CHECK(message_of([&] {
          static_cast<void>(some(g, evaluator));
        }).find("the state is of another search") != std::string::npos);
}

TEST_CASE_FIXTURE(
    fixture, "costs that are not finite, unknown metrics and bad options are errors"
) {
  ptq::tuned_quantization<space_type> some{.base = space};
  some.cost = [](const ptq::plan& of) {
    return bits_of(of) < 60.0 ? std::numeric_limits<double>::quiet_NaN() : 1.0;
  };
  const auto said = [&] { return message_of([&] { static_cast<void>(some(g, evaluator)); }); };
  CHECK(said().find("the cost is not finite") != std::string::npos);
  some.cost = {};
  some.metrics = {{.name = "top5"}};
  CHECK(said().find("the evaluator measures no such metric; it measures off") != std::string::npos);
  some.metrics = {};
  some.search.gamma = 2.0;
  CHECK(said() == "the share is above 0 and below 1 (option `gamma`)");
}

TEST_CASE_FIXTURE(fixture, "without labels the distance of the outputs is measured") {
  toy_evaluator plain(data(12));
  const ptq::tuned_quantization<algorithm, ptq::search::grid> hyperparameters{
      .base = {.weights = {.bits = 4}},
      .maximal_drop = 1e9,
      .unlabelled = {.distance = ptq::distance::nmse}
  };
  const auto found = hyperparameters(g, plain);
  CHECK(found.measured_by == "nmse");
  CHECK(found.trials.size() == 2 * 10 * 3);
}

} // namespace
