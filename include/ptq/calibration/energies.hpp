// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/request.hpp>
#include <ptq/calibration/weight_ranges.hpp>
#include <ptq/core/op.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/placement/sites.hpp>
#include <ptq/statistics/statistics.hpp>

#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

namespace ptq {

namespace detail {

/// What flows through a constant: the tensor, the axis of its channels, and how the constant meets
/// them. Nothing if that cannot be told.
struct energy_source {
  std::size_t tensor = 0;
  std::size_t axis = 1; ///< May be `last_axis`.
  weight_masses meets{};
};

[[nodiscard]] inline auto energy_source_of(const topology& in, const quantizer_site& site)
    -> std::optional<energy_source> {
  const std::optional<constant_view>& constant = in.nodes[in.tensors[site.tensor].node].constant;
  if (!constant || site.consumers.empty() || site.consumers.front().input != 1) {
    return std::nullopt;
  }
  const topology::node& reader = in.nodes[site.consumers.front().node];
  const std::size_t rank = constant->rank();
  if (reader.inputs.front() == topology::none || in.producer(reader.inputs.front()).constant ||
      rank < 2) {
    return std::nullopt;
  }
  energy_source result{.tensor = reader.inputs.front()};
  const convolution_attributes* const geometry = topology::convolution_of(reader);
  switch (reader.kind) {
  case op::convolution:
    result.meets.groups = geometry == nullptr ? 1 : geometry->groups;
    return result;
  case op::depthwise_convolution:
    result.meets.groups = constant->extent(0);
    return result;
  case op::transposed_convolution:
    result.meets.input_axis = 0;
    result.meets.output_axis = 1;
    return geometry == nullptr || geometry->groups == 1 ? std::optional(result) : std::nullopt;
  case op::matmul: {
    const auto* const how =
        reader.attributes ? std::get_if<matmul_attributes>(&*reader.attributes) : nullptr;
    if (how == nullptr || how->transpose_a) {
      return std::nullopt;
    }
    result.axis = last_axis;
    result.meets.input_axis = how->transpose_b ? rank - 1 : rank - 2;
    result.meets.output_axis = how->transpose_b ? rank - 2 : rank - 1;
    return result;
  }
  default:
    return std::nullopt;
  }
}

/// How the constant meets these energies; `energies` has to live on.
[[nodiscard]] inline auto
masses_of(const topology& in, const quantizer_site& site, const std::vector<float>& energies)
    -> weight_masses {
  const auto source = energy_source_of(in, site);
  if (!source || energies.empty()) {
    return {};
  }
  weight_masses result = source->meets;
  result.of_inputs = energies;
  return result;
}

} // namespace detail

/// Asks for the energies of what flows through the weights of a site.
inline void
request_energies(statistics_request& request, const topology& in, const quantizer_site& site) {
  if (const auto source = detail::energy_source_of(in, site)) {
    request.mean_square(source->tensor, source->axis);
  }
}

/// The energy that each input channel of a constant meets: its mean square over the samples. Empty
/// where it cannot be told, and all weights count alike.
/// @throws error if the statistics lack it.
[[nodiscard]] inline auto
energies_of(const topology& in, const quantizer_site& site, const statistics& collected)
    -> std::vector<float> {
  std::vector<float> result;
  if (const auto source = detail::energy_source_of(in, site)) {
    const std::string& name = in.tensors[source->tensor].name;
    for (const double mean : collected.mean({name, statistic_key("mean_square", source->axis)})) {
      result.push_back(static_cast<float>(mean));
    }
  }
  return result;
}

} // namespace ptq
