// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace ptq::detail {

/// A sum over samples that were not seen: what is expected, and how far off that may be.
struct forecast {
  double expected = 0.0;
  double deviation = 0.0; ///< One standard deviation.
};

/// How a plan moves the samples of a metric that has two values, right and wrong: the farther a
/// sample is from being judged otherwise, the less often it is.
///
/// @par Definition A sample of margin `m` is moved by a random number of the logistic distribution,
/// whose scale `a + b m` is fitted to the movements that were seen.
class movement {
public:
  struct seen_sample {
    double margin = 0.0; ///< In the float model.
    double moved = 0.0;  ///< Towards being judged otherwise; beyond the margin it is.
  };

  /// @param seen  At least one.
  explicit movement(std::span<const seen_sample> seen) : count_(static_cast<double>(seen.size())) {
    double sum = 0.0;
    double sum_margin = 0.0;
    for (const seen_sample& each : seen) {
      sum += std::abs(each.moved);
      sum_margin += each.margin;
    }
    const double mean = sum / count_;
    const double mean_margin = sum_margin / count_;
    double with_margin = 0.0;
    double of_margin = 0.0;
    for (const seen_sample& each : seen) {
      const double off = each.margin - mean_margin;
      with_margin += off * (std::abs(each.moved) - mean);
      of_margin += off * off;
    }
    slope_ = of_margin > 0.0 ? std::clamp(with_margin / of_margin, 0.0, steepest) : 0.0;
    base_ = mean - slope_ * mean_margin;
    if (base_ < 0.1 * mean) { // a line through the mean that stays above zero
      base_ = 0.1 * mean;
      slope_ = mean_margin > 0.0 ? 0.9 * mean / mean_margin : 0.0;
    }
  }

  /// The probability that a sample is judged otherwise than in the float model.
  [[nodiscard]] auto turns(double margin) const -> double {
    const double scale = (base_ + slope_ * margin) / mean_of_logistic;
    return scale > 0.0 ? 1.0 / (1.0 + std::exp(margin / scale)) : 0.0;
  }

  /// The share by which a count of turned samples may be wrong, since the scale may be.
  [[nodiscard]] auto doubt() const -> double { return 1.5 / std::sqrt(count_); }

private:
  static constexpr double mean_of_logistic = 1.3862943611198906; ///< E|x| = 2 ln 2 for scale 1.
  static constexpr double steepest = 0.5;

  double count_;
  double base_ = 0.0;
  double slope_ = 0.0;
};

} // namespace ptq::detail
