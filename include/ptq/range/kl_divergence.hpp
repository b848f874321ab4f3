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
#include <limits>
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
/// normalised, then empty bins get 1e-4, taken from the others; the range ends at the `i` with the
/// least divergence of `P` from `Q`, the first of equal ones. Levels are those of one sign. Where
/// asymmetric, both ends are cut there. Zeros do not count: zero is a code of every range, while
/// the many of them behind a ReLU, in one group with the least of the other values, would make the
/// narrowest range look best.
/// @see Migacz, 8-bit inference with TensorRT, whose calibrators leave the bin of zeros out, too
struct kl_divergence {
  int bins = 2048; ///< Many more than levels: with as many, nothing is ever clipped.

  [[nodiscard]] auto range(const log_histogram& of, const target_grid& target) const
      -> value_range<float> {
    const value_range<float> full = detail::full_range(of);
    const bool both_signs = full.low < 0.0F || target.kind == tensor_kind::weights;
    const auto levels =
        static_cast<std::size_t>(both_signs ? (target.levels + 1) / 2 : target.levels);
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
  /// @param of  Counts of magnitudes in bins of one width, more than levels of them
  [[nodiscard]] static auto best_count(std::span<const double> of, std::size_t levels)
      -> std::size_t {
    const prefixes sums(of);
    std::size_t best = of.size();
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t kept = levels; kept <= of.size(); ++kept) {
      const double found = sums.divergence(of, kept, levels);
      if (found < least - indifferent) {
        least = found;
        best = kept;
      }
    }
    return best;
  }

  void check_options() const {
    if (bins < 4 || bins > 65'536) {
      throw error("bins are 4 to 65536, not " + std::to_string(bins), {}, "kl_divergence.bins");
    }
  }

  friend constexpr auto operator==(const kl_divergence&, const kl_divergence&) -> bool = default;

private:
  static constexpr double smoothing = 1e-4;
  static constexpr double indifferent = 1e-12; // what the sums are not exact to

  static auto linear_bins(const log_histogram& of, double most, std::size_t count)
      -> std::vector<double> {
    std::vector<double> result(count);
    const detail::distribution_bins all(of);
    const double width = most / static_cast<double>(count);
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
        const double high =
            std::min(each.high, detail::rounded(static_cast<double>(i + 1) * width));
        result[i] +=
            detail::rounded(each.count * (std::max(high - low, 0.0) / (each.high - each.low)));
      }
    }
    return result;
  }

  /// Sums over the first bins: each group of bins is then a difference.
  class prefixes {
  public:
    explicit prefixes(std::span<const double> of)
        : mass_(of.size() + 1), information_(of.size() + 1), filled_(of.size() + 1) {
      for (std::size_t i = 0; i != of.size(); ++i) {
        const bool any = of[i] > 0.0;
        mass_[i + 1] = mass_[i] + of[i];
        information_[i + 1] =
            information_[i] + (any ? detail::rounded(of[i] * detail::natural_log(of[i])) : 0.0);
        filled_[i + 1] = filled_[i] + (any ? 1.0 : 0.0);
      }
    }

    /// Bins that are empty in both have the same in both, and add nothing.
    [[nodiscard]] auto
    divergence(std::span<const double> of, std::size_t kept, std::size_t levels) const -> double {
      const double inside = mass_[kept];
      const double all = mass_.back();
      if (inside <= 0.0) {
        return 1e300;
      }
      const double beyond = all - inside;
      const double last = of[kept - 1];
      const double empty = static_cast<double>(kept) - filled_[kept];
      const bool fills_last = last <= 0.0 && beyond > 0.0;
      const double less_p = 1.0 - detail::rounded(smoothing * (fills_last ? empty - 1.0 : empty));
      const double less_q = 1.0 - detail::rounded(smoothing * empty);
      double sum = 0.0; // of counts times the logarithms of their quotients
      for (std::size_t level = 0; level != levels; ++level) {
        const std::size_t begin = first_of(level, kept, levels);
        const std::size_t end = first_of(level + 1, kept, levels);
        const double mass = mass_[end] - mass_[begin];
        if (mass > 0.0) {
          const double even = detail::natural_log(mass / (filled_[end] - filled_[begin]));
          sum += information_[end] - information_[begin] - detail::rounded(mass * even);
          if (end == kept && beyond > 0.0 && last > 0.0) {
            sum += detail::rounded((last + beyond) * (detail::natural_log(last + beyond) - even)) -
                   detail::rounded(last * (detail::natural_log(last) - even));
          }
        }
      }
      const double scale = detail::natural_log(detail::rounded(less_p * inside) / (less_q * all));
      const double counted = fills_last ? inside : all;
      double result = less_p * ((sum + detail::rounded(counted * scale)) / all);
      if (fills_last) {
        const double share = detail::rounded(less_p * (beyond / all));
        result =
            detail::rounded(result) +
            detail::rounded(share * (detail::natural_log(share) - detail::natural_log(smoothing)));
      }
      return result;
    }

  private:
    static auto first_of(std::size_t level, std::size_t kept, std::size_t levels) -> std::size_t {
      return (level * kept + levels - 1) / levels;
    }

    std::vector<double> mass_;
    std::vector<double> information_;
    std::vector<double> filled_;
  };
};

} // namespace ptq
