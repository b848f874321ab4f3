// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/detail/bias_change.hpp>
#include <ptq/correction/detail/bias_walk.hpp>
#include <ptq/correction/detail/held_back.hpp>
#include <ptq/correction/detail/operation_mean.hpp>
#include <ptq/correction/detail/output_error.hpp>

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace ptq::correction {

/// Corrects bias after bias in topological order, so that each operation's mean output in the
/// quantized model, weights and activations, is what it was in floating point.
///
/// Runs the model: once for each operation that others depend on, or, with an evaluator of parts,
/// once in all; and, where corrections are verified, the held-back samples once for each operation.
struct sequential_bias {
  using runs_the_model = void;

  /// Of the calibrated samples, the last ones, that are held back: a correction is kept only if it
  /// lowers the error of the graph's outputs on them. 0: all are kept.
  double verified_on = 0.2;

  /// Of more calibrated samples, that many are run, spread evenly: an evaluator of parts has the
  /// values of all samples that are run in memory at once.
  std::size_t most_samples = 300;

  [[nodiscard]] auto operator()(const correction_context& context, const plan& before) const
      -> plan {
    const run_access& run = detail::required(context.run, "sequential_bias");
    const samples all = detail::at_most(run.calibrated, most_samples);
    samples part = all;
    std::optional<detail::output_error> error_of;
    double best = 0.0;
    if (verified_on > 0.0) {
      const samples rest = detail::held_back(all, verified_on);
      if (rest.size() < all.size()) {
        part = all.part(0, all.size() - rest.size());
      }
      error_of.emplace(context.nodes, *run.engine, rest);
      best = error_of->of(before);
    }
    const std::vector<detail::biased_operation> operations =
        detail::biased_operations(context, false);
    detail::bias_walk walk(context.nodes, *run.engine, part, operations);
    const plan float_model = context.prepared != nullptr ? context.prepared->model : plan{};
    const std::vector<std::vector<double>> expected = walk.means(float_model);
    const auto correct = [&](plan& now, std::size_t which, const std::vector<double>& reached) {
      const detail::biased_operation& each = operations[which];
      const topology::node& node = context.nodes.nodes[each.node];
      const tensor_data old = detail::constant_under(now, context.nodes, each.bias.tensor);
      const auto leave = [&](const char* why) {
        context.tell.on_note({node.name, std::string("bias left as it is: ") + why});
        return false;
      };
      if (reached.size() != expected[which].size() || old.values.size() != reached.size()) {
        return leave("its shape is not that of the channels");
      }
      std::vector<double> shift;
      for (std::size_t c = 0; c != reached.size(); ++c) {
        shift.push_back(expected[which][c] - reached[c]);
      }
      detail::bias_change change = detail::changed_bias(old, shift);
      if (change.value == old) {
        return false;
      }
      now.constants.push_back(replaced_constant{
          context.nodes.tensors[each.bias.tensor].name,
          node.name,
          "sequential_bias_correction",
          std::move(change.value)
      });
      if (error_of) {
        const double error_now = error_of->of(now);
        if (!(error_now < best)) {
          now.constants.pop_back();
          return leave("the outputs' error on held-back samples would not fall");
        }
        best = error_now;
      }
      context.tell.on_note({node.name, "bias corrected"});
      return true;
    };
    return walk.visit(before, correct);
  }

  /// @throws error for a share, or a number, that leaves no sample to correct with.
  void check_options() const {
    detail::check_most(most_samples, "sequential_bias.most_samples");
    detail::check_share(verified_on, false, "sequential_bias.verified_on");
  }

  friend constexpr auto operator==(const sequential_bias&, const sequential_bias&)
      -> bool = default;
};

} // namespace ptq::correction
