// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/ranking/by_metric.hpp>
#include <ptq/ranking/by_own_noise.hpp>
#include <ptq/search/greedy_pot.hpp>
#include <ptq/search/keep_best.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;
using namespace std::chrono_literals;

constexpr std::size_t samples = 1500;
const std::vector<double> harm{0.02, 0.3, 0.01, 0.05, 0.6, 0.02, 0.1, 0.03};

/// What an engine and all its forks did.
struct work_log {
  std::mutex writing{};
  std::size_t forks = 0;
  std::vector<std::size_t> calls{}; ///< The number of samples of each.
  std::set<std::thread::id> threads{};
};

/// A scripted engine that writes down what it is asked, and what its forks are.
class watched_engine {
public:
  using ptq_evaluator = void;

  explicit watched_engine(scripted_engine script) : script_(std::move(script)) {}

  auto sample_count() const -> std::size_t { return script_.sample_count(); }

  template <class G>
  void observe(
      const G& graph,
      const ptq::plan& under,
      std::span<const ptq::tap<G>> taps,
      const ptq::samples& range,
      ptq::show_ref<int> show
  ) {
    script_.observe(graph, under, taps, range, show);
  }

  template <class G>
  auto measure(const G& graph, const ptq::plan& under, const ptq::samples& range)
      -> ptq::measurement {
    {
      const std::lock_guard hold(log->writing);
      log->calls.push_back(range.size());
      log->threads.insert(std::this_thread::get_id());
    }
    before(range);
    return script_.measure(graph, under, range);
  }

  auto fork() const -> watched_engine {
    ++log->forks;
    watched_engine result = *this;
    result.script_ = script_.fork();
    return result;
  }

  std::shared_ptr<work_log> log = std::make_shared<work_log>();
  std::function<void(const ptq::samples&)> before = [](const ptq::samples&) {};

private:
  scripted_engine script_;
};

auto engine_of(scripted_engine::metrics_function metrics = scripted_engine::top1)
    -> watched_engine {
  scripted_engine script(harm.size(), samples, additive(harm));
  script.metrics = std::move(metrics);
  return watched_engine(std::move(script));
}

/// Top-1 as a value of the whole.
auto whole(std::span<const double> leads) -> ptq::measurement {
  return {{.name = "auc", .whole = scripted_engine::top1(leads)[0].value()}};
}

auto with_loss(std::span<const double> leads) -> ptq::measurement {
  ptq::measurement result = scripted_engine::top1(leads);
  ptq::metric loss{.name = "loss", .direction = ptq::lower_is_better, .least = 0.0};
  for (const double each : leads) {
    loss.per_sample.push_back(std::log1p(std::exp(-4.0 * each)));
  }
  result.push_back(loss);
  return result;
}

template <class Ranking, class Search>
struct setting {
  using type = ptq::accuracy_aware_quantization<quantize_chain, Ranking, Search>;
};

template <class Setting>
auto control_of() {
  return typename Setting::type{.base = {harm.size()}, .maximal_drop = 0.01};
}

using defaults = setting<ptq::ranking::by_nmse, ptq::search::bisection<>>;

TEST_CASE_TEMPLATE("threads do not change plan and trace", Setting, defaults, setting<ptq::ranking::by_metric, ptq::search::keep_best<>>, setting<ptq::ranking::replay_pot, ptq::search::greedy_pot>) {
  const auto graph = chain(harm.size());
  const auto agree = [&](auto control, const scripted_engine::metrics_function& metrics) {
    watched_engine alone = engine_of(metrics);
    control.threads = 1;
    const auto expected = without_times(control(graph, alone));
    CHECK(expected.trace.size() > 3);
    for (const std::size_t threads : {2U, 3U, 4U, 100U}) {
      CAPTURE(threads);
      control.threads = threads;
      watched_engine forked = engine_of(metrics);
      CHECK(without_times(control(graph, forked)) == expected);
    }
  };
  auto control = control_of<Setting>();
  agree(control, scripted_engine::top1);
  agree(control, whole);
  control.metrics = {{.name = "top1", .maximal_drop = 0.01}, {.name = "loss", .maximal_drop = 0.1}};
  agree(control, with_loss);
  control.metrics.clear();
  control.early_stopping.enabled = false;
  agree(control, scripted_engine::top1);
  control.early_stopping = {.chunk = 7};
  agree(control, scripted_engine::top1);
  control.early_stopping = {};
  control.annotation_free = true;
  agree(control, scripted_engine::top1);
}

TEST_CASE("the samples of one candidate are measured at the same time") {
  const auto graph = chain(harm.size());
  auto control = control_of<setting<ptq::ranking::by_own_noise, ptq::search::keep_best<>>>();
  control.threads = 4;
  control.early_stopping.enabled = false;
  watched_engine engine = engine_of();
  // From the second measurement on none gets on before four have come.
  std::atomic<std::size_t> calls{0};
  std::atomic<int> inside{0};
  std::atomic<bool> late = false;
  engine.before = [&](const ptq::samples&) {
    const std::size_t call = calls++;
    if (call < 1 || call > 4) {
      return;
    }
    ++inside;
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (inside != 4 && !late) {
      late = std::chrono::steady_clock::now() > end;
      std::this_thread::yield();
    }
  };
  CHECK(control.ranking.ranking_subset_size == 64);
  static_cast<void>(control(graph, engine));
  CHECK_FALSE(late);
  CHECK(calls > 8);
}

TEST_CASE("threads and forks are made once for a search") {
  const auto graph = chain(harm.size());
  for (const std::size_t threads : {1U, 2U, 4U}) {
    auto control = control_of<setting<ptq::ranking::by_metric, ptq::search::keep_best<>>>();
    control.threads = threads;
    watched_engine engine = engine_of();
    // Slow enough for each thread to get its share.
    engine.before = [](const ptq::samples&) { std::this_thread::sleep_for(50us); };
    static_cast<void>(control(graph, engine));
    CHECK(engine.log->forks == threads - 1);
    CHECK(engine.log->threads.size() == threads);
  }
}

TEST_CASE("no more engines are forked than there is work for") {
  const auto graph = chain(harm.size());
  auto control = control_of<defaults>();
  control.threads = 100;
  watched_engine engine = engine_of(whole);
  static_cast<void>(control(graph, engine));
  CHECK(engine.log->forks <= harm.size()); // whole candidates, in the ranking alone
  // One sample tells that there are values of the whole; they are of all samples then.
  CHECK(std::ranges::count(engine.log->calls, 1U) == 1);
  CHECK(engine.log->calls.front() == 1);
  CHECK(std::ranges::count(engine.log->calls, samples) + 1 == std::ssize(engine.log->calls));
}

TEST_CASE("whole candidates of a ranking are measured at the same time where parts cannot be") {
  const auto graph = chain(harm.size());
  auto control = control_of<setting<ptq::ranking::by_metric, ptq::search::bisection<>>>();
  watched_engine alone = engine_of(whole);
  const auto expected = without_times(control(graph, alone));
  CHECK(alone.log->threads.size() == 1);
  control.threads = 2;
  watched_engine engine = engine_of(whole);
  engine.before = [](const ptq::samples&) { std::this_thread::sleep_for(50us); };
  CHECK(without_times(control(graph, engine)) == expected);
  CHECK(engine.log->threads.size() == 2);
}

TEST_CASE("of samples that fail in several threads the first is told") {
  const auto graph = chain(harm.size());
  for (const std::size_t threads : {1U, 2U, 4U}) {
    CAPTURE(threads);
    auto control = control_of<defaults>();
    control.threads = threads;
    control.early_stopping.enabled = false;
    watched_engine engine = engine_of();
    std::atomic<bool> armed = false;
    engine.before = [&](const ptq::samples& range) {
      for (const std::size_t s : range) {
        if (armed && s == 200) {
          std::this_thread::sleep_for(5ms); // others have failed by then
          throw std::runtime_error("sample 200");
        }
        if (armed && s >= 400) {
          throw std::runtime_error("a later sample");
        }
      }
    };

    struct arms {
      std::atomic<bool>* armed;

      void on_step(const ptq::step&) { *armed = true; }
    };

    CHECK_THROWS_WITH_AS(
        static_cast<void>(control(graph, engine, arms{&armed})), "sample 200", std::runtime_error
    );
  }
}

TEST_CASE("a metric that is not finite is told of the first sample, by as many threads as there are"
) {
  const auto graph = chain(harm.size());
  for (const std::size_t threads : {1U, 2U, 4U}) {
    CAPTURE(threads);
    auto control = control_of<defaults>();
    control.threads = threads;
    watched_engine engine = engine_of([](std::span<const double> leads) {
      ptq::measurement result = scripted_engine::top1(leads);
      if (leads.size() > 1) {
        for (std::size_t i = 0; i != leads.size(); ++i) {
          if (leads[i] == additive(harm)(std::vector<bool>(harm.size()), 777) ||
              leads[i] == additive(harm)(std::vector<bool>(harm.size()), 1400)) {
            result[0].per_sample[i] = std::nan("");
          }
        }
      }
      return result;
    });
    CHECK(message_of([&] {
            static_cast<void>(control(graph, engine));
          }) == "top1: the metric is not finite for sample 777");
  }
}

TEST_CASE("an engine that cannot be forked is asked by one thread") {
  struct not_forked : scripted_engine {
    using scripted_engine::scripted_engine;
    void fork() const = delete;
  };

  const auto graph = chain(harm.size());
  static_assert(!ptq::forkable_evaluator_for<not_forked, toy_graph>);
  auto control = control_of<defaults>();
  not_forked alone(harm.size(), samples, additive(harm));
  const auto expected = without_times(control(graph, alone));
  control.threads = 4;
  not_forked engine(harm.size(), samples, additive(harm));
  CHECK(without_times(control(graph, engine)) == expected);
}

/// What a progress bar shows.
struct bar {
  std::string stage{};
  std::size_t done = 0;
  std::size_t of = 0;
};

struct watcher {
  std::vector<std::vector<bar>>* bars; ///< Of each step, the last of them of the next one.

  void on_progress(const ptq::progress& now) {
    bars->back().push_back({std::string(now.stage), now.done, now.of});
  }

  void on_step(const ptq::step& /*made*/) { bars->emplace_back(); }
};

TEST_CASE_TEMPLATE("progress has an honest total", Setting, defaults, setting<ptq::ranking::by_metric, ptq::search::keep_best<>>, setting<ptq::ranking::replay_pot, ptq::search::greedy_pot>) {
  const auto graph = chain(harm.size());
  for (const std::size_t threads : {1U, 2U, 4U}) {
    CAPTURE(threads);
    auto control = control_of<Setting>();
    control.threads = threads;
    std::vector<std::vector<bar>> bars(1);
    watched_engine engine = engine_of();
    const ptq::accuracy_outcome found = control(graph, engine, watcher{&bars});
    bool moved = false;
    for (std::size_t at = 0; at != found.trace.size(); ++at) {
      const ptq::step& made = found.trace[at];
      CAPTURE(made.number);
      if (bars[at].empty()) {
        CHECK(made.samples == 0);
        continue;
      }
      bar last;
      for (const bar& each : bars[at]) {
        if (each.stage == last.stage && each.of == last.of) {
          CHECK(each.done >= last.done);
        } else {
          CHECK((last.stage.empty() || last.done == last.of)); // what was begun was done
        }
        CHECK(each.done <= each.of);
        moved = moved || (each.done != 0 && each.done != each.of);
        last = each;
      }
      const bar& end = bars[at].back();
      if (made.kind == ptq::step_kind::baseline) {
        CHECK(end.stage == "float model");
        CHECK(end.of == samples);
        CHECK(end.done == samples);
      } else if (made.kind == ptq::step_kind::ranking) {
        CHECK(end.stage == "ranking");
        CHECK(end.of == made.order.size() * made.subset.size());
        CHECK(end.done == end.of);
      } else if (made.kind == ptq::step_kind::candidate) {
        CHECK(end.stage == "candidate");
        CHECK(end.of == samples);
        CHECK(end.done == made.seen);
      }
    }
    CHECK(moved);
  }
}

} // namespace
