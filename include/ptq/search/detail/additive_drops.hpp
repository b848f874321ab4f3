// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/ranking/plan_variants.hpp>
#include <ptq/search/context.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace ptq::search::detail {

/// Solves a system of linear equations with a positive definite matrix, in place.
inline void solve(std::vector<std::vector<double>>& matrix, std::vector<double>& right) {
  const std::size_t n = right.size();
  for (std::size_t i = 0; i != n; ++i) {
    for (std::size_t r = i + 1; r != n; ++r) {
      const double times = matrix[r][i] / matrix[i][i];
      for (std::size_t c = i; c != n; ++c) {
        matrix[r][c] -= times * matrix[i][c];
      }
      right[r] -= times * right[i];
    }
  }
  for (std::size_t i = n; i-- != 0;) {
    for (std::size_t c = i + 1; c != n; ++c) {
      right[i] -= matrix[i][c] * right[c];
    }
    right[i] /= matrix[i][i];
  }
}

/// What each group adds to the drops, were it that the square roots of drops add up.
class additive_drops {
public:
  /// Fits it to all candidates of a search.
  explicit additive_drops(const search_context& in) : groups_(in.variants().groups().size()) {
    const verdict* const start = in.find({});
    for (std::size_t m = 0; m != in.limits().size(); ++m) {
      const double whole = start == nullptr ? 0.0 : std::abs(start->drops[m]);
      // What two candidates may differ by without its meaning anything; above 0.
      const double least = std::max(0.03 * whole, 1e-6);
      shares_.push_back(fitted(in, m, root(whole), least));
      scales_.push_back(std::abs(in.limits()[m].maximal_drop) + least);
    }
  }

  /// The set of `count` groups that promises the smallest drops, among those that revert fewer
  /// operations than `than` does and were not tried.
  [[nodiscard]] auto
  promising(const search_context& in, std::size_t count, const group_set& than) const
      -> std::optional<group_set> {
    std::vector<std::size_t> order(groups_);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [this](std::size_t g) {
      double most = 0.0;
      for (std::size_t m = 0; m != shares_.size(); ++m) {
        most = std::max(most, shares_[m][g] / std::sqrt(scales_[m]));
      }
      return std::pair(-most, g);
    });
    const auto split = order.begin() + static_cast<std::ptrdiff_t>(count);
    group_set top(order.begin(), split);
    std::ranges::sort(top);
    const std::size_t operations = in.variants().operations_of(than).size();
    std::optional<group_set> best;
    double least = std::numeric_limits<double>::infinity();
    const auto consider = [&](group_set set) {
      if (in.find(set) == nullptr && in.variants().operations_of(set).size() < operations) {
        const double promised = expected(in, set);
        if (promised < least) {
          least = promised;
          best = std::move(set);
        }
      }
    };
    consider(top);
    for (const std::size_t out : top) {
      for (auto other = split; other != order.end(); ++other) {
        consider(with_group(without_group(top, out), *other));
      }
    }
    return best;
  }

private:
  static auto root(double drop) -> double { return std::copysign(std::sqrt(std::abs(drop)), drop); }

  [[nodiscard]] auto
  fitted(const search_context& in, std::size_t metric, double whole, double least) const
      -> std::vector<double> {
    // Where nothing is known each group has the same share.
    constexpr double weight_of_that = 0.02;
    std::vector<std::vector<double>> matrix(groups_, std::vector<double>(groups_));
    std::vector<double> right(groups_);
    const double limit = std::abs(in.limits()[metric].maximal_drop);
    for (std::size_t g = 0; g != groups_; ++g) {
      matrix[g][g] = weight_of_that;
      right[g] = weight_of_that * whole / static_cast<double>(groups_);
    }
    for (const auto& [set, known] : in.verdicts()) {
      const double drop = known.drops[metric];
      const double weight = (limit + least) / (std::abs(drop) + limit + least);
      const group_set quantized = in.variants().quantized(set);
      for (const std::size_t row : quantized) {
        right[row] += weight * root(drop);
        for (const std::size_t column : quantized) {
          matrix[row][column] += weight;
        }
      }
    }
    solve(matrix, right);
    return right;
  }

  /// How far the worst metric is beyond its limit, in units of it.
  [[nodiscard]] auto expected(const search_context& in, const group_set& reverted) const -> double {
    const group_set quantized = in.variants().quantized(reverted);
    double worst = -std::numeric_limits<double>::infinity();
    for (std::size_t m = 0; m != shares_.size(); ++m) {
      double sum = 0.0;
      for (const std::size_t g : quantized) {
        sum += shares_[m][g];
      }
      const double drop = sum * std::abs(sum);
      worst = std::max(worst, (drop - in.limits()[m].maximal_drop) / scales_[m]);
    }
    return worst;
  }

  std::size_t groups_;
  std::vector<std::vector<double>> shares_{}; ///< By metric and group.
  std::vector<double> scales_{};              ///< By metric.
};

} // namespace ptq::search::detail
