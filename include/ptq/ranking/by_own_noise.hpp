// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/evaluator/plan_runner.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/kernel/quantization_error.hpp>
#include <ptq/ranking/question.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace ptq {

namespace detail {

/// The squared error and the squared length of what went through a quantizer.
struct own_noise {
  double off = 0.0;
  double length = 0.0;

  void add(const quantizer& of, const tensor_data& values) {
    const std::size_t axis = of.format.axis.value_or(0);
    const tensor_view view =
        of.format.axis ? values.view()
                       : tensor_view(values.values.data(), {std::size_t{1}, values.values.size()});
    std::vector<grid> grids = of.format.grids;
    for (grid& each : grids) { // the saturation fix scales weights back: no noise
      each.out_low = each.in_low;
      each.out_high = each.in_high;
    }
    for (const noise& each : quantization_error(view, channel_grids{axis, grids})) {
      off += each.squared_error;
      length += each.signal;
    }
  }
};

/// Of each quantizer of a plan: the error that it makes on the float model's tensor, as a share of
/// that tensor. One run of the samples.
inline auto own_noises(measuring_engine& engine, const plan& of, const samples& range)
    -> std::vector<double> {
  const topology& in = engine.nodes();
  std::map<std::string, std::size_t, std::less<>> tensors;
  for (std::size_t t = 0; t != in.tensors.size(); ++t) {
    tensors.emplace(in.tensors[t].name, t);
  }
  std::vector<own_noise> found(of.quantizers.size());
  std::map<std::size_t, std::vector<std::size_t>> on; // quantizers, by tensor
  std::vector<std::size_t> taps;
  for (std::size_t q = 0; q != of.quantizers.size(); ++q) {
    const quantizer& each = *of.quantizers[q];
    const std::size_t tensor = tensors.at(each.tensor);
    if (each.kind == tensor_kind::activations) {
      on[tensor].push_back(q);
      continue;
    }
    const tensor_data* const replaced = of.constant(each.tensor);
    found[q].add(each, replaced != nullptr ? *replaced : to_floats(*in.producer(tensor).constant));
  }
  for (const auto& [tensor, quantizers] : on) {
    taps.push_back(tensor);
  }
  engine.runner()->run(
      plan{},
      taps,
      engine.runner_samples(range),
      [&](std::size_t, std::size_t tensor, const tensor_view& view) {
        const auto here = on.find(tensor);
        if (here != on.end()) {
          const tensor_data values = to_floats(view);
          for (const std::size_t q : here->second) {
            found[q].add(*of.quantizers[q], values);
          }
        }
      }
  );
  std::vector<double> result;
  for (const own_noise& each : found) {
    result.push_back(ratio_of(each.off, each.length));
  }
  return result;
}

} // namespace detail

namespace ranking {

/// Groups by the noise that their own quantizers make, signal to noise of each tensor added up:
/// the noisiest is reverted first. One run of the samples for all groups together, and blind to
/// what the rest of the model makes of the noise.
struct by_own_noise {
  static constexpr bool compares_outputs = true;

  std::size_t ranking_subset_size = 64; ///< Evenly spread over the samples.

  void check_options() const {
    if (ranking_subset_size == 0) {
      throw error("at least one sample is needed", {}, "ranking_subset_size");
    }
  }

  [[nodiscard]] auto order(const ranking_question& of) const -> ranked_groups {
    const samples range = spread_samples(of.meter.sample_count(), ranking_subset_size);
    const plan& start = of.variants.of({});
    const std::string what = "noise of each quantizer";
    const measurement found =
        of.meter.question(start, what, range, [&](measuring_engine& engine) -> measurement {
          measurement result;
          for (const double each : ptq::detail::own_noises(engine, start, range)) {
            result.push_back({.name = what, .whole = each});
          }
          return result;
        });
    ranked_groups result;
    for (const std::size_t g : of.variants.quantized(of.reverted)) {
      const group& members = of.variants.groups()[g];
      double noise = 0.0;
      for (std::size_t q = 0; q != start.quantizers.size(); ++q) {
        const auto& ports = start.quantizers[q]->consumers;
        if (std::ranges::any_of(ports, [&](const port_name& port) {
              return std::ranges::binary_search(members.quantizers, port);
            })) {
          noise += found.at(q).whole.value_or(0.0);
        }
      }
      result.order.push_back({g, noise});
    }
    sort_by_score(result);
    result.subset.assign(range.begin(), range.end());
    return result;
  }

  friend constexpr auto operator==(const by_own_noise&, const by_own_noise&) -> bool = default;
};

} // namespace ranking

} // namespace ptq
