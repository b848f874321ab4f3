// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/config/named_ranges.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include "golden/golden_run.hpp"

namespace ptq::test {

namespace detail {

inline auto range_side_of(const nlohmann::json& from) -> config::range_side_options {
  config::range_side_options result;
  for (const auto& [key, value] : from.items()) {
    if (key == "type") {
      result.type = value.template get<std::string>();
    } else if (key == "aggregator") {
      result.aggregator = value.template get<std::string>();
    } else if (key == "outlier_prob") {
      result.outlier_prob = value.template get<double>();
    } else if (key == "clipping_value") {
      result.clipping_value = value.template get<float>();
    } else {
      throw std::runtime_error("`" + key + "` of a range estimator");
    }
  }
  return result;
}

inline auto range_estimator_of(const nlohmann::json& parameters)
    -> config::range_estimator_options {
  const nlohmann::json from = parameters.value("range_estimator", nlohmann::json::object());
  return {
      .preset = from.value("preset", "default"),
      .min = range_side_of(from.value("min", nlohmann::json::object())),
      .max = range_side_of(from.value("max", nlohmann::json::object()))
  };
}

} // namespace detail

/// The range estimators that POT was asked for in a recorded run.
inline auto recorded_ranges(const golden_run& run) -> config::named_ranges {
  const nlohmann::json& parameters = run.parameters();
  config::range_options options{
      .range_estimator = detail::range_estimator_of(parameters),
      .stat_batch_size = parameters.value("stat_batch_size", std::size_t{1}),
      .inplace_statistics = parameters.value("inplace_statistics", false),
      .clip = clip_at::grids
  };
  const auto own = [&parameters](const char* kind) {
    return parameters.value(kind, nlohmann::json::object());
  };
  if (own("weights").contains("range_estimator")) {
    options.weights = detail::range_estimator_of(own("weights"));
  }
  if (own("activations").contains("range_estimator")) {
    options.activations = detail::range_estimator_of(own("activations"));
  }
  return config::named_ranges(options);
}

} // namespace ptq::test
