// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/ranges.hpp>
#include <ptq/core/blocks.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/kernel/extremes.hpp>
#include <ptq/kernel/histogram.hpp>
#include <ptq/range/distribution.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ptq {

/// How much the error of a weight counts, by the input channel that it meets: the mean square of
/// the activations there. Empty: all count alike.
struct weight_masses {
  std::span<const float> of_inputs{}; ///< Of each input channel of all groups; at least 0.
  std::size_t input_axis = 1;         ///< Of the constant.
  std::size_t output_axis = 0;        ///< Of the constant; of a group its own outputs.
  std::size_t groups = 1;
};

namespace detail {

/// The values of each channel of a constant, one after the other, and their masses.
struct gathered_channel {
  std::vector<float> values{};
  std::vector<float> masses{};
};

inline void
check_masses(const tensor_view& constant, const weight_masses& masses, const std::string& name) {
  const std::size_t rank = constant.rank();
  if (masses.input_axis >= rank || masses.output_axis >= rank || masses.groups == 0 ||
      constant.extent(masses.output_axis) % masses.groups != 0 ||
      constant.extent(masses.input_axis) * masses.groups != masses.of_inputs.size()) {
    throw error(
        std::to_string(masses.of_inputs.size()) + " masses for " + std::to_string(masses.groups) +
            " groups of a constant of shape " + shape_text(constant) + ", input channels on axis " +
            std::to_string(masses.input_axis),
        name
    );
  }
  for (const float mass : masses.of_inputs) {
    if (!(mass >= 0.0F) || !(mass - mass == 0.0F)) {
      throw error("a mass of an input channel is negative, NaN or infinite", name);
    }
  }
}

[[nodiscard]] inline auto gather(
    const tensor_view& constant,
    std::optional<std::size_t> axis,
    const weight_masses& masses,
    const std::string& name
) -> std::vector<gathered_channel> {
  std::vector<gathered_channel> result(axis ? constant.extent(*axis) : 1);
  if (!masses.of_inputs.empty()) {
    check_masses(constant, masses, name);
  }
  std::array<std::size_t, tensor_view::max_rank> index{};
  for_each_element(constant, [&](const std::byte* element) {
    gathered_channel& to = result[axis ? index[*axis] : 0];
    to.values.push_back(element_at(element, constant.type()));
    if (!masses.of_inputs.empty()) {
      const std::size_t inputs = constant.extent(masses.input_axis);
      const std::size_t in_group = constant.extent(masses.output_axis) / masses.groups;
      const std::size_t group = index[masses.output_axis] / in_group;
      to.masses.push_back(masses.of_inputs[group * inputs + index[masses.input_axis]]);
    }
    for (std::size_t at = constant.rank(); at-- != 0;) {
      if (++index[at] != constant.extent(at)) {
        break;
      }
      index[at] = 0;
    }
  });
  for (const gathered_channel& each : result) {
    const extremes found = ptq::extremes_of(std::span<const float>(each.values));
    if (found.has_nan || found.has_infinity()) {
      throw error(found.has_nan ? "the constant holds NaN" : "the constant holds infinity", name);
    }
    if (each.values.empty()) {
      throw error("the constant is empty", name);
    }
  }
  return result;
}

} // namespace detail

/// The ranges of a constant: one, or one for each index on `axis`. Of an estimator over all values
/// those of the values themselves; one that sees histograms alone gets theirs.
/// @param target  For what kind of grid.
/// @param masses  For those that weigh the error of each weight; others ignore them.
/// @param name    Of the constant, for messages.
/// @throws error if it holds NaN or infinity, or the masses do not fit
template <class Estimator>
[[nodiscard]] auto weight_ranges(
    const Estimator& estimator,
    const tensor_view& constant,
    std::optional<std::size_t> axis,
    const target_grid& target,
    const weight_masses& masses = {},
    const std::string& name = {}
) -> std::vector<value_range<float>> {
  if constexpr (detail::is_choice<Estimator>) {
    return std::visit(
        [&](const auto& chosen) {
          return weight_ranges(chosen, constant, axis, target, masses, name);
        },
        estimator
    );
  } else if constexpr (!constant_estimator<Estimator> && !distribution_estimator<Estimator>) {
    return weight_ranges(estimator, constant, axis, name);
  } else {
    std::vector<value_range<float>> result;
    const bool weighs = detail::wants_masses<Estimator>;
    const weight_masses none;
    for (const auto& channel : detail::gather(constant, axis, weighs ? masses : none, name)) {
      if constexpr (constant_estimator<Estimator>) {
        result.push_back(estimator.range(
            std::span<const float>(channel.values), std::span<const float>(channel.masses), target
        ));
      } else {
        log_histogram histogram;
        count(std::span<const float>(channel.values), histogram);
        result.push_back(estimator.range(histogram, target));
      }
      const value_range<float>& range = result.back();
      if (!(range.low - range.low == 0.0F) || !(range.high - range.high == 0.0F)) {
        throw error("the estimated range of the constant is NaN or infinite", name);
      }
    }
    return result;
  }
}

} // namespace ptq
