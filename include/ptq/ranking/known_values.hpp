// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/evaluator/metric.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace ptq {

/// @throws error for what no evaluator may answer: a metric that is not finite, or a number of
///   values that is not the number of samples.
inline void check_measurement(const measurement& of, const samples& range) {
  for (const metric& each : of) {
    if (each.whole && !std::isfinite(*each.whole)) {
      throw error("the metric is not finite", each.name);
    }
    if (!each.whole && each.per_sample.size() != range.size()) {
      throw error(
          std::to_string(each.per_sample.size()) + " values for " + std::to_string(range.size()) +
              " samples, and no value of the whole",
          each.name
      );
    }
    if (!each.per_sample.empty() && each.per_sample.size() != range.size()) {
      throw error(
          std::to_string(each.per_sample.size()) + " values for " + std::to_string(range.size()) +
              " samples",
          each.name
      );
    }
    if (!each.margin.empty() && each.margin.size() != range.size()) {
      throw error("a number of margins that is not that of the samples", each.name);
    }
    for (std::size_t i = 0; i != each.per_sample.size(); ++i) {
      if (!each.whole && !std::isfinite(each.per_sample[i])) {
        throw error("the metric is not finite for sample " + std::to_string(range[i]), each.name);
      }
    }
  }
}

/// @throws error if two measurements of one evaluator are of different metrics.
inline void check_same_metrics(const measurement& first, const measurement& other) {
  const auto alike = [](const metric& a, const metric& b) {
    return a.name == b.name && a.direction == b.direction;
  };
  if (!std::ranges::equal(first, other, alike)) {
    throw error("the evaluator measured other metrics than before");
  }
}

/// Is each metric the mean of its samples? Then any part can be measured alone.
[[nodiscard]] inline auto of_samples(const measurement& of) -> bool {
  return std::ranges::none_of(of, [](const metric& each) { return each.whole.has_value(); });
}

/// What is known of one plan, sample by sample.
class known_values {
public:
  explicit known_values(std::size_t sample_count = 0) : has_(sample_count) {}

  [[nodiscard]] auto count() const noexcept -> std::size_t { return count_; }

  [[nodiscard]] auto has(std::size_t sample) const -> bool { return has_.at(sample); }

  /// Those of `range` that are not known, in its order.
  [[nodiscard]] auto missing(const samples& range) const -> samples {
    if (count_ == 0) {
      return range;
    }
    std::vector<std::size_t> result;
    std::ranges::copy_if(range, std::back_inserter(result), [this](std::size_t sample) {
      return !has(sample);
    });
    return samples(std::move(result));
  }

  /// @pre `of_samples(found)`
  void add(const samples& range, const measurement& found) {
    if (metrics_.empty()) {
      metrics_ = found;
      for (metric& each : metrics_) {
        each.per_sample.assign(has_.size(), 0.0);
        each.margin.clear();
      }
    }
    for (std::size_t at = 0; at != range.size(); ++at) {
      const std::size_t sample = range[at];
      count_ += has_.at(sample) ? 0U : 1U;
      has_[sample] = true;
      for (std::size_t m = 0; m != found.size(); ++m) {
        metrics_[m].per_sample[sample] = found[m].per_sample[at];
        if (!found[m].margin.empty()) {
          metrics_[m].margin.resize(has_.size());
          metrics_[m].margin[sample] = found[m].margin[at];
        }
      }
    }
  }

  /// @pre All of `range` are known.
  [[nodiscard]] auto on(const samples& range) const -> measurement {
    measurement result = metrics_;
    for (metric& each : result) {
      std::vector<double> values;
      std::vector<double> margins;
      for (const std::size_t sample : range) {
        values.push_back(each.per_sample.at(sample));
        if (!each.margin.empty()) {
          margins.push_back(each.margin.at(sample));
        }
      }
      each.per_sample = std::move(values);
      each.margin = std::move(margins);
    }
    return result;
  }

  /// By metric; of samples that are not known the values mean nothing.
  [[nodiscard]] auto all() const noexcept -> const measurement& { return metrics_; }

private:
  std::vector<bool> has_;
  std::size_t count_ = 0;
  measurement metrics_{};
};

} // namespace ptq
