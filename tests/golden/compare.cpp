// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/blocks.hpp>
#include <ptq/core/error.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/lowering/lower.hpp>

#include <algorithm>

#include "golden/comparing.hpp"
#include "golden/plans.hpp"

namespace ptq::test {

auto comparing::counterpart(const quantizer& of) const -> const quantizer* {
  for (const auto& each : mine.quantizers) {
    if (each->kind == of.kind && (of.kind == tensor_kind::weights ? each->consumers == of.consumers
                                                                  : each->tensor == of.tensor)) {
      return &*each;
    }
  }
  return nullptr;
}

auto comparing::quantizer_of(const std::vector<port_name>& consumers) const
    -> const golden_quantizer* {
  for (const golden_quantizer& each : run.quantizers) {
    if (each.quantizer.consumers == consumers) {
      return &each;
    }
  }
  return nullptr;
}

auto comparing::is_aligned(const std::string& tensor) const -> bool {
  return std::ranges::any_of(mine.constants, [&tensor](const auto& each) {
    return each->cause == "channel_alignment" && each->tensor == tensor;
  });
}

auto comparing::constant(const std::string& tensor) const -> tensor_data {
  if (const tensor_data* const replaced = mine.constant(tensor)) {
    return *replaced;
  }
  const auto found = std::ranges::find(in.tensors, tensor, &topology::tensor::name);
  if (found == in.tensors.end() || !in.nodes[found->node].constant) {
    return {};
  }
  return to_floats(*in.nodes[found->node].constant);
}

auto comparing::is_recorded_in_part(const std::string& node) const -> bool {
  return std::ranges::any_of(run.weights, [&node](const golden_weights& each) {
    return each.node == node && each.aligned && each.aligned->values.empty();
  });
}

auto expected_mode(const golden_run& run, tensor_kind kind) -> std::optional<mode> {
  const bool weights = kind == tensor_kind::weights;
  const nlohmann::json& given = run.parameters();
  const nlohmann::json own = given.value(weights ? "weights" : "activations", nlohmann::json());
  if (own.is_object() && own.contains("mode")) {
    return own.at("mode") == "asymmetric" ? asymmetric : symmetric;
  }
  const std::string device = given.value("target_device", "ANY");
  if (device == "NPU" || device.starts_with("GNA")) {
    return std::nullopt;
  }
  const std::string preset = given.value("preset", "performance");
  return preset == "accuracy" || (preset == "mixed" && !weights) ? asymmetric : symmetric;
}

auto is_scaled(const golden_weights& of) -> bool {
  return of.cause == "overflow_correction" ||
         (of.aligned && !of.halved && of.after.sha256 != of.aligned->sha256);
}

auto compare(
    const plan& mine, const golden_run& run, const engine::graph& of, const tolerances& within
) -> comparison {
  const topology in = read_graph(of).nodes;
  comparing with{mine, run, in, within};
  compare_quantizers(with);
  compare_constants(with);
  try {
    compare_codes(
        with, lower(of, mine, lowering_options{.removed = zero_point_removal::of_8_bits})
    );
  } catch (const error& problem) {
    with.differ("lowering: ", problem.what());
  }
  return with.result;
}

} // namespace ptq::test
