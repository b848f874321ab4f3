// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/range/detail/distribution_bins.hpp>
#include <ptq/range/detail/least_error.hpp>
#include <ptq/range/detail/natural_log.hpp>
#include <ptq/range/distribution.hpp>
#include <ptq/statistics/log_histogram.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace ptq {

/// The magnitude at which the quantized distribution tells least less than the clipped one.
///
/// @par Definition
/// The magnitudes in `bins` bins of one width; for each count `i` of them from the levels up, `P`
/// is the first `i` with all beyond in the last of them, `Q` the first `i` in as many groups as
/// there are levels, the mass of a group spread over its bins that are not empty. Both are
/// normalised and smoothed; the range ends at the `i` with the least divergence, the first of equal
/// ones. Levels are those of one sign. Where asymmetric, both ends are cut there.
/// @see Migacz, 8-bit inference with TensorRT
struct kl_divergence {
  int bins = 2048; ///< Many more than levels: with as many, nothing is ever clipped.

  [[nodiscard]] auto range(const log_histogram& of, const target_grid& target) const
      -> value_range<float> {
    const value_range<float> full = detail::full_range(of);
    const bool both_signs = full.low < 0.0F || target.kind == tensor_kind::weights;
    const auto levels = static_cast<std::size_t>(both_signs ? (target.levels + 1) / 2 : target.levels);
    const auto count = static_cast<std::size_t>(bins);
    if (count < 2 * levels) {
      throw error(
          std::to_string(bins) + " bins for " + std::to_string(levels) +
              " levels: at least twice as many are needed",
          {},
          "kl_divergence.bins"
      );
    }
    const auto most = static_cast<double>(detail::magnitude_of(full));
    if (most == 0.0) {
      return {0.0F, 0.0F};
    }
    const std::size_t kept = best_count(linear_bins(of, most, count), levels);
    return detail::cut_at(
        most * (static_cast<double>(kept) / static_cast<double>(count)), full, target
    );
  }

  /// How many of the bins to keep.
  /// @param of  Counts of magnitudes in bins of one width
  [[nodiscard]] static auto best_count(std::span<const double> of, std::size_t levels)
      -> std::size_t {
    double beyond = std::accumulate(of.begin(), of.end(), 0.0);
    std::size_t best = of.size();
    double least = -1.0;
    for (std::size_t kept = 0; kept != of.size(); ++kept) {
      if (kept >= levels) {
        const double found = divergence(of.first(kept), beyond, levels);
        if (least < 0.0 || found < least) {
          least = found;
          best = kept;
        }
      }
      beyond -= of[kept];
    }
    const double whole = of.size() < levels ? 0.0 : divergence(of, 0.0, levels);
    return least < 0.0 || whole < least ? of.size() : best;
  }

  void check_options() const {
    if (bins < 4 || bins > 65'536) {
      throw error("bins are 4 to 65536, not " + std::to_string(bins), {}, "kl_divergence.bins");
    }
  }

  friend constexpr auto operator==(const kl_divergence&, const kl_divergence&) -> bool = default;

private:
  static constexpr double smoothing = 1e-4;

  static auto linear_bins(const log_histogram& of, double most, std::size_t count)
      -> std::vector<double> {
    std::vector<double> result(count);
    const detail::distribution_bins all(of);
    const double width = most / static_cast<double>(count);
    result[0] = all.zeros;
    const auto place = [&](double magnitude) {
      return std::min(static_cast<std::size_t>(magnitude / width), count - 1);
    };
    for (const auto& each : all.magnitudes()) {
      const std::size_t first = place(each.low);
      const std::size_t last = place(each.high);
      if (first == last) {
        result[first] += each.count;
        continue;
      }
      for (std::size_t i = first; i <= last; ++i) {
        const double low = std::max(each.low, detail::rounded(static_cast<double>(i) * width));
        const double high = std::min(each.high, detail::rounded(static_cast<double>(i + 1) * width));
        result[i] += detail::rounded(each.count * (std::max(high - low, 0.0) / (each.high - each.low)));
      }
    }
    return result;
  }

  /// Gives every zero a little, taken evenly from the others, in what adds up to 1.
  static void smooth(std::vector<double>& of) {
    const auto zeros = static_cast<double>(std::ranges::count(of, 0.0));
    const auto others = static_cast<double>(of.size()) - zeros;
    if (zeros == 0.0 || others == 0.0) {
      return;
    }
    const double less = smoothing * zeros / others;
    for (double& each : of) {
      each = each == 0.0 ? smoothing : std::max(each - less, 1e-300);
    }
  }

  static auto divergence(std::span<const double> kept, double beyond, std::size_t levels)
      -> double {
    std::vector<double> p(kept.begin(), kept.end());
    p.back() += beyond;
    std::vector<double> q(kept.size());
    const std::size_t merged = kept.size() / levels;
    for (std::size_t level = 0; level != levels; ++level) {
      const std::size_t begin = level * merged;
      const std::size_t end = level + 1 == levels ? kept.size() : begin + merged;
      double mass = 0.0;
      double filled = 0.0;
      for (std::size_t i = begin; i != end; ++i) {
        mass += kept[i];
        filled += p[i] != 0.0 ? 1.0 : 0.0;
      }
      for (std::size_t i = begin; i != end; ++i) {
        q[i] = p[i] != 0.0 ? mass / filled : 0.0;
      }
    }
    const double of_p = std::accumulate(p.begin(), p.end(), 0.0);
    const double of_q = std::accumulate(q.begin(), q.end(), 0.0);
    if (of_q == 0.0) {
      return 1e300;
    }
    for (std::size_t i = 0; i != p.size(); ++i) {
      p[i] /= of_p;
      q[i] /= of_q;
    }
    smooth(p);
    smooth(q);
    double sum = 0.0;
    for (std::size_t i = 0; i != p.size(); ++i) {
      sum += detail::rounded(
          p[i] * (detail::natural_log(p[i]) - detail::natural_log(q[i]))
      );
    }
    return sum;
  }
};

} // namespace ptq
