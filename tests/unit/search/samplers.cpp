// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/graph/digest.hpp>
#include <ptq/search/configuration.hpp>
#include <ptq/search/grid.hpp>
#include <ptq/search/one_at_a_time.hpp>
#include <ptq/search/random.hpp>
#include <ptq/search/tpe.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/scripted_search.hpp"

namespace {

using ptq::configuration;
using ptq::test::scripted_number;

static_assert(ptq::configuration_search<ptq::search::tpe>);
static_assert(ptq::configuration_search<ptq::search::random>);
static_assert(ptq::configuration_search<ptq::search::grid>);
static_assert(ptq::configuration_search<ptq::search::one_at_a_time>);

using objective = std::function<double(const configuration&)>;

auto axes_of(const std::vector<std::size_t>& sizes, bool ordered = false)
    -> std::vector<ptq::search_axis> {
  std::vector<ptq::search_axis> result;
  for (std::size_t a = 0; a != sizes.size(); ++a) {
    ptq::search_axis each{.name = "axis" + std::to_string(a), .choices = {}, .ordered = ordered};
    for (std::size_t c = 0; c != sizes[a]; ++c) {
      each.choices.push_back(std::to_string(c));
    }
    result.push_back(each);
  }
  return result;
}

/// All trials, that of the algorithm as it is first.
template <class Search>
auto run(const Search& search, const std::vector<ptq::search_axis>& axes, const objective& loss)
    -> std::vector<ptq::trial> {
  std::vector<ptq::trial> trials;
  std::optional<configuration> next(configuration(axes.size()));
  while (next) {
    ptq::check_configuration(axes, *next);
    CHECK_FALSE(ptq::detail::was_tried(trials, *next));
    trials.push_back({.at = *next, .score = {.drop = loss(*next)}});
    REQUIRE(trials.size() < 5000);
    next = search.suggest(
        std::span<const ptq::search_axis>(axes), std::span<const ptq::trial>(trials)
    );
  }
  return trials;
}

/// Each axis adds what its choice costs, and neighbours that agree cost more.
auto additive_loss(std::size_t problem) -> objective {
  return [problem](const configuration& at) {
    double loss = 0.0;
    for (std::size_t a = 0; a != at.size(); ++a) {
      loss += scripted_number(at[a] * 131 + a, problem);
      loss += a != 0 && at[a] == at[a - 1] ? 0.2 : 0.0;
    }
    return loss;
  };
}

TEST_CASE("TPE finds better configurations than as many drawn at random") {
  const auto axes = axes_of({5, 5, 5, 5, 5, 5, 5, 5});
  std::size_t wins = 0;
  double tpe_total = 0.0;
  double random_total = 0.0;
  constexpr std::size_t seeds = 20;
  for (std::size_t seed = 0; seed != seeds; ++seed) {
    const objective loss = additive_loss(seed);
    const auto by_tpe = run(ptq::search::tpe{.max_trials = 80, .seed = seed}, axes, loss);
    const auto drawn = run(ptq::search::random{.max_trials = 80, .seed = seed}, axes, loss);
    CHECK(by_tpe.size() == 81);
    CHECK(drawn.size() == 81);
    const double best = ptq::best_trial(by_tpe).score.drop;
    const double other = ptq::best_trial(drawn).score.drop;
    wins += best < other ? 1U : 0U;
    tpe_total += best;
    random_total += other;
  }
  CHECK(wins >= 17);
  CHECK(tpe_total < 0.8 * random_total);
}

TEST_CASE("where choices are in order TPE learns from their neighbours") {
  const objective far_off = [](const configuration& at) {
    const auto off = [](std::size_t value, std::size_t wanted) {
      return value > wanted ? value - wanted : wanted - value;
    };
    return static_cast<double>(off(at[0], 41) + off(at[1], 13));
  };
  double ordered = 0.0;
  double unordered = 0.0;
  for (std::size_t seed = 0; seed != 20; ++seed) {
    const ptq::search::tpe search{.max_trials = 60, .seed = seed};
    ordered += ptq::best_trial(run(search, axes_of({64, 64}, true), far_off)).score.drop;
    unordered += ptq::best_trial(run(search, axes_of({64, 64}), far_off)).score.drop;
  }
  CHECK(ordered < 0.8 * unordered);
}

TEST_CASE_TEMPLATE(
    "searches repeat themselves for the same seed, and only then",
    Search,
    ptq::search::tpe,
    ptq::search::random
) {
  const auto axes = axes_of({4, 3, 5, 2, 6});
  const objective loss = additive_loss(3);
  const auto first = run(Search{.max_trials = 50, .seed = 1}, axes, loss);
  CHECK(run(Search{.max_trials = 50, .seed = 1}, axes, loss) == first);
  CHECK(run(Search{.max_trials = 50, .seed = 2}, axes, loss) != first);
}

TEST_CASE("each option of TPE changes what it suggests") {
  const auto axes = axes_of({4, 3, 5, 2, 6, 7});
  const objective loss = additive_loss(2);
  const ptq::search::tpe usual{.max_trials = 60};
  const auto first = run(usual, axes, loss);
  CHECK(first.size() == 61);
  ptq::search::tpe other = usual;
  other.startup_trials = 20;
  const auto later = run(other, axes, loss);
  CHECK(std::equal(first.begin(), first.begin() + 11, later.begin())); // both are drawn evenly
  CHECK(later != first);
  other = usual;
  other.gamma = 0.1;
  CHECK(run(other, axes, loss) != first);
  other = usual;
  other.candidates = 2;
  CHECK(run(other, axes, loss) != first);
  other = usual;
  other.max_trials = 10;
  const auto few = run(other, axes, loss);
  CHECK(few.size() == 11);
  CHECK(std::equal(few.begin(), few.end(), first.begin()));
}

TEST_CASE("what TPE suggests is the same on every machine") {
  ptq::detail::fnv1a hash;
  for (const bool ordered : {false, true}) {
    const auto axes = axes_of({4, 3, 5, 2, 6, 9}, ordered);
    for (const ptq::trial& each :
         run(ptq::search::tpe{.max_trials = 120, .seed = 5}, axes, additive_loss(1))) {
      for (const std::size_t choice : each.at) {
        hash.number(choice);
      }
    }
  }
  CHECK(hash.value() == 38506358972846885U);
}

TEST_CASE_TEMPLATE(
    "searches end when there is nothing left to try",
    Search,
    ptq::search::tpe,
    ptq::search::random,
    ptq::search::grid
) {
  const auto trials = run(Search{}, axes_of({3, 2, 4}), additive_loss(0));
  CHECK(trials.size() == 24);
  CHECK(run(Search{}, {}, [](const configuration&) { return 0.0; }).size() == 1);
}

TEST_CASE("a grid goes through all configurations in order") {
  const auto trials = run(ptq::search::grid{}, axes_of({2, 3}), additive_loss(0));
  std::vector<configuration> seen;
  for (const ptq::trial& each : trials) {
    seen.push_back(each.at);
  }
  CHECK(seen == std::vector<configuration>{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}});
}

TEST_CASE("one at a time: stages go on from the best, axes of a stage are not combined") {
  auto axes = axes_of({2, 3, 3});
  axes[2].stage = 1;
  std::vector<configuration> seen;
  const auto trials = run(ptq::search::one_at_a_time{}, axes, [&](const configuration& at) {
    seen.push_back(at);
    const double first[] = {0.5, 0.4};
    const double second[] = {0.0, -0.3, 0.2};
    return first[at[0]] + second[at[1]] - 0.1 * static_cast<double>(at[2] % 2);
  });
  CHECK(
      seen ==
      std::vector<configuration>{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 2, 0}, {0, 1, 1}, {0, 1, 2}}
  );
  CHECK(ptq::best_trial(trials).at == configuration{0, 1, 1});

  // Of equal ones the first is gone on from.
  seen.clear();
  run(ptq::search::one_at_a_time{}, axes, [&](const configuration& at) {
    seen.push_back(at);
    return at == configuration{0, 0, 0} ? 1.0 : 0.5;
  });
  CHECK(seen.back() == configuration{1, 0, 2});
}

TEST_CASE("scores compare by the excess, then the cost, then the drop, then what is finer") {
  const ptq::tuning_score fits{.excess = 0.0, .cost = 9.0, .drop = 0.1, .finer = 9.0};
  CHECK(fits < ptq::tuning_score{.excess = 0.1, .cost = 1.0, .drop = 0.0});
  CHECK(ptq::tuning_score{.cost = 8.0, .drop = 0.2} < fits);
  CHECK(ptq::tuning_score{.cost = 9.0, .drop = 0.1, .finer = 8.0} < fits);
}

TEST_CASE("options that no search could use are refused") {
  using ptq::test::message_of;
  CHECK(message_of([] {
          ptq::search::tpe{.gamma = 0.0}.check_options();
        }) == "the share is above 0 and below 1 (option `gamma`)");
  CHECK(message_of([] {
          ptq::search::tpe{.candidates = 0}.check_options();
        }) == "at least one candidate is needed (option `candidates`)");
  CHECK(message_of([] {
          ptq::check_configuration(axes_of({2, 2}), {0, 2});
        }) == "axis1: choice 2 of 2");
  CHECK(message_of([] {
          ptq::check_configuration(axes_of({2, 2}), {0});
        }) == "a configuration of 1 choices for 2 axes");
}

} // namespace
