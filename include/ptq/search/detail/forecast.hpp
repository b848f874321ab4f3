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

/// How often a plan turns samples of a metric that has two values, right and wrong: the farther a
/// sample is from being judged otherwise, the less often.
///
/// @par Definition A sample of margin `m` is moved by a random number of the normal distribution
/// whose mean magnitude is `a + b m`. That is fitted to the movements that were seen, and the
/// number of samples that turn is corrected by how many of those that were seen did. Where
/// movements are not known it is `a`, with which as many turn as did.
class movement {
public:
  struct seen_sample {
    double margin = 0.0; ///< In the float model.
    double moved = 0.0;  ///< Towards being judged otherwise; beyond the margin it is.
    bool turned = false;
  };

  /// @param seen    At least one.
  /// @param moves   Are the movements known?
  movement(std::span<const seen_sample> seen, bool moves) {
    const auto turned = static_cast<double>(std::ranges::count(seen, true, &seen_sample::turned));
    if (moves) {
      fit_to_movements(seen);
      level_ = (turned + trust) / (turning(seen) + trust);
      doubt_ = 1.0 / std::sqrt(turned + trust);
    } else {
      fit_to_count(seen, turned + 0.5);
      doubt_ = 1.0 / std::sqrt(turned + 1.0);
    }
  }

  /// The probability that a sample is judged otherwise than in the float model.
  [[nodiscard]] auto turns(double margin) const -> double {
    const double magnitude = base_ + slope_ * margin;
    return magnitude > 0.0
               ? std::min(level_ * 0.5 * std::erfc(margin / magnitude * mean_over_root_two), 1.0)
               : 0.0;
  }

  /// The share by which the number of samples that turn may be wrong.
  [[nodiscard]] auto doubt() const noexcept -> double { return doubt_; }

private:
  /// The mean magnitude of the normal distribution with deviation 1, over the root of 2.
  static constexpr double mean_over_root_two = 0.5641895835477563;
  static constexpr double steepest = 0.5;
  static constexpr double trust = 6.0; ///< As many turned samples are worth what movements tell.

  void fit_to_movements(std::span<const seen_sample> seen) {
    const auto count = static_cast<double>(seen.size());
    double mean = 0.0;
    double mean_margin = 0.0;
    for (const seen_sample& each : seen) {
      mean += std::abs(each.moved) / count;
      mean_margin += each.margin / count;
    }
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

  void fit_to_count(std::span<const seen_sample> seen, double turned) {
    double low = 0.0;
    double high = 1e-3;
    for (const seen_sample& each : seen) {
      high = std::max(high, 64.0 * each.margin);
    }
    for (int round = 0; round != 40; ++round) { // more turn as the scale grows
      base_ = 0.5 * (low + high);
      (turning(seen) < turned ? low : high) = base_;
    }
  }

  [[nodiscard]] auto turning(std::span<const seen_sample> among) const -> double {
    double result = 0.0;
    for (const seen_sample& each : among) {
      result += turns(each.margin);
    }
    return result;
  }

  double base_ = 0.0;
  double slope_ = 0.0;
  double level_ = 1.0;
  double doubt_ = 0.0;
};

} // namespace ptq::detail
