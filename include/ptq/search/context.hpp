// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/evaluator/drop.hpp>
#include <ptq/observer/step.hpp>
#include <ptq/ranking/concept.hpp>
#include <ptq/ranking/plan_meter.hpp>
#include <ptq/ranking/plan_variants.hpp>
#include <ptq/search/detail/screening.hpp>
#include <ptq/search/early_stopping.hpp>
#include <ptq/search/verdict.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace ptq {

/// What a search works with: candidates are sets of reverted groups.
class search_context {
public:
  /// @param changed  What the base algorithm was changed to, for the trace; empty: as given.
  search_context(
      plan_variants& variants,
      plan_meter& meter,
      std::vector<metric_limit> limits,
      ranker rank,
      early_stopping stopping,
      std::function<void(step)> record,
      std::string changed = {}
  )
      : variants_(&variants),
        meter_(&meter),
        limits_(std::move(limits)),
        rank_(std::move(rank)),
        stopping_(stopping),
        record_(std::move(record)),
        configuration_(std::move(changed)) {
    stopping_.check_options();
    if (stopping_.enabled) {
      prepare_screening();
    }
  }

  [[nodiscard]] auto limits() const noexcept -> const std::vector<metric_limit>& { return limits_; }

  [[nodiscard]] auto variants() const noexcept -> plan_variants& { return *variants_; }

  [[nodiscard]] auto configuration() const noexcept -> const std::string& { return configuration_; }

  /// Can a part of the samples decide about a candidate?
  [[nodiscard]] auto stops_early() const noexcept -> bool { return screening_.has_value(); }

  /// Is this candidate within the limits? Measured as far as is needed to tell.
  /// @throws what the evaluator throws; detail::search_ended when the budget is used up.
  auto judge(const group_set& reverted) -> const verdict& {
    flush();
    const auto known = verdicts_.find(reverted);
    if (known != verdicts_.end()) {
      return again(reverted, known->second);
    }
    if (variants_->of(reverted).empty() && !meter_->known_in_full(plan{})) {
      // The float model, whose metrics the user gave.
      return candidate(reverted, [&](const plan&, verdict& made) {
        made.drops.assign(limits_.size(), 0.0);
        made.fits = within(limits_, made.drops);
        made.certain = true;
      });
    }
    if (!screening_) {
      return measure(reverted);
    }
    return candidate(reverted, [&](const plan& under, verdict& made) {
      screen(under, made, detail::provisional(stopping_, failures_, 1.0));
    });
  }

  /// Does a candidate that was accepted hold on all samples? Measured until it fails.
  auto confirm(const group_set& reverted) -> const verdict& {
    flush();
    const auto known = verdicts_.find(reverted);
    const bool decided = known != verdicts_.end() && (known->second.in_full || !known->second.fits);
    if (decided || !screening_ || variants_->of(reverted).empty()) {
      return measure(reverted);
    }
    return candidate(reverted, [&](const plan& under, verdict& made) {
      constexpr double never = std::numeric_limits<double>::infinity();
      screen(under, made, {never, 3.0 * stopping_.certainty, never});
      failures_ += made.fits ? 0U : 1U;
    });
  }

  /// Looks again at what was turned down for now, by less than 1.5 times the certainty, though it
  /// reverts fewer operations than `found` does: the nearest to the limits first, until one fits.
  /// @return whether one does.
  auto reconsider(const group_set& found) -> bool {
    flush();
    const std::size_t operations = variants_->operations_of(found).size();
    std::vector<std::pair<double, group_set>> close;
    for (const auto& [set, known] : verdicts_) {
      if (!known.fits && !known.certain && !known.reconsidered &&
          known.over < 1.5 * stopping_.certainty &&
          variants_->operations_of(set).size() < operations) {
        close.emplace_back(known.over, set);
      }
    }
    std::ranges::sort(close);
    for (const auto& [over, set] : close) {
      const bool fits = candidate(set, [&](const plan& under, verdict& made) {
                          screen(under, made, detail::provisional(stopping_, failures_, 1.5));
                          made.reconsidered = true;
                        }).fits;
      decide(fits ? "fits" : "does not fit", "looked at again: it reverts fewer operations");
      flush();
      if (fits) {
        return true;
      }
    }
    return false;
  }

  /// The same, on all samples.
  auto measure(const group_set& reverted) -> const verdict& {
    flush();
    const auto known = verdicts_.find(reverted);
    if (known != verdicts_.end() && known->second.in_full) {
      return again(reverted, known->second);
    }
    return candidate(reverted, [&](const plan& under, verdict& made) { finish(under, made); });
  }

  /// The groups that are still quantized, the one to revert first in front.
  /// @param metric  The limit in work.
  auto rank(const group_set& reverted, std::size_t metric) -> group_set {
    flush();
    const inferred_samples before = meter_->inferred();
    const ranked_groups found = rank_({*variants_, *meter_, reverted, limits_.at(metric)});
    group_set result;
    step made = step_at(step_kind::ranking, reverted, before);
    made.decision = "ranked";
    made.reason = "by " + limits_[metric].name + (found.note.empty() ? "" : ": " + found.note);
    made.subset = found.subset;
    for (const ranked_group& each : found.order) {
      result.push_back(each.group);
      made.order.push_back({each.group, each.score, variants_->operations_of({each.group})});
    }
    group_set sorted = result;
    std::ranges::sort(sorted);
    if (sorted != variants_->quantized(reverted)) {
      throw error("a ranking lists each group that is still quantized once");
    }
    record_(std::move(made));
    return result;
  }

  /// The limit that is farthest exceeded.
  [[nodiscard]] auto worst_metric(const verdict& of) const -> std::size_t {
    std::size_t worst = 0;
    double most = -std::numeric_limits<double>::infinity();
    for (std::size_t m = 0; m != limits_.size(); ++m) {
      const double excess = worst_excess({limits_[m]}, {of.drops[m]});
      if (excess > most) {
        most = excess;
        worst = m;
      }
    }
    return worst;
  }

  /// Says what the search makes of the candidate that was measured last.
  void decide(std::string decision, std::string reason) {
    if (pending_) {
      pending_->decision = std::move(decision);
      pending_->reason = std::move(reason);
      worth_telling_ = true;
    }
  }

  /// What is known of a candidate; null if it was not measured.
  [[nodiscard]] auto find(const group_set& reverted) const -> const verdict* {
    const auto known = verdicts_.find(reverted);
    return known == verdicts_.end() ? nullptr : &known->second;
  }

  [[nodiscard]] auto verdicts() const noexcept -> const auto& { return verdicts_; }

  /// Of all candidates so far the one to return: within the limits with the fewest operations
  /// reverted, else the nearest to them.
  [[nodiscard]] auto best() const -> group_set {
    const auto better = [this](const auto& a, const auto& b) {
      const auto key = [this](const auto& entry) {
        const auto& [set, found] = entry;
        return std::tuple(
            !found.fits,
            found.fits ? 0.0 : found.excess,
            variants_->operations_of(set).size(),
            set.size()
        );
      };
      return key(a) < key(b);
    };
    const auto found = std::ranges::min_element(verdicts_, better);
    return found == verdicts_.end() ? group_set{} : found->first;
  }

  /// `found`, or `best` if that is within the limits with fewer operations reverted.
  [[nodiscard]] auto fewer(const group_set& found) const -> group_set {
    const group_set other = best();
    const bool fits = find(other) != nullptr && find(other)->fits;
    return fits && variants_->operations_of(other).size() < variants_->operations_of(found).size()
               ? other
               : found;
  }

  /// Hands over the step that is still open.
  void flush() {
    if (pending_) {
      step made = std::move(*pending_);
      pending_.reset();
      if (std::exchange(worth_telling_, false)) {
        record_(std::move(made));
      }
    }
  }

  /// The metrics of a candidate beside their limits.
  [[nodiscard]] auto metrics_of(const verdict& of) const -> std::vector<metric_drop> {
    std::vector<metric_drop> result;
    for (std::size_t m = 0; m != of.drops.size(); ++m) {
      const metric_limit& limit = limits_[m];
      const double sign = limit.direction == higher_is_better ? 1.0 : -1.0;
      result.push_back(
          {.name = limit.name,
           .value = limit.baseline - sign * of.drops[m],
           .drop = of.drops[m],
           .limit = limit.maximal_drop}
      );
    }
    return result;
  }

  /// A step as things stand.
  [[nodiscard]] auto
  step_at(step_kind kind, const group_set& reverted, const inferred_samples& before) const -> step {
    step made{.kind = kind, .reverted = reverted, .of = meter_->sample_count()};
    made.operations = variants_->operations_of(reverted);
    made.samples = meter_->inferred().total() - before.total();
    made.evaluations = meter_->candidates();
    made.configuration = configuration_;
    made.inferred = meter_->inferred();
    made.seconds = meter_->seconds();
    return made;
  }

private:
  void prepare_screening() {
    if (!meter_->measures_samples()) {
      off("a metric is no mean over samples");
    } else if (!meter_->known_in_full(plan{})) {
      off("the baselines were given, and the float model was not measured");
    } else {
      screening_.emplace(meter_->known(plan{}), limits_);
    }
  }

  void off(const std::string& why) { meter_->tell().on_note({"early stopping", "is off: " + why}); }

  template <class Measure>
  auto candidate(const group_set& reverted, Measure measuring) -> const verdict& {
    const plan under = variants_->of(reverted);
    const inferred_samples before = meter_->inferred();
    verdict made;
    const bool fresh = !verdicts_.contains(reverted) && !under.empty();
    if (fresh) {
      meter_->begin_candidate();
    }
    measuring(under, made);
    if (fresh) {
      meter_->count_candidate();
    }
    made.excess = worst_excess(limits_, made.drops);
    tell(reverted, made, before);
    worth_telling_ = true;
    verdict& here = verdicts_[reverted];
    here = std::move(made);
    return here;
  }

  /// A candidate that is known: a step only if the search decides something about it.
  auto again(const group_set& reverted, const verdict& known) -> const verdict& {
    tell(reverted, known, meter_->inferred());
    return known;
  }

  void tell(const group_set& reverted, const verdict& of, const inferred_samples& before) {
    step told = step_at(step_kind::candidate, reverted, before);
    told.metrics = metrics_of(of);
    told.seen = of.seen;
    told.decision = of.fits ? "fits" : "does not fit";
    told.reason = of.in_full   ? "measured on all samples"
                  : of.certain ? "whatever the rest of the samples do"
                               : "by what is expected of the rest of the samples";
    pending_ = std::move(told);
  }

  void finish(const plan& under, verdict& made) {
    const samples all = meter_->all_samples();
    const measurement found =
        meter_->measure(under, all, under.empty() ? purpose::baseline : purpose::candidates);
    std::vector<double> values;
    for (const metric_limit& limit : limits_) {
      values.push_back(metric_called(found, limit.name).value());
    }
    made.drops = drops_of(limits_, values);
    made.fits = within(limits_, made.drops);
    made.in_full = true;
    made.certain = true;
    made.seen = meter_->sample_count();
  }

  /// Measures until the verdict is certain, or good enough.
  void screen(const plan& under, verdict& made, const detail::strictness& how) {
    const std::vector<std::size_t>& order = screening_->order();
    known_values& seen = meter_->known(under);
    std::size_t next = 0;
    while (seen.count() != order.size()) {
      const std::size_t end = std::min(order.size(), next + stopping_.chunk);
      const auto at = order.begin();
      const samples part = seen.missing(
          samples(std::vector<std::size_t>(at + std::ptrdiff_t(next), at + std::ptrdiff_t(end)))
      );
      next = end;
      if (part.empty()) {
        continue;
      }
      meter_->measure(under, part, purpose::candidates);
      made.seen = seen.count();
      const detail::outlook now = screening_->look(seen);
      const std::vector<detail::forecast> later = screening_->expect(seen);
      made.drops.clear();
      for (const detail::forecast& each : later) {
        made.drops.push_back(each.expected);
      }
      if (now.fails || (now.fits && std::isfinite(how.accepts))) {
        made.fits = now.fits;
        made.certain = true;
        return;
      }
      // Samples in random order tell less: twice as sure, and never in a hurry.
      const bool blind = !screening_->knows_close_calls();
      const double patience = blind ? std::max(1.0, how.patience) : how.patience;
      const double fade =
          (blind ? 2.0 : 1.0) *
          std::max(1.0 - double(made.seen) / (patience * double(order.size())), 0.0);
      made.over = -std::numeric_limits<double>::infinity();
      for (std::size_t m = 0; m != limits_.size(); ++m) {
        const double excess =
            later[m].expected - screening_->half_step(m) - limits_[m].maximal_drop;
        made.over = std::max(made.over, excess / std::max(later[m].deviation, 1e-300));
      }
      made.fits = made.over <= -how.accepts * fade && std::isfinite(how.accepts);
      if (made.fits || made.over > how.rejects * fade) {
        return;
      }
    }
    finish(under, made);
  }

  plan_variants* variants_;
  plan_meter* meter_;
  std::vector<metric_limit> limits_;
  ranker rank_;
  early_stopping stopping_;
  std::function<void(step)> record_;
  std::optional<detail::screening> screening_{};
  std::map<group_set, verdict> verdicts_{};
  std::optional<step> pending_{}; ///< Of the candidate that was measured or met last.
  bool worth_telling_ = false;
  std::string configuration_;
  std::size_t failures_ = 0; ///< Plans that were accepted and failed in full.
};

} // namespace ptq
