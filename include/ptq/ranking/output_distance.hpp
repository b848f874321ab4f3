// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/tensor_data.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace ptq {

/// How far outputs under a plan are from those of the float model. Larger is farther.
enum class distance : std::uint8_t {
  nmse,   ///< The squared error over the squared length, added up over the outputs.
  cosine, ///< 1 - the cosine of the angle, the mean over the outputs.
  kl,     ///< Of the softmax of each output, in nats, added up over the outputs.
};

[[nodiscard]] constexpr auto name_of(distance kind) noexcept -> std::string_view {
  return kind == distance::nmse ? "nmse" : kind == distance::cosine ? "cosine" : "kl";
}

/// The outputs of a model for one sample.
using output_tensors = std::vector<tensor_data>;

namespace detail {

/// `|wanted - reached|^2`, `|wanted|^2`, `|reached|^2` and the scalar product.
struct products {
  double off = 0.0;
  double wanted = 0.0;
  double reached = 0.0;
  double both = 0.0;
};

inline auto products_of(const tensor_data& wanted, const tensor_data& reached) -> products {
  if (wanted.values.size() != reached.values.size()) {
    throw error("an output has another shape under a plan than in floating point");
  }
  products result;
  for (std::size_t i = 0; i != wanted.values.size(); ++i) {
    const auto u = static_cast<double>(wanted.values[i]);
    const auto v = static_cast<double>(reached.values[i]);
    result.off += rounded((u - v) * (u - v));
    result.wanted += rounded(u * u);
    result.reached += rounded(v * v);
    result.both += rounded(u * v);
  }
  return result;
}

inline auto ratio_of(double off, double length) -> double {
  return off == 0.0 ? 0.0 : length > 0.0 ? off / length : std::numeric_limits<double>::max();
}

inline auto cosine_distance(const products& of) -> double {
  if (of.wanted == 0.0 || of.reached == 0.0) {
    return of.wanted == of.reached ? 0.0 : 1.0;
  }
  return 1.0 - of.both / std::sqrt(rounded(of.wanted * of.reached));
}

inline auto log_softmax(const std::vector<float>& values) -> std::vector<double> {
  const auto most = static_cast<double>(*std::ranges::max_element(values));
  double sum = 0.0;
  for (const float value : values) {
    sum += std::exp(static_cast<double>(value) - most);
  }
  std::vector<double> result;
  for (const float value : values) {
    result.push_back(static_cast<double>(value) - most - std::log(sum));
  }
  return result;
}

inline auto kl_distance(const tensor_data& wanted, const tensor_data& reached) -> double {
  if (wanted.values.empty()) {
    return 0.0;
  }
  const std::vector<double> p = log_softmax(wanted.values);
  const std::vector<double> q = log_softmax(reached.values);
  double sum = 0.0;
  for (std::size_t i = 0; i != p.size(); ++i) {
    sum += rounded(std::exp(p[i]) * (p[i] - q[i]));
  }
  return std::max(sum, 0.0);
}

/// The class with the highest score, the first of several.
inline auto best_class(const tensor_data& scores) -> std::size_t {
  return static_cast<std::size_t>(std::ranges::max_element(scores.values) - scores.values.begin());
}

/// How far the score of a class is from the best of the others.
inline auto lead_of(const tensor_data& scores, std::size_t of) -> double {
  double next = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i != scores.values.size(); ++i) {
    next = i == of ? next : std::max(next, static_cast<double>(scores.values[i]));
  }
  return std::abs(static_cast<double>(scores.values[of]) - next);
}

/// Are the scores shares that add up to 1?
inline auto is_distribution(const tensor_data& scores) -> bool {
  double sum = 0.0;
  for (const float value : scores.values) {
    if (!(value >= 0.0F && value <= 1.0F)) {
      return false;
    }
    sum += static_cast<double>(value);
  }
  return std::abs(sum - 1.0) < 1e-3;
}

/// The probability of the best class.
/// @param shares  Are the scores probabilities? Otherwise their softmax is.
inline auto confidence_of(const tensor_data& scores, bool shares) -> double {
  const std::size_t best = best_class(scores);
  return shares ? static_cast<double>(scores.values[best])
                : std::exp(log_softmax(scores.values)[best]);
}

} // namespace detail

/// The distance of one sample's outputs to the float model's.
/// @throws error if the shapes differ.
[[nodiscard]] inline auto
distance_between(distance kind, const output_tensors& wanted, const output_tensors& reached)
    -> double {
  if (wanted.size() != reached.size() || wanted.empty()) {
    throw error("an engine shows each output of the graph for each sample");
  }
  double sum = 0.0;
  for (std::size_t k = 0; k != wanted.size(); ++k) {
    const detail::products found = detail::products_of(wanted[k], reached[k]);
    switch (kind) {
    case distance::nmse:
      sum += detail::ratio_of(found.off, found.wanted);
      break;
    case distance::cosine:
      sum += detail::cosine_distance(found) / static_cast<double>(wanted.size());
      break;
    case distance::kl:
      sum += detail::kl_distance(wanted[k], reached[k]);
      break;
    }
  }
  return sum;
}

/// The distance over several samples: of nmse the ratio of the sums, so that samples with small
/// outputs do not outweigh the others; of the rest the mean.
[[nodiscard]] inline auto distance_between(
    distance kind, std::span<const output_tensors> wanted, std::span<const output_tensors> reached
) -> double {
  double sum = 0.0;
  if (kind != distance::nmse) {
    for (std::size_t s = 0; s != wanted.size(); ++s) {
      sum += distance_between(kind, wanted[s], reached[s]);
    }
    return sum / static_cast<double>(std::max<std::size_t>(wanted.size(), 1));
  }
  const std::size_t count = wanted.empty() ? 0 : wanted.front().size();
  for (std::size_t k = 0; k != count; ++k) {
    double off = 0.0;
    double length = 0.0;
    for (std::size_t s = 0; s != wanted.size(); ++s) {
      const detail::products found = detail::products_of(wanted[s].at(k), reached[s].at(k));
      off += found.off;
      length += found.wanted;
    }
    sum += detail::ratio_of(off, length);
  }
  return sum;
}

/// Errors of the outputs as numbers whose sum of squares is the nmse over these samples, and whose
/// scalar products tell how the errors of several plans go together. Of each output of a sample
/// there are at most `most`: of a larger one, numbers are added up with signs that look random,
/// which keeps scalar products but for a small error.
/// @throws error if the shapes differ.
[[nodiscard]] inline auto scaled_errors(
    std::span<const output_tensors> wanted,
    std::span<const output_tensors> reached,
    std::size_t most = 64
) -> std::vector<double> {
  std::vector<double> result;
  const std::size_t count = wanted.empty() ? 0 : wanted.front().size();
  for (std::size_t k = 0; k != count; ++k) {
    double length = 0.0;
    for (std::size_t s = 0; s != wanted.size(); ++s) {
      length += detail::products_of(wanted[s].at(k), reached[s].at(k)).wanted;
    }
    const double scale = length > 0.0 ? 1.0 / std::sqrt(length) : 1.0;
    for (std::size_t s = 0; s != wanted.size(); ++s) {
      const std::vector<float>& from = wanted[s][k].values;
      const std::vector<float>& to = reached[s][k].values;
      const std::size_t first = result.size();
      result.resize(first + std::min(from.size(), most));
      for (std::size_t i = 0; i != from.size(); ++i) {
        const double off =
            detail::rounded((static_cast<double>(to[i]) - static_cast<double>(from[i])) * scale);
        std::uint64_t lot = (i + 1) * 0x9e3779b97f4a7c15U;
        lot = (lot ^ (lot >> 32U)) * 0xd6e8feb86659fd93U;
        const bool exact = from.size() <= most;
        const std::size_t at = exact ? i : static_cast<std::size_t>((lot >> 32U) % most);
        result[first + at] += exact || (lot >> 63U) == 0 ? off : -off;
      }
    }
  }
  return result;
}

} // namespace ptq
