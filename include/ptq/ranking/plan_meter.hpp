// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/evaluator/metric.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/plan/fingerprint.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/ranking/budget.hpp>
#include <ptq/ranking/detail/engine_crew.hpp>
#include <ptq/ranking/detail/output_answers.hpp>
#include <ptq/ranking/detail/parts.hpp>
#include <ptq/ranking/known_values.hpp>
#include <ptq/ranking/measurement_log.hpp>
#include <ptq/ranking/measuring_engine.hpp>
#include <ptq/ranking/output_distance.hpp>
#include <ptq/ranking/state_file.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// Measures plans: asks the engine for what is not known yet, never twice; counts; keeps to the
/// budget; and keeps a log from which a search goes on.
class plan_meter {
public:
  struct options {
    ptq::budget budget{};
    const std::atomic<bool>* stop = nullptr; ///< Lock-free: a signal handler may set it.
    std::string state{};                     ///< Where the log is saved; empty: nowhere.
    std::size_t threads = 1;
  };

  /// @throws error for options that no search could use.
  plan_meter(measuring_engine& engine, options how, const observers& tell)
      : engine_(&engine),
        how_(std::move(how)),
        tell_(&tell),
        count_(engine.sample_count()),
        crew_(engine, how_.threads) {
    detail::check_threads(how_.threads);
    how_.budget.check_options();
  }

  [[nodiscard]] auto sample_count() const noexcept -> std::size_t { return count_; }

  [[nodiscard]] auto all_samples() const -> samples { return {0, count_}; }

  [[nodiscard]] auto inferred() const noexcept -> const inferred_samples& { return inferred_; }

  [[nodiscard]] auto engine() noexcept -> measuring_engine& { return *engine_; }

  [[nodiscard]] auto tell() const noexcept -> const observers& { return *tell_; }

  /// Seconds since the search began, over all its sessions.
  [[nodiscard]] auto seconds() const -> double {
    const std::chrono::duration<double> here = std::chrono::steady_clock::now() - begun_;
    return before_ + here.count();
  }

  /// Goes on from a log. @throws error if it is of another search.
  void resume(measurement_log from, const std::string& search) {
    if (from.search() != search) {
      throw error(
          "the state is of another search: `" + from.search() + "`, not `" + search + "`",
          how_.state
      );
    }
    before_ = from.seconds;
    log_ = std::move(from);
  }

  void begin(const std::string& search) { log_ = measurement_log(search); }

  /// Does this end the search? Set while what has to be measured in any case is measured.
  void without_bounds(bool lifted) noexcept { lifted_ = lifted; }

  /// @throws detail::search_ended if the budget has no candidate left.
  void begin_candidate() const {
    if (!lifted_ && candidates_ >= how_.budget.evaluations) {
      throw detail::search_ended{stop_reason::evaluations};
    }
  }

  void count_candidate() noexcept { ++candidates_; }

  /// Candidates that were measured, on a part of the samples or all.
  [[nodiscard]] auto candidates() const noexcept -> std::size_t { return candidates_; }

  /// Would `measure` ask the engine nothing?
  [[nodiscard]] auto knows(const plan& of, const samples& range) -> bool {
    return known(of).missing(range).empty() ||
           asked_.contains({key_of(of), "metrics", fingerprint_of(range)});
  }

  /// What is known of a plan.
  [[nodiscard]] auto known(const plan& of) -> known_values& {
    return plans_.try_emplace(key_of(of), count_).first->second;
  }

  /// Was the plan measured on all samples?
  [[nodiscard]] auto known_in_full(const plan& of) -> bool {
    return known(of).count() == count_ ||
           asked_.contains({key_of(of), "metrics", fingerprint_of(all_samples())});
  }

  /// The metrics of a plan on some samples.
  /// @throws error for an answer that no evaluator may give, and what the evaluator throws.
  auto measure(const plan& under, const samples& range, purpose why) -> measurement {
    known_values& here = known(under);
    const samples wanted = whole_ ? range : here.missing(range);
    if (!wanted.empty()) {
      const measurement found = ask(key_of(under), "metrics", wanted, why, [&](auto&) {
        return measured(under, wanted, why);
      });
      check_measurement(found, wanted);
      if (shape_.empty()) {
        shape_ = found;
        whole_ = !of_samples(found);
      }
      check_same_metrics(shape_, found);
      if (whole_) {
        return found;
      }
      here.add(wanted, found);
    }
    return here.on(range);
  }

  /// The values of single samples, which a measurement of all samples may have told already.
  auto measure_samples(const plan& under, const samples& range, purpose why) -> measurement {
    const measurement_log::question in_full{
        key_of(under), "metrics", fingerprint_of(all_samples())
    };
    if (!whole_ || !asked_.contains(in_full)) {
      return measure(under, range, why);
    }
    return detail::part_of(*log_.find(in_full), count_, range);
  }

  /// Are all metrics means of their samples? Known after the first measurement.
  [[nodiscard]] auto measures_samples() const noexcept -> bool { return !whole_; }

  /// The distance of the outputs under a plan to those of the float model, over some samples.
  auto output_distance(const plan& under, const samples& range, distance kind) -> double {
    return output_distances(under, range, kind).back();
  }

  /// That of each sample, in the order of the range, and behind them that over all.
  auto output_distances(const plan& under, const samples& range, distance kind)
      -> std::vector<double> {
    if (compared_.insert(fingerprint_of(range)).second) {
      count(purpose::ranking, range.size()); // the float model's
    }
    const measurement found =
        ask(key_of(under),
            detail::what_distance(kind),
            range,
            purpose::ranking,
            [&](measuring_engine& engine) {
              return detail::distances(engine, under, range, kind, float_outputs(range));
            });
    if (found.size() != 1 || found[0].per_sample.size() != range.size()) {
      throw error(
          "the answer that is kept is none to `" + detail::what_distance(kind) + "`", how_.state
      );
    }
    std::vector<double> result = found[0].per_sample;
    result.push_back(found[0].whole.value_or(0.0));
    return result;
  }

  /// What a plan does to the outputs of each sample, see `scaled_errors`.
  auto output_errors(const plan& under, const samples& range) -> std::vector<double> {
    if (compared_.insert(fingerprint_of(range)).second) {
      count(purpose::ranking, range.size()); // the float model's
    }
    const auto errors = [&](measuring_engine& engine) {
      return detail::errors_of(float_outputs(range), engine.outputs_of(under, range));
    };
    return ask(key_of(under), "errors of the outputs", range, purpose::ranking, errors)
        .at(0)
        .per_sample;
  }

  /// An answer of a ranking's own about a plan, kept under the name `what`.
  template <class Ask>
  auto question(const plan& under, const std::string& what, const samples& range, Ask ask_engine)
      -> measurement {
    return ask(key_of(under), what, range, purpose::ranking, ask_engine);
  }

  /// The answer of a user's own code to a question about a plan.
  template <class Ask>
  auto answer(const plan& under, const std::string& what, Ask user_code) -> double {
    const measurement found = ask(key_of(under), what, {}, purpose::ranking, [&](auto&) {
      return measurement{{.name = what, .whole = user_code()}};
    });
    return found.at(0).whole.value_or(0.0);
  }

  /// Says of which plans `measure` will be asked next. With threads they are measured at the same
  /// time, one in each, if the engine can be forked. The result of a search does not depend on it.
  void measure_ahead(std::span<const plan> of, const samples& range) {
    ask_ahead(of, "metrics", range, [&](measuring_engine& engine, const plan& under) {
      return engine.measure(under, range);
    });
  }

  /// The same for `output_distance`.
  void compare_ahead(std::span<const plan> of, const samples& range, distance kind) {
    const auto* const wanted = how_.threads > 1 ? &float_outputs(range) : nullptr;
    ask_ahead(
        of,
        detail::what_distance(kind),
        range,
        [&](measuring_engine& engine, const plan& under) {
          return detail::distances(engine, under, range, kind, *wanted);
        }
    );
  }

  /// The same for `output_errors`.
  void errors_ahead(std::span<const plan> of, const samples& range) {
    const auto* const wanted = how_.threads > 1 ? &float_outputs(range) : nullptr;
    ask_ahead(of, "errors of the outputs", range, [&](auto& engine, const plan& under) {
      return detail::errors_of(*wanted, engine.outputs_of(under, range));
    });
  }

private:
  template <class Ask>
  void
  ask_ahead(std::span<const plan> of, const std::string& what, const samples& range, Ask question) {
    ahead_.clear();
    std::vector<const plan*> open;
    const std::size_t left =
        (how_.budget.samples - std::min(how_.budget.samples, inferred_.total())) /
        std::max<std::size_t>(range.size(), 1);
    for (const plan& each : of) {
      const measurement_log::question key{key_of(each), what, fingerprint_of(range)};
      if (open.size() < left && known(each).count() == 0 && log_.find(key) == nullptr &&
          ahead_.insert(key).second) {
        open.push_back(&each);
      }
    }
    ahead_of_ = open.size();
    if (open.empty() || range.empty() || (how_.stop != nullptr && how_.stop->load())) {
      return;
    }
    const auto told = [&](std::size_t done) {
      tell_->on_progress({"ranking", done * range.size(), ahead_of_ * range.size()});
    };
    told(0);
    if (crew_.enlist(open.size()) < 2) {
      return; // `ask` does them one by one
    }
    std::vector<measurement> answers(open.size());
    crew_.for_each(
        open.size(),
        [&](measuring_engine& engine, std::size_t i) {
          try {
            answers[i] = question(engine, *open[i]);
          } catch (...) { // asked again when its turn comes, where it is thrown
            answers[i].clear();
          }
        },
        told
    );
    ahead_.clear();
    for (std::size_t i = 0; i != open.size(); ++i) {
      if (!answers[i].empty()) {
        log_.add({key_of(*open[i]), what, fingerprint_of(range)}, std::move(answers[i]));
      }
    }
    save();
  }

  /// The metrics of samples, with as many threads as there are where parts can be put together.
  auto measured(const plan& under, const samples& range, purpose why) -> measurement {
    const std::size_t before = known(under).count();
    const bool long_enough =
        range.size() == count_ || range.size() > detail::most_in_a_part(how_.threads);
    const auto told = [&](std::size_t done) {
      if (why == purpose::candidates) {
        tell_->on_progress({"candidate", before + done, count_});
      } else if (long_enough && ahead_.empty()) {
        const auto* const stage = why == purpose::baseline ? "float model" : "ranking";
        tell_->on_progress({stage, done, range.size()});
      }
    };
    told(0);
    const bool first = shape_.empty();
    if (!whole_ && (!first || how_.threads > 1)) {
      if (auto found = detail::measured_in_parts(crew_, under, range, first, told)) {
        return *std::move(found);
      }
    }
    measurement result = engine_->measure(under, range);
    told(range.size());
    return result;
  }

  static auto key_of(const plan& of) -> std::uint64_t { return of.empty() ? 0 : fingerprint(of); }

  auto float_outputs(const samples& range) -> const std::vector<output_tensors>& {
    const std::uint64_t on = fingerprint_of(range);
    auto found = float_outputs_.find(on);
    if (found == float_outputs_.end()) {
      found = float_outputs_.emplace(on, engine_->outputs_of(plan{}, range)).first;
    }
    return found->second;
  }

  template <class Ask>
  auto
  ask(std::uint64_t plan_key,
      const std::string& what,
      const samples& range,
      purpose why,
      Ask question) -> measurement {
    const measurement_log::question key{plan_key, what, fingerprint_of(range)};
    const measurement* const before = log_.find(key);
    if (before != nullptr && asked_.contains(key)) {
      return *before;
    }
    if (!lifted_) {
      if (range.size() > how_.budget.samples - std::min(inferred_.total(), how_.budget.samples)) {
        throw detail::search_ended{stop_reason::samples};
      }
      if (before == nullptr && how_.stop != nullptr && how_.stop->load()) {
        throw detail::search_ended{stop_reason::requested};
      }
      if (before == nullptr && seconds() > how_.budget.time.count()) {
        throw detail::search_ended{stop_reason::time};
      }
    }
    measurement result = before != nullptr ? *before : question(*engine_);
    count(why, range.size());
    asked_.insert(key);
    if (before == nullptr) {
      log_.add(key, result);
      save();
      if (ahead_.erase(key) != 0) {
        const std::size_t done = ahead_of_ - ahead_.size();
        tell_->on_progress({"ranking", done * range.size(), ahead_of_ * range.size()});
      }
    }
    return result;
  }

  void count(purpose why, std::size_t samples_run) {
    (why == purpose::baseline  ? inferred_.baseline
     : why == purpose::ranking ? inferred_.ranking
                               : inferred_.candidates) += samples_run;
  }

  void save() {
    if (!how_.state.empty()) {
      log_.seconds = seconds();
      save_state(log_, how_.state);
    }
  }

  measuring_engine* engine_;
  options how_;
  const observers* tell_;
  std::size_t count_;
  measurement_log log_{};
  std::map<std::uint64_t, known_values> plans_{};
  std::map<std::uint64_t, std::vector<output_tensors>> float_outputs_{};
  std::set<std::uint64_t> compared_{}; ///< Samples of which the float outputs were asked for.
  std::set<measurement_log::question> asked_{};
  std::set<measurement_log::question> ahead_{}; ///< That will be asked next, for the progress.
  std::size_t ahead_of_ = 0;
  measurement shape_{};
  bool whole_ = false;
  bool lifted_ = false;
  std::size_t candidates_ = 0;
  inferred_samples inferred_{};
  double before_ = 0.0;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  detail::engine_crew crew_;
};

} // namespace ptq
