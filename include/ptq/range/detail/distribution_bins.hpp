// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/range/detail/code_grid.hpp>
#include <ptq/statistics/log_histogram.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace ptq::detail {

/// The bins of a histogram in which something is, as intervals over which the values are taken to
/// be spread evenly, from the least value on. The small values are all zero.
struct distribution_bins {
  struct bin {
    double low = 0.0;
    double high = 0.0;
    double count = 0.0;
  };

  std::vector<bin> negative{}; ///< From the least magnitude on, in magnitudes: `low <= high`.
  std::vector<bin> positive{};
  double zeros = 0.0;
  double total = 0.0;

  explicit distribution_bins(const log_histogram& of)
      : negative(bins_of(of, of.negative(), -of.low())),
        positive(bins_of(of, of.positive(), of.high())),
        zeros(static_cast<double>(of.small())),
        total(static_cast<double>(of.count())) {}

  /// The bins of magnitudes, whatever the sign; those of equal magnitude follow each other.
  [[nodiscard]] auto magnitudes() const -> std::vector<bin> {
    std::vector<bin> result(negative.size() + positive.size());
    std::ranges::merge(negative, positive, result.begin(), {}, &bin::low, &bin::low);
    return result;
  }

  /// The sum of the squared errors of all values on a grid.
  [[nodiscard]] auto squared_error(const code_grid& on) const -> double {
    double sum = 0.0;
    for (const bin& each : negative) {
      sum += error_of(each, on, -1.0);
    }
    for (const bin& each : positive) {
      sum += error_of(each, on, 1.0);
    }
    return sum;
  }

private:
  static auto bins_of(const log_histogram& of, std::span<const std::uint64_t> counts, float most)
      -> std::vector<bin> {
    std::vector<bin> result;
    for (std::size_t i = 0; i != counts.size(); ++i) {
      if (counts[i] != 0) {
        const std::uint32_t position = of.first_position() + static_cast<std::uint32_t>(i);
        const float low = log_histogram::magnitude_at(position);
        const float high = std::min(log_histogram::magnitude_at(position + 1), most);
        result.push_back(
            {static_cast<double>(low), static_cast<double>(high), static_cast<double>(counts[i])}
        );
      }
    }
    return result;
  }

  static auto error_of(const bin& each, const code_grid& on, double sign) -> double {
    const double width = each.high - each.low;
    if (width <= 0.0) {
      const double position = std::clamp(sign * each.low / on.step, -0x1p50, 0x1p50);
      const double off =
          (position - std::clamp(nearest(position), on.lowest, on.highest)) * on.step;
      return rounded(each.count * rounded(off * off));
    }
    const double inside = on.integral(sign * each.high) - on.integral(sign * each.low);
    return rounded(each.count * (sign * inside / width));
  }
};

} // namespace ptq::detail
