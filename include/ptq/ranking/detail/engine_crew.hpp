// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/ranking/measuring_engine.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace ptq::detail {

/// An engine in the calling thread, and its forks in threads of their own. Forks and threads are
/// made when they are first needed, and kept.
class engine_crew {
public:
  using work = std::function<void(measuring_engine&, std::size_t item)>;

  /// @param engine  Outlives the crew.
  engine_crew(measuring_engine& engine, std::size_t threads)
      : engine_(&engine), most_(std::max<std::size_t>(threads, 1)) {}

  engine_crew(const engine_crew&) = delete;
  auto operator=(const engine_crew&) -> engine_crew& = delete;

  ~engine_crew() {
    {
      const std::lock_guard hold(mutex_);
      over_ = true;
    }
    woken_.notify_all();
  }

  [[nodiscard]] auto engine() const noexcept -> measuring_engine& { return *engine_; }

  /// Makes it as large as is useful for `items`.
  /// @return How many then work at the same time: 1 if the engine cannot be forked.
  auto enlist(std::size_t items) -> std::size_t {
    const std::size_t wanted = std::min(most_, items);
    while (forks_.size() + 1 < wanted) {
      std::unique_ptr<measuring_engine> fork = engine_->fork();
      if (fork == nullptr) {
        most_ = 1;
        return 1;
      }
      forks_.push_back(std::move(fork));
      try {
        threads_.emplace_back([this, at = forks_.size() - 1] { serve(at); });
      } catch (const std::system_error&) { // those that there are do the work
        forks_.pop_back();
        most_ = forks_.size() + 1;
        return std::min(most_, wanted);
      }
    }
    return std::max<std::size_t>(wanted, 1);
  }

  /// Does something with each item, several at the same time; lower ones are begun first.
  /// @param done  Told in the calling thread how many are done.
  /// @throws what `what` throws: of several items, for the first.
  void for_each(
      std::size_t items,
      const work& what,
      const std::function<void(std::size_t)>& done = [](std::size_t) {}
  ) {
    const std::size_t others = enlist(items) - 1;
    round now{.what = &what, .items = items};
    {
      const std::lock_guard hold(mutex_);
      round_ = &now;
      called_ = others;
      busy_ = others;
      ++number_;
    }
    woken_.notify_all();
    std::exception_ptr of_done;
    take(*engine_, now, [&] {
      try {
        done(now.done);
      } catch (...) {
        of_done = std::current_exception();
        now.next = items;
      }
    });
    {
      std::unique_lock hold(mutex_);
      idle_.wait(hold, [this] { return busy_ == 0; });
      called_ = 0;
    }
    if (now.problem) {
      std::rethrow_exception(now.problem);
    }
    if (of_done) {
      std::rethrow_exception(of_done);
    }
    done(items);
  }

private:
  struct round {
    const work* what;
    std::size_t items;
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> done{0};
    std::mutex failing{};
    std::size_t failed = 0; ///< The first item that failed, if there is a problem.
    std::exception_ptr problem{};
  };

  template <class Done>
  static void take(measuring_engine& engine, round& now, Done done) {
    for (std::size_t item = now.next++; item < now.items; item = now.next++) {
      try {
        (*now.what)(engine, item);
      } catch (...) {
        const std::lock_guard hold(now.failing);
        if (!now.problem || item < now.failed) { // all before it were begun, and are waited for
          now.failed = item;
          now.problem = std::current_exception();
        }
        now.next = now.items;
      }
      ++now.done;
      done();
    }
  }

  void serve(std::size_t at) {
    std::uint64_t seen = 0;
    std::unique_lock hold(mutex_);
    for (;;) {
      woken_.wait(hold, [&] { return over_ || (number_ != seen && at < called_); });
      if (over_) {
        return;
      }
      seen = number_;
      round& now = *round_;
      measuring_engine& own = *forks_[at];
      hold.unlock();
      take(own, now, [] {});
      hold.lock();
      --busy_;
      if (busy_ == 0) {
        idle_.notify_one();
      }
    }
  }

  measuring_engine* engine_;
  std::size_t most_;
  std::vector<std::unique_ptr<measuring_engine>> forks_{};
  std::mutex mutex_{};
  std::condition_variable woken_{};
  std::condition_variable idle_{};
  round* round_ = nullptr;
  std::uint64_t number_ = 0;
  std::size_t called_ = 0; ///< Threads that take part in the round.
  std::size_t busy_ = 0;
  bool over_ = false;
  std::vector<std::jthread> threads_{}; ///< Behind all that they use: they end first.
};

} // namespace ptq::detail
