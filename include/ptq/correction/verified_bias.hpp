// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/correction/concept.hpp>
#include <ptq/correction/detail/held_back.hpp>
#include <ptq/correction/exact_bias.hpp>
#include <ptq/correction/sequential_bias.hpp>

#include <cstddef>

namespace ptq::correction {

/// `sequential_bias` where an engine that runs plans is at hand, `exact_bias` where none is: with
/// an evaluator that does not take plans, or with statistics alone.
///
/// Which of them follows from the call, so that one algorithm serves every evaluator.
struct verified_bias {
  /// Of the calibrated samples, the last ones, on which a correction has to lower the error of the
  /// graph's outputs to be kept. Without runs it has no effect. 0: all are kept.
  double verified_on = 0.2;

  std::size_t most_samples = 300; ///< As of `sequential_bias`. Without runs all samples count.

  void request(const topology& nodes, const placement& sites, statistics_request& ask) const {
    exact_bias{}.request(nodes, sites, ask);
  }

  [[nodiscard]] auto operator()(const correction_context& context, const plan& before) const
      -> plan {
    if (context.run != nullptr) {
      return sequential_bias{
          .verified_on = verified_on, .most_samples = most_samples
      }(context, before);
    }
    context.tell.on_note(
        {"biases",
         "corrected by the weights' error alone, and not verified: that runs the quantized model, "
         "for which there is no evaluator"}
    );
    return exact_bias{}(context, before);
  }

  /// @throws error for a share, or a number, that leaves no sample to correct with.
  void check_options() const {
    detail::check_most(most_samples, "verified_bias.most_samples");
    detail::check_share(verified_on, false, "verified_bias.verified_on");
  }

  friend constexpr auto operator==(const verified_bias&, const verified_bias&) -> bool = default;
};

} // namespace ptq::correction
