// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/detail/bias_change.hpp>
#include <ptq/correction/detail/bias_walk.hpp>
#include <ptq/correction/detail/held_back.hpp>
#include <ptq/correction/detail/operation_mean.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace ptq::correction {

/// Corrects bias after bias in topological order, so that each operation's mean output, in the
/// model with quantized weights and all biases before it corrected, is what it was in floating
/// point. Activations are not quantized meanwhile.
///
/// Runs the model: once for each operation that others depend on, or, with an evaluator of parts,
/// once in all. A bias whose relative change is not below `threshold` anywhere, or that has a zero
/// in it, is left as it is, and those behind it make up for what it leaves.
/// @see POT, BiasCorrection
struct full_bias {
  using runs_the_model = void;

  double threshold = 1000.0; ///< Of the largest `|new - old| / |old|` over the channels. Above 0.
  double share =
      0.2; ///< Of the calibrated samples, the first ones, that are run. Above 0, up to 1.
  bool apply_for_all_nodes = false; ///< Also operations whose weights are not quantized.
  /// If that share is more, that many of it are run, spread evenly: an evaluator of parts has the
  /// values of all samples that are run in memory at once.
  std::size_t most_samples = 300;

  [[nodiscard]] auto operator()(const correction_context& context, const plan& before) const
      -> plan {
    const run_access& run = detail::required(context.run, "full_bias");
    const auto wanted =
        static_cast<std::size_t>(share * static_cast<double>(run.calibrated.size()));
    const samples part =
        detail::at_most(run.calibrated.part(0, std::max<std::size_t>(wanted, 1)), most_samples);
    const std::vector<detail::biased_operation> operations =
        detail::biased_operations(context, apply_for_all_nodes);
    detail::bias_walk walk(context.nodes, *run.engine, part, operations);
    const plan float_model = context.prepared != nullptr ? context.prepared->model : plan{};
    const std::vector<std::vector<double>> expected = walk.means(float_model);
    plan under = before;
    std::erase_if(under.quantizers, [](const auto& each) {
      return each->kind == tensor_kind::activations;
    });
    plan after = before;
    const auto correct = [&](plan& now, std::size_t which, const std::vector<double>& reached) {
      const detail::biased_operation& each = operations[which];
      const topology::node& node = context.nodes.nodes[each.node];
      const tensor_data old = detail::constant_under(now, context.nodes, each.bias.tensor);
      std::string why = "its shape is not that of the channels";
      detail::bias_change change{};
      if (reached.size() == expected[which].size() && old.values.size() == reached.size()) {
        std::vector<double> shift;
        for (std::size_t c = 0; c != reached.size(); ++c) {
          shift.push_back(expected[which][c] - reached[c]);
        }
        change = detail::changed_bias(old, shift);
        why = detail::why_left(change, threshold);
      }
      if (!why.empty()) {
        context.tell.on_note({node.name, "bias left as it is: " + why});
        return false;
      }
      context.tell.on_note(
          {node.name,
           "bias corrected by up to " + std::to_string(change.magnitude) + " of its value"}
      );
      now.constants.push_back(replaced_constant{
          context.nodes.tensors[each.bias.tensor].name,
          node.name,
          "bias_correction",
          std::move(change.value)
      });
      after.constants.push_back(now.constants.back());
      return true;
    };
    static_cast<void>(walk.visit(std::move(under), correct));
    return after;
  }

  /// @throws error for a threshold that is not above 0 and a share that is none.
  void check_options() const {
    if (!(threshold > 0.0)) {
      throw error("the threshold is above 0", {}, "full_bias.threshold");
    }
    detail::check_share(share, true, "full_bias.share");
    detail::check_most(most_samples, "full_bias.most_samples");
  }

  friend constexpr auto operator==(const full_bias&, const full_bias&) -> bool = default;
};

} // namespace ptq::correction
