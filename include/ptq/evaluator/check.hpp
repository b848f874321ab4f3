// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/evaluator/detail/record.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

namespace detail {

/// Operations that change their output whenever an input changes.
inline auto passes_changes_on(op kind) -> bool {
  switch (kind) {
  case op::convolution:
  case op::depthwise_convolution:
  case op::transposed_convolution:
  case op::matmul:
  case op::add:
  case op::subtract:
  case op::multiply:
  case op::divide:
  case op::concat:
  case op::average_pool:
  case op::reduce_mean:
    return true;
  default:
    return false;
  }
}

/// Other values for a constant: its own plus one.
inline auto changed_constant(const constant_view& from) -> tensor_data {
  tensor_data result = to_floats(from);
  for (float& value : result.values) {
    value += 1.0F;
  }
  return result;
}

/// Two levels inside `[low, high]`: every value but two moves.
inline auto coarse_plan(const std::string& tensor, const port_name& port, float low, float high)
    -> plan {
  const float quarter = high * 0.25F - low * 0.25F;
  const grid on{.in_low = low + quarter, .in_high = high - quarter, .levels = 2};
  plan result;
  result.quantizers.emplace_back(quantizer{
      .tensor = tensor,
      .consumers = {port},
      .format = {.bits = 1, .mode = asymmetric, .grids = {on}}
  });
  return result;
}

template <class G, class E>
class evaluator_check {
public:
  using id_type = typename G::node_id;
  using looks = std::map<typename record<id_type>::key, look>;

  evaluator_check(const G& graph, E& evaluator)
      : graph_(graph), evaluator_(evaluator), read_(read_graph(graph)) {}

  auto run() -> std::vector<std::string> {
    count_ = std::min<std::size_t>(evaluator_.sample_count(), 2);
    if (count_ == 0) {
      return {"`sample_count` is 0: there is nothing to calibrate with"};
    }
    choose_taps();
    if (taps_.empty()) {
      return {"the graph has no tensor that depends on the samples"};
    }
    const looks float_looks = observed("`observe`", samples(0, count_), [&](auto&&... rest) {
      observe_float(graph_, evaluator_, rest...);
    });
    if (!found_.empty()) {
      return found_; // what follows compares tensors that are known to be there
    }
    check_values(float_looks);
    check_repetition(float_looks);
    if constexpr (plan_evaluator_for<E, G>) {
      check_plans(float_looks);
    }
    if constexpr (measuring_evaluator_for<E, G>) {
      check_measuring();
    }
    return found_;
  }

private:
  void choose_taps() {
    for (const topology::tensor& tensor : read_.nodes.tensors) {
      const topology::node& from = read_.nodes.nodes[tensor.node];
      if (!from.constant && from.kind != op::constant && from.kind != op::output) {
        taps_.emplace_back(read_.ids[tensor.node], tensor.output);
        names_.emplace(taps_.back(), tensor.name);
      }
    }
  }

  /// Runs once and reports what was not shown, or not as a tensor of these samples.
  template <class Observe>
  auto observed(const std::string& how, const samples& range, Observe observe) -> looks {
    record<id_type> seen;
    try {
      observe(std::span<const tap<G>>(taps_), range, show_ref<id_type>(seen));
    } catch (const std::exception& thrown) {
      found_.push_back(how + " throws: " + thrown.what());
      return {};
    }
    for (const tap<G>& wanted : taps_) {
      const std::string& name = names_.at(wanted);
      if (const auto odd = seen.misshapen.find(wanted); odd != seen.misshapen.end()) {
        found_.push_back(
            how + " shows `" + name + "` with " + odd->second +
            "; axis 0 has one entry for each sample shown"
        );
        continue;
      }
      for (const std::size_t s : range) {
        if (!seen.seen.contains({wanted, s})) {
          found_.push_back(
              how + " does not show `" + name + "` for sample " + std::to_string(s) +
              ", though asked to"
          );
          break;
        }
      }
    }
    return std::move(seen.seen);
  }

  void check_values(const looks& of) {
    bool all_equal = count_ == 2;
    for (const tap<G>& each : taps_) {
      const look& first = of.at({each, 0});
      const look& last = of.at({each, count_ - 1});
      if (!first.finite || !last.finite) {
        found_.push_back(
            "`" + names_.at(each) + "` holds NaN or infinity for sample " +
            (first.finite ? std::to_string(count_ - 1) : "0")
        );
      }
      if (first.channels != last.channels) {
        found_.push_back("`" + names_.at(each) + "` has another number of channels in sample 1");
      }
      all_equal = all_equal && first == last;
    }
    if (all_equal) {
      found_.push_back("all tensors look the same for samples 0 and 1: is the sample's number used?"
      );
    }
  }

  void check_repetition(const looks& before) {
    std::vector<std::size_t> backwards(count_);
    for (std::size_t i = 0; i != count_; ++i) {
      backwards[i] = count_ - 1 - i;
    }
    const looks again = observed("a second `observe`", samples(backwards), [&](auto&&... rest) {
      observe_float(graph_, evaluator_, rest...);
    });
    report_difference(before, again, "when asked again, with the samples in another order");
  }

  void report_difference(const looks& before, const looks& after, const std::string& when) {
    for (const auto& [key, look_before] : before) {
      const auto found = after.find(key);
      if (found != after.end() && found->second != look_before) {
        found_.push_back(
            "`" + names_.at(key.first) + "` has other values for sample " +
            std::to_string(key.second) + " " + when
        );
        return; // the others follow from the first
      }
    }
  }

  auto observed_under(const plan& under) -> looks {
    return observed("`observe` under a plan", samples(0, 1), [&](auto&&... rest) {
      evaluator_.observe(graph_, under, rest...);
    });
  }

  void check_plans(const looks& float_looks) {
    report_difference(
        observed_under(plan{}), float_looks, "under an empty plan than in the float graph"
    );
    const std::size_t before = found_.size();
    std::set<op> tried;
    bool replaced_weights = false;
    bool replaced_bias = false;
    for (const topology::node& node : read_.nodes.nodes) {
      if (!passes_changes_on(node.kind) || found_.size() != before) {
        continue;
      }
      bool alive = false; // does it read something that is neither constant nor flat?
      for (std::size_t port = 0; port != node.inputs.size(); ++port) {
        alive = check_quantizer(node, port, float_looks, tried) || alive;
      }
      if (alive && !replaced_weights) {
        replaced_weights = check_replacing(node, 1, float_looks);
      }
      if (alive && !replaced_bias) {
        replaced_bias = check_replacing(node, 2, float_looks);
      }
    }
    report_difference(
        float_looks,
        observed_under(plan{}),
        "after a run under another plan: a plan counts for one call"
    );
  }

  /// @return Does this input depend on the sample, with values that a coarse grid moves?
  auto check_quantizer(
      const topology::node& node, std::size_t port, const looks& float_looks, std::set<op>& tried
  ) -> bool {
    if (node.inputs[port] == topology::none) {
      return false;
    }
    const topology::tensor& tensor = read_.nodes.tensors[node.inputs[port]];
    const tap<G> read_from{read_.ids[tensor.node], tensor.output};
    const auto found = float_looks.find({read_from, 0});
    if (found == float_looks.end() || !((found->second.low) < found->second.high)) {
      return false;
    }
    if (!tried.insert(node.kind).second) {
      return true;
    }
    const look& values = found->second;
    const looks under =
        observed_under(coarse_plan(tensor.name, {node.name, port}, values.low, values.high));
    if (!under.empty() && !changes_behind(node, float_looks, under)) {
      found_.push_back(
          "a quantizer of 2 levels on input " + std::to_string(port) + " of `" + node.name +
          "` changes nothing behind it: is the plan used?"
      );
    }
    if (const auto shown = under.find({read_from, 0});
        shown != under.end() && shown->second != values) {
      found_.push_back(
          "`" + tensor.name + "` is shown behind the quantizer on it; show what its node produced"
      );
    }
    return true;
  }

  /// @return Was there a constant to replace?
  auto check_replacing(const topology::node& node, std::size_t port, const looks& float_looks)
      -> bool {
    const constant_view* const constant = read_.nodes.constant_at(node, port);
    if (constant == nullptr) {
      return false;
    }
    const std::string& name = read_.nodes.tensors[node.inputs[port]].name;
    plan under;
    under.constants.emplace_back(replaced_constant{
        .tensor = name, .node = node.name, .cause = "check", .value = changed_constant(*constant)
    });
    const looks with = observed_under(under);
    if (!with.empty() && !changes_behind(node, float_looks, with)) {
      found_.push_back(
          "the constant `" + name + "`, replaced by other values, changes nothing behind `" +
          node.name + "`: are the plan's constants used?"
      );
    }
    return true;
  }

  auto changes_behind(const topology::node& node, const looks& before, const looks& after) -> bool {
    std::set<std::size_t> behind(node.outputs.begin(), node.outputs.end());
    for (const std::size_t tensor : behind) { // grows at its end: consumers come later in the order
      for (const topology::port& port : read_.nodes.tensors[tensor].consumers) {
        const auto& outputs = read_.nodes.nodes[port.node].outputs;
        behind.insert(outputs.begin(), outputs.end());
      }
    }
    return std::ranges::any_of(behind, [&](std::size_t index) {
      const topology::tensor& tensor = read_.nodes.tensors[index];
      const typename record<id_type>::key key{{read_.ids[tensor.node], tensor.output}, 0};
      const auto was = before.find(key);
      const auto is = after.find(key);
      return was != before.end() && is != after.end() && was->second != is->second;
    });
  }

  void check_measuring() {
    const measurement result = evaluator_.measure(graph_, plan{}, samples(0, count_));
    for (const metric& each : result) {
      if (!each.whole && each.per_sample.size() != count_) {
        found_.push_back(
            "the metric `" + each.name + "` has " + std::to_string(each.per_sample.size()) +
            " values for " + std::to_string(count_) + " samples, and no `whole`"
        );
      }
    }
    const measurement again = evaluator_.measure(graph_, plan{}, samples(0, count_));
    if (result != again) {
      found_.push_back("`measure` gives other values when asked again");
    }
  }

  const G& graph_;
  E& evaluator_;
  read_graph_result<G> read_;
  std::size_t count_ = 0;
  std::vector<tap<G>> taps_;
  std::map<tap<G>, std::string> names_;
  std::vector<std::string> found_;
};

} // namespace detail

/// Runs the evaluator on one or two samples and looks for broken laws: a tap that is not shown,
/// other values on the second call, a plan that is ignored, a tensor shown behind its quantizer, a
/// plan that sticks. Meant for a test of the engine's author; a mistake of this kind is silent
/// otherwise.
///
/// @return One sentence for each finding; empty if all is well. An evaluator that runs no plans is
///   checked without them.
/// @throws error if the graph itself breaks its laws.
/// @par Complexity Some runs of the graph: four, and one for each kind of operation in it.
template <class G, class E>
[[nodiscard]] auto check_evaluator(const G& of, E& evaluator) -> std::vector<std::string> {
  if constexpr (evaluator_for<E, G>) {
    return detail::evaluator_check<G, E>(of, evaluator).run();
  } else {
    static_assert(explain_evaluator<E, G>());
    return {};
  }
}

} // namespace ptq
