// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/tensor_data.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace ptq {

namespace detail {

/// The cube root of a number above 0 and not denormal, by Newton's method: unlike `std::cbrt` the
/// same bits everywhere.
inline auto cube_root(double of) -> double {
  int exponent = 0;
  static_cast<void>(std::frexp(of, &exponent));
  double root = std::ldexp(1.0, exponent / 3);
  for (int step = 0; step != 60; ++step) {
    const double next = (rounded(2.0 * root) + of / rounded(root * root)) / 3.0;
    if (next == root) {
      break;
    }
    root = next;
  }
  return root;
}

} // namespace detail

/// The greatest magnitude of each slice along `axis`.
[[nodiscard]] inline auto slice_maxima(const tensor_data& of, std::size_t axis)
    -> std::vector<double> {
  std::size_t inner = 1;
  for (std::size_t behind = axis + 1; behind < of.shape.size(); ++behind) {
    inner *= of.shape[behind];
  }
  std::vector<double> result(of.shape.at(axis), 0.0);
  for (std::size_t i = 0; i != of.values.size(); ++i) {
    double& most = result[i / inner % result.size()];
    most = std::max(most, std::abs(static_cast<double>(of.values[i])));
  }
  return result;
}

/// By what the channels between two layers are divided so that both layers' weights are equally
/// wide in each of them: `sqrt(first / second)`; 1 where either is 0.
/// @param first   The greatest magnitude of the weights that make each channel.
/// @param second  Of those that read it.
/// @see Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction",
/// 2019
[[nodiscard]] inline auto
equalisation_factors(std::span<const double> first, std::span<const double> second)
    -> std::vector<double> {
  std::vector<double> result(first.size(), 1.0);
  for (std::size_t c = 0; c != result.size(); ++c) {
    if (first[c] > 0.0 && second[c] > 0.0) {
      result[c] = std::sqrt(first[c] / second[c]);
    }
  }
  return result;
}

/// The same for a depthwise layer between two others, whose channels before and behind it are
/// divided so that all three are `cbrt(first middle last)` wide.
/// @return By what the channels before, and those behind the depthwise layer are divided.
[[nodiscard]] inline auto equalisation_factors(
    std::span<const double> first, std::span<const double> middle, std::span<const double> last
) -> std::pair<std::vector<double>, std::vector<double>> {
  std::pair<std::vector<double>, std::vector<double>> result{
      std::vector<double>(first.size(), 1.0), std::vector<double>(first.size(), 1.0)
  };
  for (std::size_t c = 0; c != first.size(); ++c) {
    if (first[c] > 0.0 && middle[c] > 0.0 && last[c] > 0.0) {
      const double common = detail::cube_root(first[c] * middle[c] * last[c]);
      result.first[c] = first[c] / common;
      result.second[c] = common / last[c];
    }
  }
  return result;
}

} // namespace ptq
