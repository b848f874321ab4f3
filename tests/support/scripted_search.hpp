// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/samples.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/search/outcome.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/toy_graph.hpp"

namespace ptq::test {

/// Matrix products one behind the other, `op0`, `op1`, ...: a group each.
inline auto chain(std::size_t groups) -> toy_graph {
  toy_graph g;
  toy_graph::tensor x = g.input("x");
  for (std::size_t i = 0; i != groups; ++i) {
    const std::string n = std::to_string(i);
    x = g.matmul("op" + n, x, g.constant("w" + n, {2, 2}, {1, 0, 0, 1}));
  }
  g.output("y", x);
  return g;
}

/// A base algorithm for such a chain: quantizes everything, and asks the engine nothing.
struct quantize_chain {
  std::size_t groups = 0;
  float high = 1.0F; ///< Of all grids.

  template <class G, class E>
  auto operator()(const G& /*graph*/, E&& /*evaluator*/) const -> plan {
    plan result;
    const grid on{.in_low = -1.0F, .in_high = high};
    for (std::size_t i = 0; i != groups; ++i) {
      const std::string name = "op" + std::to_string(i);
      const std::string above = i == 0 ? "x" : "op" + std::to_string(i - 1);
      result.quantizers.emplace_back(
          quantizer{.tensor = above, .consumers = {{name, 0}}, .format = {.grids = {on}}}
      );
      result.quantizers.emplace_back(quantizer{
          .tensor = "w" + std::to_string(i),
          .kind = tensor_kind::weights,
          .consumers = {{name, 1}},
          .format = {.grids = {on}}
      });
      result.groups.emplace_back(group{{{name, 0}, {name, 1}}, {name}});
    }
    return result;
  }
};

/// Which groups of a chain a plan quantizes.
inline auto quantized_groups(const plan& under, std::size_t groups) -> std::vector<bool> {
  std::vector<bool> result(groups);
  for (const auto& each : under.quantizers) {
    result.at(std::stoul(each->consumers.at(0).node.substr(2))) = true;
  }
  return result;
}

/// An engine for chains that runs nothing: a script says what comes out.
class scripted_engine {
public:
  using ptq_evaluator = void;
  /// By how much the right class of a sample leads, with these groups quantized.
  using lead_function = std::function<double(const std::vector<bool>&, std::size_t)>;
  /// The metrics of a sample, from that lead.
  using metrics_function = std::function<measurement(std::span<const double> leads)>;

  struct counters {
    std::size_t measured = 0; ///< Samples.
    std::size_t calls = 0;
    std::size_t shown = 0;
    std::map<std::pair<std::vector<bool>, std::size_t>, std::size_t> times{};
  };

  scripted_engine(std::size_t groups, std::size_t samples, lead_function lead)
      : groups_(groups), samples_(samples), lead_(std::move(lead)) {}

  auto sample_count() const -> std::size_t { return samples_; }

  template <class G>
  void observe(
      const G& graph,
      const plan& under,
      std::span<const tap<G>> taps,
      const samples& range,
      show_ref<int> show
  ) {
    static_cast<void>(graph);
    const std::vector<bool> on = quantized_groups(under, groups_);
    for (const std::size_t s : range) {
      ++counts->shown;
      const std::vector<float> out{static_cast<float>(lead_(on, s)), 0.0F};
      for (const auto& each : taps) {
        show(s, each, tensor_view(out.data(), {1, 2}));
      }
    }
  }

  template <class G>
  auto measure(const G& /*graph*/, const plan& under, const samples& range) -> measurement {
    const std::vector<bool> on = quantized_groups(under, groups_);
    std::vector<double> leads;
    ++counts->calls;
    for (const std::size_t s : range) {
      ++counts->measured;
      ++counts->times[{on, s}];
      leads.push_back(lead_(on, s));
    }
    return metrics(leads);
  }

  auto fork() const -> scripted_engine {
    scripted_engine result = *this;
    result.counts = std::make_shared<counters>();
    return result;
  }

  /// Top-1 with margins.
  static auto top1(std::span<const double> leads) -> measurement {
    metric result{.name = "top1", .least = 0.0, .most = 1.0};
    for (const double lead : leads) {
      result.per_sample.push_back(lead > 0.0 ? 1.0 : 0.0);
      result.margin.push_back(lead < 0.0 ? -lead : lead);
    }
    return {result};
  }

  std::shared_ptr<counters> counts = std::make_shared<counters>();
  metrics_function metrics = top1;

private:
  std::size_t groups_;
  std::size_t samples_;
  lead_function lead_;
};

/// What is the same whenever and wherever a search runs.
inline auto without_times(ptq::accuracy_outcome of) -> ptq::accuracy_outcome {
  for (ptq::step& each : of.trace) {
    each.seconds = 0.0;
  }
  return of;
}

/// Numbers in [0, 1) that look random.
inline auto scripted_number(std::size_t a, std::size_t b = 0) -> double {
  std::uint64_t value = (a + 1) * 0x9e3779b97f4a7c15U + (b + 1) * 0xd1b54a32d192ed03U;
  value = (value ^ (value >> 31U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 29U)) * 0x94d049bb133111ebU;
  return static_cast<double>((value ^ (value >> 32U)) >> 11U) * 0x1p-53;
}

/// A model whose groups take from the lead of each sample independently of each other: group g up
/// to `harm[g]` times a number of its own.
inline auto additive(std::vector<double> harm) -> scripted_engine::lead_function {
  return [harm = std::move(harm)](const std::vector<bool>& quantized, std::size_t sample) {
    double lead = 1.0 - 1.1 * scripted_number(sample, 999); // 9 % wrong in floating point
    for (std::size_t g = 0; g != harm.size(); ++g) {
      lead -= quantized[g] ? harm[g] * (scripted_number(sample, g) - 0.3) : 0.0;
    }
    return lead;
  };
}

} // namespace ptq::test
