// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/error.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/ranking/detail/engine_crew.hpp>
#include <ptq/ranking/detail/parts.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace std::chrono_literals;

/// An engine that can be forked so many times.
class few_forks final : public ptq::measuring_engine {
public:
  explicit few_forks(std::size_t forks) : left_(forks) {}

  auto sample_count() const -> std::size_t override { return 0; }

  auto measure(const ptq::plan&, const ptq::samples& range) -> ptq::measurement override {
    ptq::metric made{.name = "index"};
    for (const std::size_t sample : range) {
      made.per_sample.push_back(static_cast<double>(sample));
      made.margin.push_back(-static_cast<double>(sample));
    }
    calls.push_back(range.size());
    return {made};
  }

  auto shows_outputs() const -> bool override { return false; }

  auto outputs_of(const ptq::plan&, const ptq::samples&)
      -> std::vector<ptq::output_tensors> override {
    return {};
  }

  auto nodes() -> const ptq::topology& override { return nodes_; }

  auto runner() -> ptq::plan_runner* override { return nullptr; }

  auto fork() const -> std::unique_ptr<ptq::measuring_engine> override {
    return left_-- == 0 ? nullptr : std::make_unique<few_forks>(0);
  }

  std::vector<std::size_t> calls{};

private:
  mutable std::size_t left_;
  ptq::topology nodes_{};
};

TEST_CASE("a crew does each item once, whatever its size, and keeps its threads and engines") {
  for (const std::size_t threads : {1U, 2U, 4U}) {
    CAPTURE(threads);
    few_forks engine(3);
    ptq::detail::engine_crew crew(engine, threads);
    std::mutex writing;
    std::set<std::pair<std::thread::id, const ptq::measuring_engine*>> who;
    for (const std::size_t items : {0U, 1U, 2U, 3U, 1000U, 5U, 1000U}) {
      CAPTURE(items);
      std::vector<std::atomic<int>> times(items);
      std::size_t last = 0;
      crew.for_each(
          items,
          [&](ptq::measuring_engine& own, std::size_t item) {
            ++times[item];
            const std::lock_guard hold(writing);
            who.emplace(std::this_thread::get_id(), &own);
          },
          [&](std::size_t done) {
            CHECK(done >= last);
            last = done;
          }
      );
      CHECK(last == items);
      CHECK(std::ranges::all_of(times, [](const auto& each) { return each == 1; }));
    }
    CHECK(who.size() <= threads);
    CHECK(crew.enlist(1000) == threads);
    CHECK(crew.enlist(3) == std::min<std::size_t>(threads, 3));
  }
}

TEST_CASE("the threads of a crew work at the same time") {
  few_forks engine(3);
  ptq::detail::engine_crew crew(engine, 4);
  std::atomic<int> inside{0};
  const auto late = std::chrono::steady_clock::now() + 60s;
  crew.for_each(4, [&](ptq::measuring_engine&, std::size_t) {
    ++inside; // none gets on before all have come
    while (inside != 4 && std::chrono::steady_clock::now() < late) {
      std::this_thread::yield();
    }
  });
  CHECK(std::chrono::steady_clock::now() < late);
}

TEST_CASE("an engine that cannot be forked works alone, one that can be forked once with one other"
) {
  few_forks alone(0);
  ptq::detail::engine_crew one(alone, 4);
  CHECK(one.enlist(100) == 1);
  std::size_t sum = 0;
  one.for_each(10, [&](ptq::measuring_engine& own, std::size_t item) {
    CHECK(&own == &alone);
    sum += item;
  });
  CHECK(sum == 45);
}

TEST_CASE("of several items that fail the first is told, however late") {
  for (const std::size_t threads : {1U, 2U, 4U}) {
    CAPTURE(threads);
    few_forks engine(3);
    ptq::detail::engine_crew crew(engine, threads);
    for (int repetition = 0; repetition != 20; ++repetition) {
      std::atomic<std::size_t> begun{0};
      const auto fails = [&](ptq::measuring_engine&, std::size_t item) {
        ++begun;
        if (item == 2) {
          std::this_thread::sleep_for(1ms); // item 3 has failed by then, where it is begun
          throw std::runtime_error("second");
        }
        if (item >= 3) {
          throw std::runtime_error("third");
        }
      };
      CHECK_THROWS_WITH_AS(crew.for_each(1000, fails), "second", std::runtime_error);
      CHECK(begun <= 2 + threads); // nothing is begun after it is known
    }
    std::atomic<int> after{0};
    crew.for_each(8, [&](ptq::measuring_engine&, std::size_t) { ++after; });
    CHECK(after == 8);
  }
}

TEST_CASE("a crew waits for its threads before it hands on what an observer throws") {
  few_forks engine(1);
  ptq::detail::engine_crew crew(engine, 2);
  std::atomic<int> inside{0};
  CHECK_THROWS_WITH_AS(
      crew.for_each(
          100,
          [&](ptq::measuring_engine&, std::size_t) {
            ++inside;
            std::this_thread::sleep_for(100us);
            --inside;
          },
          [](std::size_t) { throw std::runtime_error("no more"); }
      ),
      "no more",
      std::runtime_error
  );
  CHECK(inside == 0);
}

TEST_CASE("parts are of one size, as many for each thread, none too large") {
  for (const std::size_t threads : {1U, 2U, 3U, 8U}) {
    for (const std::size_t count : {1U, 7U, 8U, 63U, 64U, 255U, 256U, 257U, 600U, 2000U, 10000U}) {
      CAPTURE(threads);
      CAPTURE(count);
      const std::size_t size = ptq::detail::part_size(count, threads);
      CHECK(size <= ptq::detail::most_in_a_part(threads));
      CHECK(size >= ptq::detail::least_in_a_part);
      const std::size_t parts = (count + size - 1) / size;
      if (count >= threads * threads * ptq::detail::least_in_a_part) {
        CHECK(parts >= threads);
        // The thread with most of the samples has hardly more than its share.
        CHECK((parts + threads - 1) / threads * size <= count / threads + size / 4 + threads);
      }
    }
  }
}

TEST_CASE("the values of parts are put together in the order that was asked for") {
  for (const std::size_t threads : {1U, 2U, 4U}) {
    for (const bool probe : {false, true}) {
      CAPTURE(threads);
      few_forks engine(3);
      ptq::detail::engine_crew crew(engine, threads);
      std::vector<std::size_t> list;
      for (std::size_t s = 0; s != 1234; ++s) {
        list.push_back((s * 7) % 1234);
      }
      std::size_t told = 0;
      const auto found = ptq::detail::measured_in_parts(
          crew,
          {},
          ptq::samples(list),
          probe,
          [&](std::size_t done) {
            CHECK(done >= told);
            told = done;
          }
      );
      CHECK(told == list.size());
      REQUIRE(found.has_value());
      REQUIRE(found->size() == 1);
      CHECK(found->front().name == "index");
      CHECK(found->front().per_sample == std::vector<double>(list.begin(), list.end()));
      CHECK(found->front().margin.size() == list.size());
      CHECK(found->front().margin[5] == -static_cast<double>(list[5]));
      CHECK((!engine.calls.empty() && engine.calls.front() == 1) == probe);
    }
  }
}

} // namespace
