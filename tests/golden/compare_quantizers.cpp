// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/error.hpp>
#include <ptq/plan/validate.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <set>

#include "golden/comparing.hpp"
#include "support/sha256.hpp"

namespace ptq::test {

namespace {

auto name_of(const quantizer& of) -> std::string {
  const bool weights = of.kind == tensor_kind::weights;
  const port_name& reader = of.consumers.front();
  return weights ? "input " + std::to_string(reader.input) + " of " + reader.node : of.tensor;
}

/// Is it a product of two activations, or are there only such as move values before one?
auto reaches_product(const comparing& with, const topology::node& from) -> bool {
  if (from.kind == op::matmul) {
    return with.in.constant_at(from, 1) == nullptr;
  }
  return (from.kind == op::reshape || from.kind == op::transpose) &&
         std::ranges::any_of(
             with.in.tensors[from.outputs.front()].consumers,
             [&](const topology::port& reader) {
               return reaches_product(with, with.in.nodes[reader.node]);
             }
         );
}

/// POT makes what two activations are multiplied of symmetric in a transformer.
auto is_forced_to_be_symmetric(const comparing& with, const quantizer& of) -> bool {
  return with.run.parameters().value("model_type", "") == "transformer" &&
         std::ranges::any_of(of.consumers, [&](const port_name& port) {
           return reaches_product(
               with, *std::ranges::find(with.in.nodes, port.node, &topology::node::name)
           );
         });
}

/// Scaled constants are compared by value, in `compare_weights`; all others must be POT's to the
/// bit.
void compare_constant(comparing& with, const quantizer& mine, const golden_quantizer& each) {
  const std::string& node = each.quantizer.consumers.front().node;
  if (with.is_recorded_in_part(node)) {
    return;
  }
  for (const golden_weights& changed : with.run.weights) {
    if (changed.node == node && is_scaled(changed)) {
      return;
    }
  }
  const tensor_data own = with.constant(mine.tensor);
  if (own.values.empty() ||
      sha256(bytes_of(each.transposed ? exchanged(own.values, own.shape) : own.values)) !=
          each.weights_sha256) {
    with.differ("the weights of ", node, " are not POT's to the bit");
  }
}

void compare_quantizer(comparing& with, const quantizer& mine, const golden_quantizer& each) {
  const quantizer& recorded = each.quantizer;
  const bool weights = recorded.kind == tensor_kind::weights;
  if (mine.consumers != recorded.consumers && each.factor == 1.0) {
    with.differ(name_of(recorded), " has other readers here");
  }
  const std::optional<std::size_t> axis = each.transposed && recorded.format.axis
                                              ? std::optional(1 - *recorded.format.axis)
                                              : recorded.format.axis;
  const bool one = mine.format.grids.size() == 1; // Of one channel: the axis says nothing.
  if ((mine.format.axis != axis && !one) ||
      mine.format.grids.size() != recorded.format.grids.size()) {
    with.differ(
        name_of(recorded),
        " has ",
        mine.format.grids.size(),
        " grids, in POT ",
        recorded.format.grids.size()
    );
    return;
  }
  const std::int64_t levels = recorded.format.grids.front().levels;
  if (mine.format.grids.front().levels != levels) {
    with.differ(
        name_of(recorded), " has ", mine.format.grids.front().levels, " levels, in POT ", levels
    );
  }
  const std::optional<mode> wanted =
      is_forced_to_be_symmetric(with, mine) ? symmetric : expected_mode(with.run, recorded.kind);
  // Grids that begin at 0 are the same in both.
  const bool mode_counts = std::ranges::any_of(recorded.format.grids, [](const grid& of_channel) {
    return of_channel.in_low < 0.0F;
  });
  if (wanted && mode_counts && mine.format.mode != *wanted) {
    with.differ(name_of(recorded), " has another mode");
  }
  if (mine.format.bits !=
      static_cast<int>(std::bit_width(static_cast<std::uint64_t>(levels - 1)))) {
    with.differ(name_of(recorded), " has ", mine.format.bits, " bits");
  }
  if (weights) {
    compare_constant(with, mine, each);
  }
  const double apart = distance(mine.format.grids, recorded.format.grids, each.factor);
  double& worst = weights ? with.result.worst_weights : with.result.worst_activations;
  worst = std::max(worst, apart);
  if (!(apart <= (weights ? with.within.weights : with.within.activations))) {
    with.differ(name_of(recorded), " is off by ", apart, " of its width");
  }
}

} // namespace

void compare_quantizers(comparing& with) {
  try {
    validate(with.mine);
  } catch (const error& problem) {
    with.differ(problem.what());
  }
  with.result.quantizers = with.mine.quantizers.size();
  std::set<const quantizer*> met;
  for (const golden_quantizer& each : with.run.quantizers) {
    if (each.of_moved_scale) {
      continue;
    }
    const quantizer* const mine = with.counterpart(each.quantizer);
    if (mine == nullptr) {
      with.differ(name_of(each.quantizer), " has no quantizer here");
      continue;
    }
    if (!met.insert(mine).second && each.factor == 1.0) {
      with.differ(name_of(each.quantizer), " shares its quantizer here");
    }
    compare_quantizer(with, *mine, each);
  }
  for (const auto& each : with.mine.quantizers) {
    if (!met.contains(&*each)) {
      with.differ(name_of(*each), " has a quantizer here only");
    }
  }
}

} // namespace ptq::test
