// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/algorithm/hyperparameters.hpp>
#include <ptq/algorithm/tuning_space.hpp>
#include <ptq/core/error.hpp>
#include <ptq/device/table.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/placement/choices.hpp>
#include <ptq/placement/groups.hpp>
#include <ptq/placement/place.hpp>
#include <ptq/placement/rules.hpp>
#include <ptq/range/detail/outlier_prob.hpp>
#include <ptq/range/tuned_ranges.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// What may differ from operation to operation.
enum class tunes : std::uint8_t {
  bits,            ///< The device's other bits, and `bits_choices`.
  mode,            ///< Symmetric or asymmetric, as far as the device has both.
  granularity,     ///< For a tensor or each channel, likewise.
  layer,           ///< Whether it is quantized at all.
  range_estimator, ///< What is in `estimator_tuning_scope`.
};

/// What of a range estimator may differ.
enum class tunes_estimator : std::uint8_t {
  preset,       ///< Quantiles in place of extremes, as `quantile_ranges` has them.
  type,         ///< Low end min or quantile; high end max, abs_max, quantile or abs_quantile.
  aggregator,   ///< Of activations: each of the seven.
  outlier_prob, ///< Of quantiles: those in `outlier_prob_choices`.
};

/// An algorithm with settings for each operation, or for each group of operations that change their
/// precision together.
///
/// What is in the scope may differ; everything else is as the algorithm has it. Each operation is
/// an axis whose choices are all combinations for its weights and its activations, as the device
/// allows them. It is searched by `tuned_quantization`.
/// @tparam Base  A `default_quantization`.
/// @see POT, TunableQuantization
template <class Base>
struct tunable_quantization {
  static_assert(
      detail::tuned_algorithm<Base>::possible,
      "the base of a tunable_quantization is a ptq::default_quantization<...>, as "
      "ptq::recipe::standard<> is"
  );

  using algorithm = typename detail::tuned_algorithm<Base>::type;

  Base base{};
  std::vector<tunes> tuning_scope{};
  std::vector<tunes_estimator> estimator_tuning_scope{};
  std::vector<double> outlier_prob_choices{1e-3, 1e-4, 1e-5}; ///< In [0, 0.5).
  std::vector<int> bits_choices{};                            ///< Beside the device's: 2 to 16.
  bool per_group = false; ///< An axis for each group, in place of each operation.

  /// The settings for a graph.
  /// @throws error for options that no run could use, and for more than 4,096 choices of an axis.
  [[nodiscard]] auto space(const topology& in, bool /*runs_plans*/ = true) const
      -> tuning_space<algorithm> {
    check_options();
    tuning_space<algorithm> result{.base = detail::tuned_algorithm<Base>::of(base), .axes = {}};
    const placement sites = base.sites_of(in);
    std::vector<std::vector<std::string>> together;
    if (per_group) {
      for (const group& each : groups_of(in, view_of(base.device), sites)) {
        together.push_back(each.operations);
      }
    } else {
      for (const topology::node& node : in.nodes) {
        together.push_back({node.name});
      }
    }
    for (const std::vector<std::string>& operations : together) {
      auto made = axis_of(in, sites, operations);
      if (!made.choices.empty()) {
        result.axes.push_back(std::move(made));
      }
    }
    return result;
  }

  void check_options() const {
    for (const double each : outlier_prob_choices) {
      detail::check_outlier_prob(each, "outlier_prob_choices");
    }
    for (const int bits : bits_choices) {
      if (bits < 2 || bits > 16) {
        throw error("bits are 2 to 16, not " + std::to_string(bits), {}, "bits_choices");
      }
    }
    if (!estimator_tuning_scope.empty() && !in_scope(tunes::range_estimator)) {
      throw error(
          "changes nothing without `range_estimator` in tuning_scope", {}, "estimator_tuning_scope"
      );
    }
  }

private:
  using setter = std::function<void(algorithm&, const std::string&)>;

  /// A part of a choice; the first of a list leaves things as they are and has no name.
  struct piece {
    std::string name{};
    setter set = [](algorithm&, const std::string&) {};
  };

  [[nodiscard]] auto in_scope(tunes what) const -> bool {
    return std::ranges::find(tuning_scope, what) != tuning_scope.end();
  }

  [[nodiscard]] auto in_scope(tunes_estimator what) const -> bool {
    return std::ranges::find(estimator_tuning_scope, what) != estimator_tuning_scope.end();
  }

  [[nodiscard]] auto axis_of(
      const topology& in, const placement& sites, const std::vector<std::string>& operations
  ) const -> tuning_axis<algorithm> {
    tuning_axis<algorithm> result;
    std::vector<std::string> quantized;
    std::vector<std::vector<piece>> parts;
    for (const std::string& name : operations) {
      const std::vector<std::vector<piece>> found = parts_of(in, sites, name);
      if (!found.empty()) {
        quantized.push_back(name);
        parts = parts.empty() ? found : parts; // those of a group have the choices of its first
      }
    }
    if (quantized.empty()) {
      return result;
    }
    result.name = quantized.front();
    std::size_t count = 1;
    for (const std::vector<piece>& part : parts) {
      count *= part.size();
      if (count > 4096) {
        throw error("more than 4096 choices for one operation: narrow the scope", result.name);
      }
    }
    for (std::size_t at = 1; at != count; ++at) {
      std::string name;
      std::vector<setter> setters;
      std::size_t left = at;
      for (const std::vector<piece>& part : parts) {
        const piece& chosen = part[left % part.size()];
        left /= part.size();
        if (!chosen.name.empty()) {
          name += (name.empty() ? "" : " and ") + chosen.name;
          setters.push_back(chosen.set);
        }
      }
      result.choices.push_back({std::move(name), [setters, quantized](algorithm& of) {
                                  for (const setter& set : setters) {
                                    for (const std::string& operation : quantized) {
                                      set(of, operation);
                                    }
                                  }
                                }});
    }
    if (in_scope(tunes::layer)) {
      result.choices.push_back({"in float", [quantized](algorithm& of) {
                                  of.ignored.nodes.insert(
                                      of.ignored.nodes.end(), quantized.begin(), quantized.end()
                                  );
                                }});
    }
    return result;
  }

  /// The lists of choices for an operation; none if it reads nothing quantized.
  [[nodiscard]] auto
  parts_of(const topology& in, const placement& sites, const std::string& name) const
      -> std::vector<std::vector<piece>> {
    const auto node = std::ranges::find(in.nodes, name, &topology::node::name);
    const auto index = static_cast<std::size_t>(node - in.nodes.begin());
    bool reads_weights = false;
    bool reads_activations = false;
    for (const quantizer_site& site : sites.sites) {
      for (const topology::port& port : site.consumers) {
        if (port.node == index) {
          (site.kind == tensor_kind::weights ? reads_weights : reads_activations) = true;
        }
      }
    }
    const device_view device = view_of(base.device);
    const detail::rule_book rules(device.rules);
    const auto* const rule = node == in.nodes.end() ? nullptr : rules.of(node->kind);
    if (rule == nullptr || (!reads_weights && !reads_activations)) {
      return {};
    }
    std::vector<std::vector<piece>> result;
    for (const tensor_kind kind : {tensor_kind::weights, tensor_kind::activations}) {
      const bool weights = kind == tensor_kind::weights;
      if (weights ? !reads_weights : !reads_activations) {
        continue;
      }
      const auto& offered = weights && !rule->choices.weights.empty() ? rule->choices.weights
                                                                      : rule->choices.activations;
      result.push_back(formats_of(
          with_options(offered.list(), weights ? base.weights : base.activations, kind), kind
      ));
      result.push_back(estimators_of(kind));
    }
    return result;
  }

  [[nodiscard]] auto formats_of(const choice_list& allowed, tensor_kind kind) const
      -> std::vector<piece> {
    std::vector<piece> result{piece{}};
    if (allowed.empty()) {
      return result;
    }
    const bool weights = kind == tensor_kind::weights;
    const quantization_choice usual =
        base.preset.prefers_accuracy(kind) ? allowed.back() : allowed.front();
    choice_list others = allowed;
    for (const int bits : bits_choices) {
      others.push_back(usual);
      others.back().bits = bits;
    }
    choice_list taken{usual};
    for (const quantization_choice& each : others) {
      const bool within = (each.bits == usual.bits || in_scope(tunes::bits)) &&
                          (each.mode == usual.mode || in_scope(tunes::mode)) &&
                          (each.granularity == usual.granularity || in_scope(tunes::granularity));
      const bool met = std::ranges::any_of(taken, [&each](const quantization_choice& other) {
        return other.bits == each.bits && other.mode == each.mode &&
               other.granularity == each.granularity;
      });
      if (!within || met) {
        continue;
      }
      taken.push_back(each);
      std::string name = weights ? "weights" : "activations";
      name += each.bits == usual.bits ? "" : " of " + std::to_string(each.bits) + " bits";
      name += each.mode == usual.mode ? "" : each.mode == symmetric ? " symmetric" : " asymmetric";
      name += each.granularity == usual.granularity ? ""
              : each.granularity == per_tensor      ? " per tensor"
                                                    : " per channel";
      const tensor_options wanted{
          .bits = each.bits, .mode = each.mode, .granularity = each.granularity
      };
      result.push_back(
          {std::move(name),
           [wanted, weights](algorithm& of, const std::string& operation) {
             operation_options& own = of.operations[operation];
             (weights ? own.weights : own.activations) = wanted;
           }}
      );
    }
    return result;
  }

  using named_ends = std::vector<std::pair<std::string, tuned_end>>;

  [[nodiscard]] auto
  ends_of(const named_ends& extremes, const named_ends& quantiles, tensor_kind kind) const
      -> named_ends {
    named_ends result{extremes.front()};
    if (in_scope(tunes_estimator::type)) {
      result = extremes;
      for (const auto& [name, end] : quantiles) {
        const bool absolute = name == "abs_quantile";
        if (!in_scope(tunes_estimator::outlier_prob)) {
          result.emplace_back(name, end);
          continue;
        }
        for (const double share : outlier_prob_choices) {
          tuned_end with = end;
          with.estimator = absolute ? tuned_end::estimators(abs_quantile{share})
                                    : tuned_end::estimators(quantile{share});
          result.emplace_back(name + " " + detail::shortest(share), with);
        }
      }
    }
    if (kind == tensor_kind::weights || !in_scope(tunes_estimator::aggregator)) {
      return result;
    }
    const std::pair<const char*, tuned_end::aggregators> aggregators[] = {
        {"mean", aggregate::mean{}},
        {"max", aggregate::max{}},
        {"min", aggregate::min{}},
        {"median", aggregate::median{}},
        {"mean_no_outliers", aggregate::mean_no_outliers{}},
        {"median_no_outliers", aggregate::median_no_outliers{}},
        {"hl_estimator", aggregate::hl_estimator{}}
    };
    named_ends all;
    for (const auto& [name, end] : result) {
      for (const auto& [how, aggregator] : aggregators) {
        all.emplace_back(std::string(how) + " of " + name, tuned_end{end.estimator, aggregator});
      }
    }
    return all;
  }

  [[nodiscard]] auto estimators_of(tensor_kind kind) const -> std::vector<piece> {
    std::vector<piece> result{piece{}};
    const bool weights = kind == tensor_kind::weights;
    const auto add = [&](const std::string& name, const tuned_ends& ends) {
      result.push_back(
          {(weights ? "weights by " : "activations by ") + name,
           [ends, weights](algorithm& of, const std::string& operation) {
             tuned_kinds& own = of.ranges.operations[operation];
             (weights ? own.weights : own.activations) = ends;
           }}
      );
    };
    if (in_scope(tunes_estimator::preset)) {
      add("quantiles", {.by_quantiles = true});
    }
    const bool ends = in_scope(tunes_estimator::type) || in_scope(tunes_estimator::aggregator);
    if (!ends) {
      return result;
    }
    const aggregate::mean mean;
    const named_ends lows =
        ends_of({{"min", {min{}, aggregate::min{}}}}, {{"quantile", {quantile{1e-4}, mean}}}, kind);
    const named_ends highs = ends_of(
        {{"max", {max{}, aggregate::max{}}}, {"abs_max", {abs_max{}, aggregate::max{}}}},
        {{"quantile", {quantile{1e-4}, mean}}, {"abs_quantile", {abs_quantile{1e-4}, mean}}},
        kind
    );
    for (const auto& [low_name, low] : lows) {
      for (const auto& [high_name, high] : highs) {
        add(low_name + " to " + high_name, {.low = low, .high = high});
      }
    }
    return result;
  }
};

} // namespace ptq
