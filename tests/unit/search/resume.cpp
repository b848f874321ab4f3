// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/ranking/by_metric.hpp>
#include <ptq/search/greedy_pot.hpp>
#include <ptq/search/keep_best.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/scratch.hpp"
#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;
using namespace std::chrono_literals;

constexpr std::size_t samples = 600;
const std::vector<double> harm{0.02, 0.3, 0.01, 0.05, 0.6, 0.02, 0.1, 0.03};

template <class Ranking, class Search>
struct setting {
  using ranking = Ranking;
  using search = Search;
};

template <class Setting>
auto control_with(const std::string& state) {
  return ptq::accuracy_aware_quantization<
      quantize_chain,
      typename Setting::ranking,
      typename Setting::search>{
      .base = {harm.size()}, .maximal_drop = 0.01, .state = state, .resume = true
  };
}

TEST_CASE_TEMPLATE("a search that breaks off at any question goes on to the same result", Setting, setting<ptq::ranking::by_nmse, ptq::search::bisection<>>, setting<ptq::ranking::by_joint_nmse, ptq::search::bisection<>>, setting<ptq::ranking::by_metric, ptq::search::keep_best<>>, setting<ptq::ranking::replay_pot, ptq::search::greedy_pot>) {
  const scratch here;
  const auto graph = chain(harm.size());
  scripted_engine whole(harm.size(), samples, additive(harm));
  const auto expected = without_times(control_with<Setting>("")(graph, whole));
  const std::string state = here.folder / "state";
  bool over = false;
  for (std::size_t breaks = 1; !over; ++breaks) {
    REQUIRE(breaks < 1000);
    scripted_engine engine(harm.size(), samples, additive(harm));
    const auto counts = engine.counts;
    // A few more calls each time: three are enough for an answer, however many samples it is of.
    engine.metrics = [counts, most = 1 + breaks % 3](std::span<const double> leads) {
      if (counts->calls > most) {
        throw std::runtime_error("broken off");
      }
      return scripted_engine::top1(leads);
    };
    try {
      const auto found = control_with<Setting>(state)(graph, engine);
      CHECK(without_times(found) == expected);
      over = true;
      CHECK(breaks > 5);
    } catch (const std::runtime_error& problem) {
      REQUIRE(std::string(problem.what()) == "broken off");
    }
  }
  // Everything is known now: the engine is asked nothing but what has no answer in the state.
  scripted_engine idle(harm.size(), samples, additive(harm));
  CHECK(without_times(control_with<Setting>(state)(graph, idle)) == expected);
  CHECK(idle.counts->measured == 0);
  CHECK(idle.counts->shown == 0);
}

TEST_CASE("a search that is killed fifty times goes on to the same result") {
  using defaults = setting<ptq::ranking::by_nmse, ptq::search::bisection<>>;
  const scratch here;
  const auto graph = chain(harm.size());
  scripted_engine whole(harm.size(), samples, additive(harm));
  const auto expected = without_times(control_with<defaults>("")(graph, whole));
  const auto slow_run = [&](const std::string& state) {
    scripted_engine slow(harm.size(), samples, additive(harm));
    slow.metrics = [](std::span<const double> leads) {
      std::this_thread::sleep_for(300us);
      return scripted_engine::top1(leads);
    };
    static_cast<void>(control_with<defaults>(state)(graph, slow));
  };
  const auto begin = std::chrono::steady_clock::now();
  slow_run(here.folder / "uninterrupted");
  const std::chrono::duration<double> length = std::chrono::steady_clock::now() - begin;
  std::size_t measured = 0;
  for (std::size_t killed = 0; killed != 50; ++killed) {
    CAPTURE(killed);
    const std::string state = here.folder / ("state" + std::to_string(killed));
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      slow_run(state);
      _exit(0);
    }
    std::this_thread::sleep_for(1.5 * length * scripted_number(killed));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    scripted_engine engine(harm.size(), samples, additive(harm));
    CHECK(without_times(control_with<defaults>(state)(graph, engine)) == expected);
    CHECK(engine.counts->measured <= whole.counts->measured);
    measured += engine.counts->measured;
  }
  CHECK(measured < 50 * whole.counts->measured); // answers were found in the states
}

/// Reverts the group of this number first.
struct by_number {
  std::size_t first = 0;

  auto score(const ptq::plan&, const ptq::group& what, ptq::measure_ref) const -> double {
    return what.operations.front() == "op" + std::to_string(first) ? 1.0 : 0.0;
  }

  auto key() const -> std::string { return std::to_string(first); }
};

struct by_name {
  auto score(const ptq::plan&, const ptq::group& what, ptq::measure_ref) const -> double {
    return std::stod(what.operations.front().substr(2));
  }
};

TEST_CASE("the scores of another ranking are not taken from a state") {
  const scratch here;
  const auto graph = chain(harm.size());
  const auto first_of = [&](auto control) {
    scripted_engine engine(harm.size(), samples, additive(harm));
    const auto found = control(graph, engine);
    const auto at = std::ranges::find(found.trace, ptq::step_kind::ranking, &ptq::step::kind);
    REQUIRE(at != found.trace.end());
    return at->order.front().operations.front();
  };
  const std::string state = here.folder / "state";
  auto by_three = control_with<setting<by_number, ptq::search::bisection<>>>(state);
  by_three.ranking.first = 3;
  CHECK(first_of(by_three) == "op3");
  auto by_five = by_three;
  by_five.ranking.first = 5;
  CHECK(first_of(by_five) == "op5");
  CHECK(first_of(control_with<setting<by_name, ptq::search::bisection<>>>(state)) == "op7");
}

TEST_CASE("another limit goes on from what was measured for the first") {
  using defaults = setting<ptq::ranking::by_nmse, ptq::search::bisection<>>;
  const scratch here;
  const auto graph = chain(harm.size());
  auto control = control_with<defaults>((here.folder / "state").string());
  scripted_engine first(harm.size(), samples, additive(harm));
  static_cast<void>(control(graph, first));
  control.maximal_drop = 0.05;
  scripted_engine second(harm.size(), samples, additive(harm));
  const auto found = without_times(control(graph, second));
  control.state.clear();
  scripted_engine fresh(harm.size(), samples, additive(harm));
  CHECK(found == without_times(control(graph, fresh)));
  CHECK(second.counts->measured < fresh.counts->measured);
}

TEST_CASE("budgets, the stop flag and observers end a search with the best plan seen") {
  const auto graph = chain(harm.size());
  using ptq::stop_reason;
  auto control = control_with<setting<ptq::ranking::by_nmse, ptq::search::bisection<>>>("");
  const auto run = [&](auto&&... tell) {
    scripted_engine engine(harm.size(), samples, additive(harm));
    return control(graph, engine, tell...);
  };
  const ptq::accuracy_outcome whole = run();
  REQUIRE(whole.evaluations > 5);
  for (std::size_t most = 0; most <= whole.evaluations + 1; ++most) {
    CAPTURE(most);
    control.budget = {.evaluations = most};
    const ptq::accuracy_outcome found = run();
    CHECK(found.returned_in_full);
    CHECK(found.evaluations <= std::max<std::size_t>(most, 1) + 1);
    CHECK((found.why == stop_reason::met) == (most >= whole.evaluations));
    CHECK(found.reached == (found.drop() <= 0.01));
    CHECK((found.reached || found.missed_by > 0.0));
  }
  for (const std::size_t most : {0U, 300U, 700U, 900U}) {
    control.budget = {.samples = most};
    const ptq::accuracy_outcome found = run();
    CHECK(found.returned_in_full);
    CHECK(found.why == stop_reason::samples);
    CHECK(
        found.inferred.total() <= most + 2 * samples
    ); // the float model and the result in any case
  }
  control.budget = {.time = 0s};
  CHECK(run().why == stop_reason::time);
  control.budget = {.time = 30min};
  CHECK(run().why == stop_reason::met);

  control.budget = {};
  std::atomic<bool> stop = true;
  static_assert(std::atomic<bool>::is_always_lock_free);
  control.stop = &stop;
  const ptq::accuracy_outcome stopped = run();
  CHECK(stopped.why == stop_reason::requested);
  CHECK_FALSE(stopped.reached);
  CHECK_FALSE(stopped.returned_in_full);
  CHECK(stopped.inferred.candidates == 0);

  control.stop = nullptr;

  struct impatient {
    auto on_step(const ptq::step& made) -> ptq::flow {
      return made.number == 4 ? ptq::enough : ptq::more;
    }
  };

  const ptq::accuracy_outcome ended = run(impatient{});
  CHECK(ended.why == stop_reason::requested);
  CHECK(ended.trace.size() <= 7);
}

} // namespace
