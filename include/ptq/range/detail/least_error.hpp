// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/kernel/candidate_errors.hpp>
#include <ptq/kernel/extremes.hpp>
#include <ptq/range/detail/code_grid.hpp>
#include <ptq/range/detail/distribution_bins.hpp>
#include <ptq/range/distribution.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace ptq::detail {

inline void check_candidates(int candidates, const char* option) {
  if (candidates < 1 || candidates > 100'000) {
    throw error("candidate ranges are 1 to 100000, not " + std::to_string(candidates), {}, option);
  }
}

/// The squared errors of the values in a histogram on candidate grids.
class histogram_errors {
public:
  histogram_errors(const log_histogram& of, const target_grid& target)
      : bins_(of), target_(target) {}

  [[nodiscard]] auto operator()(std::span<const value_range<float>> candidates) const
      -> std::vector<double> {
    std::vector<double> result;
    for (const value_range<float>& each : candidates) {
      result.push_back(bins_.squared_error(code_grid_of(each, target_)));
    }
    return result;
  }

private:
  distribution_bins bins_;
  target_grid target_;
};

/// Those of the values themselves.
class exact_errors {
public:
  exact_errors(
      std::span<const float> values, std::span<const float> masses, const target_grid& target
  )
      : values_(values), masses_(masses), target_(target) {}

  [[nodiscard]] auto operator()(std::span<const value_range<float>> candidates) const
      -> std::vector<double> {
    std::vector<grid> grids;
    for (const value_range<float>& each : candidates) {
      grids.push_back(code_grid_of(each, target_).as_grid(target_.levels));
    }
    return candidate_errors(values_, masses_, grids);
  }

private:
  std::span<const float> values_;
  std::span<const float> masses_;
  target_grid target_;
};

/// Of equal errors, the first.
template <class Errors>
[[nodiscard]] auto
best_of(const std::vector<value_range<float>>& candidates, const Errors& errors_of)
    -> value_range<float> {
  const std::vector<double> errors = errors_of(candidates);
  const auto least = std::ranges::min_element(errors);
  return candidates[static_cast<std::size_t>(least - errors.begin())];
}

/// The range with the least error of `count` shares of the full one; where the target is
/// asymmetric, each end is then moved alone, twice.
template <class Errors>
[[nodiscard]] auto least_error_range(
    value_range<float> full, const target_grid& target, int count, const Errors& errors_of
) -> value_range<float> {
  const bool is_symmetric = target.mode == symmetric;
  if (is_symmetric) {
    full = symmetric_range(magnitude_of(full), full.low < 0.0F, target);
  } else {
    full = {std::min(full.low, 0.0F), std::max(full.high, 0.0F)};
  }
  // The widest first, so that it is kept where nothing is gained.
  const auto share = [count](float of, int k) {
    return static_cast<float>(static_cast<double>(of) * k / count);
  };
  const auto sweep = [&](auto candidate_at) {
    std::vector<value_range<float>> candidates;
    for (int k = count; k != 0; --k) {
      candidates.push_back(candidate_at(k));
    }
    return best_of(candidates, errors_of);
  };
  value_range<float> best =
      sweep([&](int k) { return value_range<float>{share(full.low, k), share(full.high, k)}; });
  if (is_symmetric || full.low == 0.0F || full.high == 0.0F) {
    return best;
  }
  for (int round = 0; round != 2; ++round) {
    best = sweep([&](int k) { return value_range<float>{share(full.low, k), best.high}; });
    best = sweep([&](int k) { return value_range<float>{best.low, share(full.high, k)}; });
  }
  return best;
}

/// The extremes of some finite values, as a range.
[[nodiscard]] inline auto full_range(std::span<const float> values) -> value_range<float> {
  if (values.empty()) {
    throw error("a range of no values");
  }
  const extremes found = ptq::extremes_of(values);
  return {found.low, found.high};
}

[[nodiscard]] inline auto full_range(const log_histogram& of) -> value_range<float> {
  if (of.empty()) {
    throw error("a range of an empty histogram");
  }
  return {of.low(), of.high()};
}

/// A range cut at a magnitude; where asymmetric, with zero in it.
[[nodiscard]] inline auto
cut_at(double magnitude, const value_range<float>& full, const target_grid& target)
    -> value_range<float> {
  const float most = std::min(static_cast<float>(magnitude), magnitude_of(full));
  if (target.mode == symmetric) {
    return symmetric_range(most, full.low < 0.0F, target);
  }
  return {std::clamp(full.low, -most, 0.0F), std::clamp(full.high, 0.0F, most)};
}

} // namespace ptq::detail
