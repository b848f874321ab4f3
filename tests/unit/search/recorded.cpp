// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The searches that POT made, on what it measured: the same subsets, orders, groups, decisions and
// reasons to stop.
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/ranking/by_metric.hpp>
#include <ptq/search/greedy_pot.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/recorded_search.hpp"

namespace {

using namespace ptq::test;
using nlohmann::json;
using names = std::vector<std::string>;

auto reason_of(const std::string& recorded) -> ptq::stop_reason {
  if (recorded == "all_fqs_removed") {
    return ptq::stop_reason::everything_reverted;
  }
  if (recorded == "max_iter_num") {
    return ptq::stop_reason::max_iter_num;
  }
  if (recorded == "ranking_exhausted") {
    return ptq::stop_reason::ranking_exhausted;
  }
  REQUIRE((recorded == "met" || recorded == "met_without_search"));
  return ptq::stop_reason::met;
}

/// What of a search is compared.
struct totals {
  std::size_t searches = 0;
  std::size_t steps = 0;
  std::size_t rolled_back = 0;
  std::size_t rankings = 0;
};

void compare(const std::string& trace, totals& sum) {
  const json run = read_recorded("traces/" + trace);
  const recorded_graph graph(run.at("graph"));
  const json& order = run.at("order");
  const ptq::plan start = recorded_plan(graph, order);

  ptq::ranking::replay_pot ranking{.ranking_subset_size = run.at("ranking_subset_size")};
  for (const auto& each : start.groups) {
    ranking.names.push_back(names_in(graph, order, *each).front());
  }
  if (!run.at("compared").is_null()) {
    ranking.compared = run.at("compared").get<std::vector<std::size_t>>();
  }
  std::vector<ptq::wanted_metric> wanted;
  for (std::size_t m = 0; m != run.at("metrics").size(); ++m) {
    ptq::wanted_metric each{.name = run.at("metrics").at(m).at("name")};
    if (run.at("baseline_given")) {
      each.baseline_value = run.at("baseline").at(m).get<double>();
    }
    wanted.push_back(each);
  }
  const auto base = [&start](const recorded_graph&, recorded_engine&) { return start; };
  const json& most = run.at("max_iter_num");
  const ptq::search::greedy_pot search{
      .max_iter_num =
          most.is_null() ? std::numeric_limits<std::size_t>::max() : most.get<std::size_t>(),
      .use_prev_if_drop_increase = run.at("use_prev_if_drop_increase")
  };
  const ptq::
      accuracy_aware_quantization<decltype(base), ptq::ranking::replay_pot, ptq::search::greedy_pot>
          control{
              .base = base,
              .ranking = ranking,
              .search = search,
              .maximal_drop = run.at("maximal_drop"),
              .drop_type = run.at("relative") ? ptq::drop::relative : ptq::drop::absolute,
              .metrics = wanted
          };
  recorded_engine engine(graph, run, ranking.names);
  const ptq::accuracy_outcome found = control(graph, engine);

  CHECK(found.why == reason_of(run.at("stop")));
  const json& steps = run.at("steps");
  const json& rankings = run.at("rankings");
  std::size_t step = 0;
  std::size_t ranked = 0;
  ptq::group_set before;
  for (const ptq::step& each : found.trace) {
    if (each.kind == ptq::step_kind::ranking) {
      REQUIRE(ranked < rankings.size());
      const json& recorded = rankings.at(ranked++);
      CHECK(json(each.subset) == recorded.at("subset"));
      names ours;
      for (const auto& entry : each.order) {
        ours.push_back(ranking.names.at(entry.group));
        CHECK(entry.score == recorded.at("scores").at(ours.back()).get<double>());
      }
      CHECK(json(ours) == recorded.at("order"));
      before = each.reverted;
      if (!recorded.at("groups").is_null()) {
        CHECK(recorded.at("groups").size() == start.groups.size());
        for (std::size_t g = 0; g != start.groups.size(); ++g) {
          names members = names_in(graph, order, *start.groups[g]);
          names operations = start.groups[g]->operations;
          std::ranges::sort(members);
          std::ranges::sort(operations);
          CHECK(json(members) == recorded.at("groups").at(ranking.names[g]));
          CHECK(json(operations) == recorded.at("operations").at(ranking.names[g]));
        }
      }
    } else if (each.kind == ptq::step_kind::candidate && !each.reverted.empty()) {
      REQUIRE(step < steps.size());
      const json& recorded = steps.at(step++);
      ptq::group_set picked;
      std::ranges::set_difference(each.reverted, before, std::back_inserter(picked));
      REQUIRE(picked.size() == 1);
      CHECK(ranking.names.at(picked.front()) == recorded.at("picked").get<std::string>());
      CHECK((each.decision == "rolled back") == recorded.at("rolled_back").get<bool>());
      if (each.decision != "rolled back") {
        before = each.reverted;
      } else {
        ++sum.rolled_back;
      }
    }
  }
  CHECK(step == steps.size());
  CHECK(ranked == rankings.size());
  if (run.contains("start_drop")) {
    for (std::size_t m = 0; m != found.start.size(); ++m) {
      CHECK(found.start[m].drop == run.at("start_drop").at(m).get<double>());
    }
  }
  sum.searches += ranked == 0 ? 0 : 1;
  sum.steps += step;
  sum.rankings += ranked;
}

TEST_CASE("each recorded search of POT is taken again step by step") {
  totals sum;
  for (const auto& file :
       std::filesystem::directory_iterator(PTQ_TESTS_DIR "/golden/accuracy_aware/traces")) {
    const std::string trace = file.path().stem().string();
    CAPTURE(trace);
    compare(trace, sum);
  }
  CHECK(sum.searches == 35);
  CHECK(sum.steps == 234);
  CHECK(sum.rolled_back == 43);
  CHECK(sum.rankings == 89);
}

} // namespace
