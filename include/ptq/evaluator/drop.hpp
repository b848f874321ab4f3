// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/evaluator/metric.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace ptq {

/// What `maximal_drop` is measured in.
enum class drop : std::uint8_t {
  absolute, ///< In the metric's own unit.
  relative, ///< As a share of the baseline's magnitude.
};

/// A metric that the user wants held. What is left out is taken from the evaluator and from the
/// algorithm.
struct wanted_metric {
  std::string name{};
  std::optional<double> baseline_value{}; ///< Of the float model, if it is known already.
  std::optional<double> maximal_drop{};   ///< For this metric alone.

  friend auto operator==(const wanted_metric&, const wanted_metric&) -> bool = default;
};

/// How far one metric may fall below the float model's.
struct metric_limit {
  std::string name{};
  ptq::direction direction = higher_is_better;
  double baseline = 0.0;
  double maximal_drop = 0.0; ///< In the metric's unit, whatever the user gave it in.

  /// How much worse `value` is than the baseline; negative if it is better.
  [[nodiscard]] auto drop_to(double value) const -> double {
    return direction == higher_is_better ? baseline - value : -(baseline - value);
  }

  /// By how much a drop is over the limit. Rounding does not count: a drop of ten samples is within
  /// a limit of ten samples, although the difference of two doubles is not exactly that.
  [[nodiscard]] auto excess_of(double fallen) const -> double {
    const double over = fallen - maximal_drop;
    return over <= tolerance() ? std::min(over, 0.0) : over;
  }

  /// 1e-12 of the numbers that are compared.
  [[nodiscard]] auto tolerance() const -> double {
    return 1e-12 * std::max({1.0, std::abs(baseline), std::abs(maximal_drop)});
  }

  friend auto operator==(const metric_limit&, const metric_limit&) -> bool = default;
};

/// The metric `name` of a measurement. @throws error if it is not there.
[[nodiscard]] inline auto metric_called(const measurement& in, const std::string& name)
    -> const metric& {
  const auto found = std::ranges::find(in, name, &metric::name);
  if (found == in.end()) {
    throw error("the evaluator did not measure the metric this time", name);
  }
  return *found;
}

/// The drops to these values, one for each limit.
[[nodiscard]] inline auto
drops_of(const std::vector<metric_limit>& limits, const std::vector<double>& values)
    -> std::vector<double> {
  std::vector<double> result;
  for (std::size_t m = 0; m != limits.size(); ++m) {
    result.push_back(limits[m].drop_to(values[m]));
  }
  return result;
}

/// The largest excess, each as a share of its baseline (of 1 where that is 0), so that metrics of
/// different scale compare. At most 0 if every drop is within its limit.
[[nodiscard]] inline auto
worst_excess(const std::vector<metric_limit>& limits, const std::vector<double>& drops) -> double {
  double worst = -std::numeric_limits<double>::infinity();
  for (std::size_t m = 0; m != limits.size(); ++m) {
    const double scale = limits[m].baseline == 0.0 ? 1.0 : std::abs(limits[m].baseline);
    worst = std::max(worst, limits[m].excess_of(drops[m]) / scale);
  }
  return worst;
}

[[nodiscard]] inline auto
within(const std::vector<metric_limit>& limits, const std::vector<double>& drops) -> bool {
  return worst_excess(limits, drops) <= 0.0;
}

/// @throws error for a limit that is not a number: every drop would be within it.
inline void check_maximal_drop(double maximal_drop, const std::string& metric = {}) {
  if (std::isnan(maximal_drop)) {
    throw error("the drop is not a number", metric, "maximal_drop");
  }
}

/// The metrics of `measured` that are to be held, with their limits.
/// @param wanted  Empty: all.
/// @throws error for a metric that was not measured, for a baseline that is not finite, and for a
///   limit that is not a number.
[[nodiscard]] inline auto limits_of(
    const measurement& measured,
    const std::vector<wanted_metric>& wanted,
    double maximal_drop,
    drop type
) -> std::vector<metric_limit> {
  std::vector<metric_limit> result;
  const auto add = [&](const metric& from, const wanted_metric& how) {
    const double baseline = how.baseline_value ? *how.baseline_value : from.value();
    if (!std::isfinite(baseline)) {
      throw error("the metric of the float model is not finite", from.name);
    }
    const double share = how.maximal_drop.value_or(maximal_drop);
    check_maximal_drop(share, from.name);
    result.push_back(
        {.name = from.name,
         .direction = from.direction,
         .baseline = baseline,
         .maximal_drop = type == drop::relative ? std::abs(baseline) * share : share}
    );
  };
  for (const wanted_metric& each : wanted) {
    const auto found = std::ranges::find(measured, each.name, &metric::name);
    if (found == measured.end()) {
      std::string known;
      for (const metric& other : measured) {
        known += (known.empty() ? "" : ", ") + other.name;
      }
      throw error(
          "the evaluator measures no such metric; it measures " + known, each.name, "metrics"
      );
    }
    add(*found, each);
  }
  if (wanted.empty()) {
    for (const metric& each : measured) {
      add(each, {});
    }
  }
  if (result.empty()) {
    throw error("the evaluator measures no metric", {}, "metrics");
  }
  return result;
}

} // namespace ptq
