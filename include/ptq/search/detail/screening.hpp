// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/samples.hpp>
#include <ptq/evaluator/drop.hpp>
#include <ptq/evaluator/metric.hpp>
#include <ptq/ranking/known_values.hpp>
#include <ptq/ranking/question.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace ptq::detail {

/// What can be said of a plan after a part of the samples.
struct outlook {
  std::vector<double> drops{}; ///< If the samples that are left are as in the float model.
  bool fails = false;          ///< For certain.
  bool fits = false;           ///< For certain.
};

/// Decides about plans from a part of the samples: knows the float model's values, the limits, and
/// which samples other plans have changed.
class screening {
public:
  /// @param float_model  Measured on all samples.
  screening(const known_values& float_model, std::vector<metric_limit> limits)
      : limits_(std::move(limits)),
        changed_(float_model.all().empty() ? 0 : float_model.all().front().per_sample.size()) {
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
      columns_.push_back(std::move(made));
    }
    if (!float_model.all().empty()) {
      margin_ = float_model.all().front().margin;
    }
  }

  /// The metric that has no best value for a sample, so that nothing can be rejected early; empty
  /// if all have one.
  [[nodiscard]] auto unbounded() const -> std::string {
    for (std::size_t m = 0; m != limits_.size(); ++m) {
      if (!std::isfinite(columns_[m].best)) {
        return limits_[m].name;
      }
    }
    return {};
  }

  /// All samples: those first that could still be better than in the float model, as what it gets
  /// wrong; then those that other plans changed most often; then the closest calls.
  /// @param open  Receives how many could still be better.
  [[nodiscard]] auto order(std::size_t& open) const -> std::vector<std::size_t> {
    std::vector<std::tuple<double, std::int64_t, double, std::uint64_t, std::size_t>> keys;
    open = 0;
    for (std::size_t s = 0; s != changed_.size(); ++s) {
      double room = 0.0;
      for (const column& each : columns_) {
        const double width = each.best - each.worst;
        room += (each.best - each.wanted[s]) / (std::isfinite(width) && width > 0.0 ? width : 1.0);
      }
      open += room > 0.0 ? 1U : 0U;
      keys.emplace_back(
          -room,
          -static_cast<std::int64_t>(changed_[s]),
          margin_.empty() ? 0.0 : margin_[s],
          ranking::drawn(0, s),
          s
      );
    }
    std::ranges::sort(keys);
    std::vector<std::size_t> result;
    for (const auto& key : keys) {
      result.push_back(std::get<4>(key));
    }
    return result;
  }

  [[nodiscard]] auto look(const known_values& at) const -> outlook {
    outlook result;
    const std::size_t count = changed_.size();
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

  /// The drops if the samples that are left lose as much as those of `recent` did.
  [[nodiscard]] auto prospect(
      const known_values& at, std::vector<double> drops, std::span<const std::size_t> recent
  ) const -> std::vector<double> {
    const auto count = static_cast<double>(changed_.size());
    const auto left = static_cast<double>(changed_.size() - at.count());
    for (std::size_t m = 0; m != columns_.size(); ++m) {
      const std::vector<double>* const values = values_of(at, m);
      double lost = 0.0;
      for (const std::size_t s : recent) {
        lost += columns_[m].wanted[s] - columns_[m].sign * (*values)[s];
      }
      const double rate = std::max(lost / static_cast<double>(recent.size()), 0.0);
      drops[m] += rate * left / count;
    }
    return drops;
  }

  /// Remembers which of these samples a plan changed.
  void learn(const known_values& at, const samples& range) {
    for (const std::size_t s : range) {
      for (std::size_t m = 0; m != columns_.size(); ++m) {
        if (columns_[m].sign * (*values_of(at, m))[s] != columns_[m].wanted[s]) {
          ++changed_[s];
          break;
        }
      }
    }
  }

private:
  struct column {
    double sign = 1.0;
    double best = 0.0; ///< A sample can get no better, times the sign.
    double worst = 0.0;
    std::vector<double> wanted{}; ///< The float model's values, times the sign.
  };

  [[nodiscard]] auto values_of(const known_values& at, std::size_t m) const
      -> const std::vector<double>* {
    const auto found = std::ranges::find(at.all(), limits_[m].name, &metric::name);
    return found == at.all().end() ? nullptr : &found->per_sample;
  }

  std::vector<metric_limit> limits_;
  std::vector<column> columns_{};
  std::vector<double> margin_{};
  std::vector<std::uint32_t> changed_; ///< By sample: how many plans changed it.
};

} // namespace ptq::detail
