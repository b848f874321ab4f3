// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/grid.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace ptq::test {

/// How far apart a plan and POT's may be. Grids as shares of their width, biases and constants as
/// shares of the largest of their values.
struct tolerances {
  double weights = 1e-6;
  double activations = 1e-6; ///< From the recorded statistics; 1e-4 from an engine of one's own.
  double biases = 1e-4;
  double constants = 1e-5; ///< Those that were aligned or scaled; halved ones are exact.
};

/// How far apart two runs of nearly the same model on 10,000 images may be, as a share of them.
inline auto accuracy_tolerance(double recorded) -> double {
  return recorded < 0.8 ? 0.03 : 0.003;
}

/// What a comparison found.
struct comparison {
  std::vector<std::string> differences{}; ///< A sentence each; none: the plan is POT's.
  std::size_t quantizers = 0;
  double worst_weights = 0.0;
  double worst_activations = 0.0;
  double worst_bias = 0.0;
  double worst_constant = 0.0;
  std::size_t codes = 0; ///< Constants with integer codes.
  std::size_t equal_codes = 0;
  std::size_t codes_on_halves = 0; ///< Single ones, where the last bit of a limit decides.
};

/// The largest distance of two limits, as a share of the recorded range's width. Infinite if one is
/// not finite.
inline auto
distance(const std::vector<grid>& mine, const std::vector<grid>& recorded, double factor = 1.0)
    -> double {
  double worst = 0.0;
  for (std::size_t c = 0; c != recorded.size(); ++c) {
    const grid& a = mine[c];
    const grid& b = recorded[c];
    const double in = static_cast<double>(b.in_high) - static_cast<double>(b.in_low);
    const double out = static_cast<double>(b.out_high) - static_cast<double>(b.out_low);
    const auto share = [factor](float own, float other, double width) {
      return (static_cast<double>(own) * factor - static_cast<double>(other)) / width;
    };
    for (const double each :
         {share(a.in_low, b.in_low, in),
          share(a.in_high, b.in_high, in),
          share(a.out_low, b.out_low, out),
          share(a.out_high, b.out_high, out)}) {
      if (!std::isfinite(each)) {
        return std::numeric_limits<double>::infinity();
      }
      worst = std::max(worst, std::abs(each));
    }
  }
  return worst;
}

/// The largest distance of two values, as a share of the largest recorded one.
inline auto distance(const std::vector<float>& mine, const std::vector<float>& recorded) -> double {
  double largest = 0.0;
  double worst = 0.0;
  for (std::size_t i = 0; i != recorded.size(); ++i) {
    const double apart = std::abs(static_cast<double>(mine[i]) - static_cast<double>(recorded[i]));
    largest = std::max(largest, std::abs(static_cast<double>(recorded[i])));
    worst = std::isnan(apart) ? std::numeric_limits<double>::infinity() : std::max(worst, apart);
  }
  return worst == 0.0 ? 0.0 : worst / largest;
}

} // namespace ptq::test
