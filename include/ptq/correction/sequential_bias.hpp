// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/exact_bias.hpp>
#include <ptq/correction/matched_means.hpp>
#include <ptq/correction/output_error.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace ptq::correction {

/// Shifts the bias of each operation with quantized weights, in topological order, so that its mean
/// output in the quantized graph, with the biases before it corrected, is what it is in floating
/// point.
///
/// The corrected plan is kept only if it lowers the squared error of the graph's outputs on samples
/// that it has not seen. Needs an engine that runs plans: one run of `samples` for each operation.
struct sequential_bias {
  std::size_t samples = 60;   ///< Of the calibration samples, the first ones. At least 1.
  std::size_t held_back = 20; ///< The ones after those, or else not of the calibration. 0: no test.
  std::optional<exact_bias> fallback{}; ///< What to do without an engine, instead of an error.

  void request(const topology& nodes, const placement& sites, statistics_request& ask) const {
    if (fallback) {
      fallback->request(nodes, sites, ask);
    }
  }

  /// @throws error without an engine and without a fallback.
  [[nodiscard]] auto operator()(const correction_context& context, const plan& before) const
      -> plan {
    if (context.run == nullptr) {
      if (fallback) {
        context.tell.on_note({"sequential_bias", "there is no engine: biases corrected exactly"});
        return (*fallback)(context, before);
      }
      throw error(
          "the correction runs the quantized graph: give the algorithm an evaluator that runs "
          "plans, as in `algorithm(graph, statistics, evaluator)`, or set "
          "`sequential_bias.fallback`",
          {},
          "sequential_bias"
      );
    }
    const plan after = detail::matched_means(
        context,
        before,
        {.cause = "sequential_bias_correction", .range = context.calibration.part(0, samples)}
    );
    if (after == before) {
      return after;
    }
    const ptq::samples test = unseen(context);
    if (test.empty()) {
      context.tell.on_note(
          {"sequential_bias", "biases corrected; not tested: there are no samples to hold back"}
      );
      return after;
    }
    const topology& in = context.nodes;
    const auto outputs = [&](const plan& under) {
      return detail::outputs_under(in, *context.run, under, test);
    };
    const detail::kept_outputs wanted = outputs({});
    const double error_before = detail::output_error(in, wanted, outputs(before));
    const double error_after = detail::output_error(in, wanted, outputs(after));
    const bool better = error_after < error_before;
    context.tell.on_note(
        {"sequential_bias",
         std::string(better ? "biases corrected" : "biases left as they are") +
             ": the outputs' relative squared error on " + std::to_string(test.size()) +
             " held-back samples is " + std::to_string(error_before) + " without, " +
             std::to_string(error_after) + " with the correction"}
    );
    return better ? after : before;
  }

  /// @throws error for no samples.
  void check_options() const {
    if (samples == 0) {
      throw error("at least one sample is needed", {}, "sequential_bias.samples");
    }
  }

  friend constexpr auto operator==(const sequential_bias&, const sequential_bias&)
      -> bool = default;

private:
  [[nodiscard]] auto unseen(const correction_context& context) const -> ptq::samples {
    const ptq::samples rest = context.calibration.part(samples, held_back);
    std::vector<std::size_t> list(rest.begin(), rest.end());
    const std::size_t available = context.run->sample_count();
    for (std::size_t s = 0; s != available && list.size() < held_back; ++s) {
      if (std::ranges::find(context.calibration, s) == context.calibration.end()) {
        list.push_back(s);
      }
    }
    return ptq::samples(std::move(list));
  }
};

} // namespace ptq::correction
