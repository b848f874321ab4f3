// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/range/clipped.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace ptq::config {

/// What a user says of one side of a range; what is not said is the preset's.
struct range_side_options {
  std::optional<std::string> type{};             ///< A name in `range_estimators`.
  std::optional<std::string> aggregator{};       ///< A name in `aggregators`. Not for weights.
  std::optional<double> outlier_prob{};          ///< Of quantiles. In [0, 0.5).
  std::optional<ptq::granularity> granularity{}; ///< Not for weights.
  std::optional<float> clipping_value{};

  friend auto operator==(const range_side_options&, const range_side_options&) -> bool = default;
};

/// How the ranges of weights or of activations are estimated.
struct range_estimator_options {
  std::string preset = "default"; ///< A name in `range_presets`.
  range_side_options min{};
  range_side_options max{};

  friend auto operator==(const range_estimator_options&, const range_estimator_options&)
      -> bool = default;
};

/// Range estimators by name, as POT's configuration has them.
/// @see POT, `range_estimator`, `stat_batch_size`, `inplace_statistics`
struct range_options {
  range_estimator_options range_estimator{}; ///< Of both kinds.
  /// Of one kind alone; they replace the above, nothing of which is kept.
  std::optional<range_estimator_options> weights{};
  std::optional<range_estimator_options> activations{};
  std::size_t stat_batch_size = 1; ///< How many samples POT would have run at once.
  /// Would POT have reduced batches inside the network? Then extremes are of whole batches.
  bool inplace_statistics = false;
  clip_at clip = clip_at::ranges;

  friend auto operator==(const range_options&, const range_options&) -> bool = default;
};

} // namespace ptq::config
