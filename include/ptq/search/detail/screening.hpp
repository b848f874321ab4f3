// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/samples.hpp>
#include <ptq/evaluator/drop.hpp>
#include <ptq/evaluator/metric.hpp>
#include <ptq/ranking/known_values.hpp>
#include <ptq/ranking/question.hpp>
#include <ptq/search/detail/forecast.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

namespace ptq::detail {

/// What can be said of a plan after a part of the samples.
struct outlook {
  std::vector<double> drops{}; ///< If the samples that are left are as in the float model.
  bool fails = false;          ///< For certain.
  bool fits = false;           ///< For certain.
};

/// Tells from a part of the samples what a plan will come to: knows the float model's values and
/// the limits.
class screening {
public:
  /// @param float_model  Measured on all samples.
  screening(const known_values& float_model, std::vector<metric_limit> limits)
      : limits_(std::move(limits)) {
    std::vector<double> closest;
    for (const metric_limit& limit : limits_) {
      const auto found = std::ranges::find(float_model.all(), limit.name, &metric::name);
      const double sign = limit.direction == higher_is_better ? 1.0 : -1.0;
      column made{
          .sign = sign,
          .best = std::max(sign * found->least, sign * found->most),
          .worst = std::min(sign * found->least, sign * found->most)
      };
      for (const double value : found->per_sample) {
        made.wanted.push_back(sign * value);
      }
      const bool two_values = std::ranges::all_of(made.wanted, [&made](double value) {
        return value == made.best || value == made.worst;
      });
      if (two_values) {
        made.margin = found->margin;
      }
      if (closest.empty()) {
        closest = found->margin;
      }
      columns_.push_back(std::move(made));
    }
    drawn_.resize(columns_.front().wanted.size());
    std::iota(drawn_.begin(), drawn_.end(), std::size_t{0});
    put_in_order(closest);
  }

  /// All samples. The closest calls come first where a metric has margins, with a random one in
  /// between now and then; else the order is random.
  [[nodiscard]] auto order() const -> const std::vector<std::size_t>& { return order_; }

  /// Are the first samples of `order` those that are judged otherwise most easily?
  [[nodiscard]] auto knows_close_calls() const noexcept -> bool { return close_calls_; }

  [[nodiscard]] auto look(const known_values& at) const -> outlook {
    outlook result;
    const std::size_t count = drawn_.size();
    bool fits = true;
    for (std::size_t m = 0; m != columns_.size(); ++m) {
      const column& here = columns_[m];
      const std::vector<double>* const values = values_of(at, m);
      double as_before = 0.0;
      double best = 0.0;
      double worst = 0.0;
      for (std::size_t s = 0; s != count; ++s) {
        const bool seen = values != nullptr && at.has(s);
        const double value = seen ? here.sign * (*values)[s] : here.wanted[s];
        as_before += value;
        best += seen ? value : here.best;
        worst += seen ? value : here.worst;
      }
      const auto drop = [&](double sum) {
        return limits_[m].drop_to(here.sign * (sum / static_cast<double>(count)));
      };
      result.drops.push_back(drop(as_before));
      result.fails = result.fails || limits_[m].excess_of(drop(best)) > 0.0;
      fits = fits && limits_[m].excess_of(drop(worst)) <= 0.0;
    }
    result.fits = fits;
    return result;
  }

  /// What the drops will be after all samples, from those that were seen.
  [[nodiscard]] auto expect(const known_values& at) const -> std::vector<forecast> {
    std::vector<forecast> result;
    const auto count = static_cast<double>(drawn_.size());
    for (std::size_t m = 0; m != columns_.size(); ++m) {
      const column& here = columns_[m];
      const std::vector<double>& values = *values_of(at, m);
      const bool moves = !here.margin.empty() && !metric_of(at, m)->margin.empty();
      forecast found = moves ? turned(here, m, at) : spread(here, values, at);
      for (std::size_t s = 0; s != values.size(); ++s) {
        found.expected += at.has(s) ? here.wanted[s] - here.sign * values[s] : 0.0;
      }
      // The float model's mean is what the drop is measured from only if it was not given.
      const double before = std::accumulate(here.wanted.begin(), here.wanted.end(), 0.0) / count;
      found.expected = limits_[m].drop_to(here.sign * (before - found.expected / count));
      found.deviation /= count;
      result.push_back(found);
    }
    return result;
  }

  /// Half of the least by which a metric's mean can change, if it has steps.
  [[nodiscard]] auto half_step(std::size_t m) const -> double {
    const column& of = columns_[m];
    return of.margin.empty() ? 0.0
                             : 0.5 * (of.best - of.worst) / static_cast<double>(drawn_.size());
  }

private:
  struct column {
    double sign = 1.0;
    double best = 0.0; ///< A sample can get no better, times the sign.
    double worst = 0.0;
    std::vector<double> wanted{}; ///< The float model's values, times the sign.
    std::vector<double> margin{}; ///< Only of a metric that is right or wrong.
  };

  /// What the samples that are left lose, of a metric that is right or wrong.
  [[nodiscard]] auto turned(const column& of, std::size_t m, const known_values& at) const
      -> forecast {
    const metric& now = *metric_of(at, m);
    const bool moves = !now.margin.empty();
    std::vector<movement::seen_sample> seen;
    for (std::size_t s = 0; s != of.margin.size(); ++s) {
      if (at.has(s)) {
        const bool stays = of.sign * now.per_sample[s] == of.wanted[s];
        const double left = moves ? now.margin[s] : 0.0;
        seen.push_back({of.margin[s], of.margin[s] - (stays ? left : -left), !stays});
      }
    }
    const movement by(seen, moves);
    forecast result;
    double variance = 0.0;
    double turning = 0.0;
    const double step = of.best - of.worst;
    for (std::size_t s = 0; s != of.margin.size(); ++s) {
      if (!at.has(s)) {
        const double turns = by.turns(of.margin[s]);
        result.expected += (of.wanted[s] == of.best ? turns : -turns) * step;
        variance += turns * (1.0 - turns) * step * step;
        turning += turns * step;
      }
    }
    result.deviation = std::hypot(std::sqrt(variance), by.doubt() * turning);
    return result;
  }

  /// The same of any metric, from the samples that were seen at random.
  [[nodiscard]] auto
  spread(const column& of, const std::vector<double>& values, const known_values& at) const
      -> forecast {
    double sum = 0.0;
    double squares = 0.0;
    double seen = 0.0;
    for (const std::size_t s : drawn_) {
      if (!at.has(s)) {
        break;
      }
      const double lost = of.wanted[s] - of.sign * values[s];
      sum += lost;
      squares += lost * lost;
      seen += 1.0;
    }
    const auto left = static_cast<double>(drawn_.size() - at.count());
    if (seen < 2.0) {
      return {0.0, std::numeric_limits<double>::infinity()};
    }
    const double mean = sum / seen;
    const double variance = std::max(squares / seen - mean * mean, 0.0) * seen / (seen - 1.0);
    return {mean * left, std::sqrt(variance * (left / seen + 1.0) * left)};
  }

  [[nodiscard]] auto metric_of(const known_values& at, std::size_t m) const -> const metric* {
    const auto found = std::ranges::find(at.all(), limits_[m].name, &metric::name);
    return found == at.all().end() ? nullptr : &*found;
  }

  [[nodiscard]] auto values_of(const known_values& at, std::size_t m) const
      -> const std::vector<double>* {
    const metric* const found = metric_of(at, m);
    return found == nullptr ? nullptr : &found->per_sample;
  }

  void put_in_order(const std::vector<double>& margin) {
    const auto drawn_before = [](std::size_t a, std::size_t b) {
      return std::pair(ranking::drawn(0, a), a) < std::pair(ranking::drawn(0, b), b);
    };
    std::ranges::sort(drawn_, drawn_before);
    close_calls_ = !margin.empty();
    if (!close_calls_) {
      order_ = drawn_;
      return;
    }
    std::vector<std::size_t> close = drawn_;
    std::ranges::sort(close, {}, [&margin](std::size_t s) {
      return std::tuple(margin[s], ranking::drawn(0, s), s);
    });
    const bool all_turn =
        std::ranges::none_of(columns_, [](const column& c) { return c.margin.empty(); });
    const std::size_t period = all_turn ? 4 : 2;
    std::vector<bool> taken(drawn_.size());
    auto next_close = close.begin();
    auto next_drawn = drawn_.begin();
    while (order_.size() != drawn_.size()) {
      auto& next = order_.size() % period == period - 1 ? next_drawn : next_close;
      while (taken[*next]) {
        ++next;
      }
      taken[*next] = true;
      order_.push_back(*next);
    }
  }

  std::vector<metric_limit> limits_;
  std::vector<column> columns_{};
  std::vector<std::size_t> drawn_{}; ///< All samples, at random.
  std::vector<std::size_t> order_{};
  bool close_calls_ = false;
};

} // namespace ptq::detail
