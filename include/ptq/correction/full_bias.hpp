// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/matched_means.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace ptq::correction {

/// Shifts the bias of each operation with quantized weights, in topological order, so that its mean
/// output is what it was in floating point, where all weights before it are quantized and their
/// biases corrected, and no activation is quantized.
///
/// A bias whose relative shift is not below `threshold` anywhere, or that has a zero in it, is left
/// as it is. Needs an engine that runs plans: one run for each operation.
/// @see POT, BiasCorrection
struct full_bias {
  double threshold = 1000.0; ///< Of the largest `|shift / bias|` over the channels.
  double share = 0.2;        ///< Of the calibration samples, from the first on; at least one.

  /// @throws error without an engine.
  [[nodiscard]] auto operator()(const correction_context& context, const plan& before) const
      -> plan {
    if (context.run == nullptr) {
      throw error(
          "the correction runs the quantized graph: give the algorithm an evaluator that runs "
          "plans, as in `algorithm(graph, statistics, evaluator)`, or use `exact_bias`, which "
          "needs none",
          {},
          "full_bias"
      );
    }
    const auto wanted =
        static_cast<std::size_t>(std::floor(share * static_cast<double>(context.calibration.size()))
        );
    return detail::matched_means(
        context,
        before,
        {.cause = "bias_correction",
         .range = context.calibration.part(0, std::max<std::size_t>(wanted, 1)),
         .activations = false,
         .threshold = threshold}
    );
  }

  /// @throws error for a threshold that is not above 0, and for no share.
  void check_options() const {
    if (!(threshold > 0.0)) {
      throw error("the threshold is above 0", {}, "full_bias.threshold");
    }
    if (!(share > 0.0 && share <= 1.0)) {
      throw error("the share is above 0 and at most 1", {}, "full_bias.share");
    }
  }

  friend constexpr auto operator==(const full_bias&, const full_bias&) -> bool = default;
};

} // namespace ptq::correction
