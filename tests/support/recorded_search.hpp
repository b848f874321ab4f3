// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/op.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/device/devices.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/graph/concept.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/placement/groups.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace ptq::test {

inline auto read_recorded(const std::string& name) -> nlohmann::json {
  std::ifstream file(PTQ_TESTS_DIR "/golden/accuracy_aware/" + name + ".json");
  if (!file) {
    throw std::logic_error("no recorded search " + name);
  }
  return nlohmann::json::parse(file);
}

/// The graph that POT searched, without FakeQuantize, and where it had those.
class recorded_graph {
public:
  using ptq_graph = void;
  using node_id = int;

  explicit recorded_graph(const std::string& name) {
    const nlohmann::json read = read_recorded("graphs/" + name);
    std::map<std::string, int> index;
    for (const auto& each : read.at("nodes")) {
      node made{.kind = each.at(0), .name = each.at(1)};
      for (std::size_t i = 2; i < each.size(); ++i) {
        made.inputs.emplace_back(index.at(each.at(i)));
      }
      index.emplace(made.name, static_cast<int>(nodes_.size()));
      nodes_.push_back(std::move(made));
    }
    for (const auto& [fq, place] : read.at("quantizers").items()) {
      quantizer made{
          .tensor = place.at("tensor"),
          .kind = place.at("weights") ? tensor_kind::weights : tensor_kind::activations,
          .format = {.grids = {grid{.in_low = -1.0F, .in_high = 1.0F}}}
      };
      for (const auto& port : place.at("consumers")) {
        made.consumers.push_back({port.at(0), port.at(1)});
      }
      std::ranges::sort(made.consumers);
      quantizers_.emplace(fq, std::move(made));
    }
  }

  auto nodes() const { return std::views::iota(0, static_cast<int>(nodes_.size())); }

  auto op(int id) const -> ptq::op {
    return static_cast<ptq::op>(
        std::ranges::find(op_names, nodes_.at(static_cast<std::size_t>(id)).kind) - op_names.begin()
    );
  }

  auto name(int id) const -> std::string_view { return at(id).name; }

  auto inputs(int id) const -> std::span<const tensor_ref<int>> { return at(id).inputs; }

  auto constant(int id) const -> std::optional<constant_view> {
    static const float one = 1.0F;
    return at(id).kind == "constant" ? std::optional(constant_view(&one, {1, 1})) : std::nullopt;
  }

  /// By POT's name.
  auto quantizers() const -> const std::map<std::string, quantizer>& { return quantizers_; }

private:
  struct node {
    std::string kind{};
    std::string name{};
    std::vector<tensor_ref<int>> inputs{};
  };

  auto at(int id) const -> const node& { return nodes_.at(static_cast<std::size_t>(id)); }

  std::vector<node> nodes_{};
  std::map<std::string, quantizer> quantizers_{};
};

/// What POT started from: all its quantizers, in its order, and the groups that the library finds.
inline auto recorded_plan(const recorded_graph& of, const nlohmann::json& order) -> plan {
  plan result;
  for (const std::string name : order) {
    result.quantizers.emplace_back(of.quantizers().at(name));
  }
  for (group& each : groups_of(read_graph(of).nodes, view_of(device::cpu{}), result)) {
    result.groups.emplace_back(std::move(each));
  }
  return result;
}

/// The FakeQuantize nodes of a group, in POT's order.
inline auto names_in(const recorded_graph& of, const nlohmann::json& order, const group& what)
    -> std::vector<std::string> {
  std::vector<std::string> result;
  for (const std::string name : order) {
    const port_name& first = of.quantizers().at(name).consumers.front();
    if (std::ranges::binary_search(what.quantizers, first)) {
      result.push_back(name);
    }
  }
  return result;
}

inline auto unpacked(const nlohmann::json& from) -> std::vector<double> {
  const std::string digits = from.contains("bits")      ? from.at("bits")
                             : from.contains("float32") ? from.at("float32")
                                                        : from.at("float64");
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  std::vector<double> result;
  if (from.contains("bits")) {
    for (std::size_t i = 0; i != from.at("count").get<std::size_t>(); ++i) {
      result.push_back((bytes[i / 8] >> (7 - i % 8) & 1) != 0 ? 1.0 : 0.0);
    }
    return result;
  }
  const std::size_t width = from.contains("float32") ? 4 : 8;
  for (std::size_t i = 0; i < bytes.size(); i += width) {
    std::uint64_t bits = 0;
    for (std::size_t b = width; b-- != 0;) {
      bits = bits << 8U | bytes[i + b];
    }
    result.push_back(
        width == 4 ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))
                   : std::bit_cast<double>(bits)
    );
  }
  return result;
}

/// An engine that answers what POT measured, and nothing else.
class recorded_engine {
public:
  using ptq_evaluator = void;

  recorded_engine(
      const recorded_graph& graph, const nlohmann::json& run, std::vector<std::string> names
  )
      : graph_(&graph), run_(&run), names_(std::move(names)) {}

  auto sample_count() const -> std::size_t { return run_->at("samples"); }

  void observe(
      const recorded_graph& /*graph*/,
      const plan& under,
      std::span<const tensor_ref<int>> taps,
      const samples& range,
      show_ref<int> show
  ) {
    // Of these searches POT compared outputs by the cosine of their angle: an output at that angle
    // to [1, 0] stands for them.
    const auto wanted = reverted_under(under);
    for (const std::size_t s : range) {
      double cosine = 1.0;
      if (!under.empty()) {
        cosine = 1.0 - distances_of(wanted).at(s);
      }
      const std::vector<double> out{cosine, std::sqrt(std::max(0.0, 1.0 - cosine * cosine))};
      show(s, taps.front(), tensor_view(out.data(), {1, 2}));
    }
  }

  auto measure(const recorded_graph& /*graph*/, const plan& under, const samples& range)
      -> measurement {
    const std::set<std::string> reverted = reverted_under(under);
    if (range.size() == sample_count()) {
      if (under.empty()) {
        return measured(run_->at("baseline"), run_->value("float_per_sample", nlohmann::json()));
      }
      const nlohmann::json& found = evaluation_of(reverted);
      return measured(found.at("metrics"), found.value("per_sample", nlohmann::json()));
    }
    const std::vector<std::size_t> list(range.begin(), range.end());
    if (under.empty() && run_->at("compared") == nlohmann::json(list)) {
      measurement result = measured(run_->at("baseline"), nlohmann::json());
      for (std::size_t m = 0; m != result.size(); ++m) {
        result[m].per_sample = unpacked(run_->at("float_per_sample").at(m));
      }
      return result;
    }
    return scored(reverted, list);
  }

private:
  auto reverted_under(const plan& under) const -> std::set<std::string> {
    std::set<std::string> result(names_.begin(), names_.end());
    for (const auto& entry : under.quantizers) {
      for (const auto& [name, at] : graph_->quantizers()) {
        if (at.consumers == entry->consumers) {
          result.erase(name);
        }
      }
    }
    return result;
  }

  auto evaluation_of(const std::set<std::string>& reverted) const -> const nlohmann::json& {
    for (const nlohmann::json& each : run_->at("evaluations")) {
      if (each.at("reverted").get<std::set<std::string>>() == reverted) {
        return each;
      }
    }
    throw std::logic_error("POT did not measure this plan");
  }

  auto distances_of(const std::set<std::string>& reverted) const -> std::vector<double> {
    return unpacked(evaluation_of(reverted).at("per_sample").at(0).at("distances"));
  }

  /// A measurement of all samples; where POT compared a part of them, of the others it tells 0.
  auto measured(const nlohmann::json& values, const nlohmann::json& per_sample) const
      -> measurement {
    measurement result;
    for (std::size_t m = 0; m != run_->at("metrics").size(); ++m) {
      result.push_back(metric_at(m, values.at(m)));
      if (m < per_sample.size() && !per_sample.at(m).is_null() &&
          !per_sample.at(m).contains("distances")) {
        std::vector<double> found = unpacked(per_sample.at(m));
        if (!run_->at("compared").is_null()) {
          std::vector<double> all(sample_count());
          for (std::size_t i = 0; i != found.size(); ++i) {
            all.at(run_->at("compared").at(i)) = found[i];
          }
          found = std::move(all);
        }
        result.back().per_sample = std::move(found);
      }
    }
    return result;
  }

  /// What POT's ranking measured with one more group reverted.
  auto scored(const std::set<std::string>& reverted, const std::vector<std::size_t>& subset) const
      -> measurement {
    for (const nlohmann::json& each : run_->at("rankings")) {
      std::set<std::string> more = reverted;
      for (const std::string name : each.at("reverted")) {
        more.erase(name);
      }
      if (more.size() != 1 || reverted.size() != each.at("reverted").size() + 1 ||
          each.at("subset") != nlohmann::json(subset)) {
        continue;
      }
      measurement result;
      for (std::size_t m = 0; m != run_->at("metrics").size(); ++m) {
        const bool lower = run_->at("metrics").at(m).at("lower_is_better");
        const double score = each.at("scores").at(*more.begin());
        result.push_back(metric_at(m, nlohmann::json(lower ? -score : score)));
        if (result.back().name != each.at("metric").get<std::string>()) {
          result.back().whole = 0.0; // POT's ranking scored one metric alone
        }
      }
      return result;
    }
    throw std::logic_error("POT ranked no such plan on these samples");
  }

  auto metric_at(std::size_t m, const nlohmann::json& value) const -> metric {
    const nlohmann::json& what = run_->at("metrics").at(m);
    return {
        .name = what.at("name"),
        .direction = what.at("lower_is_better") ? lower_is_better : higher_is_better,
        .whole = value.get<double>()
    };
  }

  const recorded_graph* graph_;
  const nlohmann::json* run_;
  std::vector<std::string> names_; ///< Of groups.
};

} // namespace ptq::test
