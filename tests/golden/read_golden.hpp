// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/statistics/file.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "golden/golden_arrays.hpp"
#include "golden/golden_run.hpp"
#include "golden/golden_statistics.hpp"

namespace ptq::test {

inline const std::vector<std::string> golden_models{"fashion_ds", "fashion_mix", "fashion_vit"};

/// Runs of fashion_ds that differ in presets, devices, saturation fix and granularity alone.
inline const std::vector<std::string> golden_configurations{
    "performance",
    "mixed",
    "accuracy",
    "mixed_cpu",
    "performance_cpu_sat_first_layer",
    "performance_cpu_sat_all",
    "performance_cpu_sat_no",
    "mixed_cpu_sat_all",
    "mixed_wpertensor",
    "performance_wpertensor"
};

namespace detail {

using golden_json = nlohmann::json;

inline auto read_consumers(const golden_json& from) -> std::vector<port_name> {
  std::vector<port_name> result;
  for (const golden_json& each : from) {
    auto node = each.at("node").get<std::string>();
    if (const auto sink = node.find("/sink_port_"); sink != std::string::npos) {
      node.replace(sink, std::string::npos, "/output");
    }
    result.push_back({std::move(node), each.at("input").get<std::size_t>()});
  }
  std::ranges::sort(result);
  return result;
}

inline auto read_quantizer(const golden_json& from, const golden_arrays& arrays)
    -> golden_quantizer {
  const bool weights = from.at("kind") == "weights";
  golden_quantizer result{
      .weights_sha256 = from.value("weights", std::string()),
      .transposed = from.value("transposed", false),
      .factor = from.value("factor", 1.0),
      .of_moved_scale = from.value("of_moved_scale", false)
  };
  quantizer& q = result.quantizer;
  q.kind = weights ? tensor_kind::weights : tensor_kind::activations;
  q.tensor = weights ? std::string() : from.at("tensor").get<std::string>();
  q.consumers = read_consumers(from.at("consumers"));
  if (!from.at("axis").is_null()) {
    q.format.axis = from.at("axis").get<std::size_t>();
  }
  const auto limits = [&](const char* name, const char* otherwise) {
    return arrays.at(from.at(from.contains(name) ? name : otherwise));
  };
  const std::vector<float> in_low = limits("in_low", "");
  const std::vector<float> in_high = limits("in_high", "");
  const std::vector<float> out_low = limits("out_low", "in_low");
  const std::vector<float> out_high = limits("out_high", "in_high");
  const auto levels = from.at("levels").get<std::int64_t>();
  for (std::size_t c = 0; c != in_low.size(); ++c) {
    q.format.grids.push_back({in_low[c], in_high.at(c), out_low.at(c), out_high.at(c), levels});
  }
  return result;
}

inline auto read_bias(const golden_json& from, const golden_arrays& arrays) -> golden_bias {
  golden_bias result{
      .node = from.at("node").get<std::string>(), .before = arrays.at(from.at("before"))
  };
  result.aligned = from.contains("aligned") ? arrays.at(from.at("aligned")) : result.before;
  result.after = from.contains("after") ? arrays.at(from.at("after")) : result.aligned;
  if (from.contains("verdict")) {
    result.verdict = from.at("verdict") == "set" ? bias_verdict::set : bias_verdict::skipped;
  }
  if (from.contains("magnitude")) {
    result.magnitude = from.at("magnitude").get<double>();
  }
  return result;
}

inline auto read_values(const golden_json& from, const golden_arrays& arrays) -> golden_values {
  golden_values result{
      .sha256 = from.at("sha256").get<std::string>(),
      .first8 = from.at("first8").get<std::vector<float>>(),
      .sum = from.at("sum").get<double>()
  };
  if (from.contains("values")) {
    result.values = arrays.at(from.at("values"));
  }
  return result;
}

inline auto read_weights(const golden_json& from, const golden_arrays& arrays) -> golden_weights {
  golden_weights result{
      .node = from.at("node").get<std::string>(),
      .cause = from.at("cause").get<std::string>(),
      .halved = from.at("halved").get<bool>(),
      .after = read_values(from.at("after"), arrays)
  };
  if (from.contains("aligned")) {
    result.aligned = read_values(from.at("aligned"), arrays);
  }
  return result;
}

inline auto read_codes(const golden_json& from, const golden_arrays& arrays) -> golden_codes {
  golden_codes result{
      .consumers = read_consumers(from.at("consumers")),
      .bits = from.at("type") == "int4" ? 4 : 8,
      .shape = from.at("shape").get<std::vector<std::size_t>>(),
      .transposed = from.at("transposed").get<bool>(),
      .sha256 = from.at("sha256").get<std::string>(),
      .scale_sha256 = from.at("scale_sha256").get<std::string>()
  };
  if (!from.at("zero_points").is_null()) {
    result.zero_points = arrays.at(from.at("zero_points"));
  }
  return result;
}

/// The entries of a pool that a run names.
template <class Entry>
auto picked(const golden_json& run, const char* name, const std::vector<Entry>& pool)
    -> std::vector<Entry> {
  std::vector<Entry> result;
  for (const golden_json& index : run.at(name)) {
    result.push_back(pool.at(index.get<std::size_t>()));
  }
  return result;
}

/// POT read them once for each of its passes.
inline auto read_samples(const golden_json& from) -> std::vector<std::size_t> {
  if (from.is_array()) {
    auto result = from.get<std::vector<std::size_t>>();
    const std::size_t half = result.size() / 2;
    if (std::equal(
            result.begin(),
            result.begin() + static_cast<std::ptrdiff_t>(half),
            result.begin() + static_cast<std::ptrdiff_t>(half),
            result.end()
        )) {
      result.resize(half);
    }
    return result;
  }
  std::vector<std::size_t> result(from.get<std::size_t>());
  std::iota(result.begin(), result.end(), std::size_t{0});
  return result;
}

/// All runs of a model, by name.
inline auto read_model(const std::string& model) -> std::map<std::string, golden_run> {
  const golden_json document = golden_json::parse(read_file(golden_folder + model + ".json"));
  const golden_arrays arrays(golden_folder + model + ".npy", document.at("arrays"));
  const auto pool_of = [&](const char* name, auto read) {
    std::vector<decltype(read(document, arrays))> result;
    for (const golden_json& each : document.at(name)) {
      result.push_back(read(each, arrays));
    }
    return result;
  };
  const auto quantizers = pool_of("quantizers", read_quantizer);
  const auto biases = pool_of("biases", read_bias);
  const auto weights = pool_of("weights", read_weights);
  const auto codes = pool_of("codes", read_codes);
  std::map<std::string, golden_run> result;
  for (const golden_json& from : document.at("runs")) {
    const auto name = from.at("name").get<std::string>();
    golden_run run{
        .name = name,
        .model = model,
        .configuration = name.substr(name.find('.') + 1),
        .algorithms = from.at("algorithms"),
        .note = from.value("note", std::string())
    };
    if (from.contains("refused")) {
      run.refused = {
          from.at("refused").at("type").get<std::string>(),
          from.at("refused").at("message").get<std::string>()
      };
      result.emplace(name, std::move(run));
      continue;
    }
    run.samples = read_samples(from.at("samples"));
    run.top1_float = from.at("top1").at("fp32").get<double>();
    run.top1_emulated = from.at("top1").at("quantized_emulated").get<double>();
    run.top1_int8 = from.at("top1").at("quantized_int8_kernels").get<double>();
    run.quantizers = picked(from, "quantizers", quantizers);
    run.biases = picked(from, "biases", biases);
    run.weights = picked(from, "weights", weights);
    run.codes = picked(from, "codes", codes);
    run.aligned_pairs =
        from.at("aligned_pairs").get<std::vector<std::pair<std::string, std::string>>>();
    for (const auto& [tensor, each] : from.at("aligned_medians").items()) {
      run.aligned_medians.push_back({tensor, arrays.at(each.at("low")), arrays.at(each.at("high"))}
      );
    }
    result.emplace(name, std::move(run));
  }
  return result;
}

} // namespace detail

/// All recorded runs of a model, by name.
inline auto golden_runs(const std::string& model) -> const std::map<std::string, golden_run>& {
  static std::map<std::string, std::map<std::string, golden_run>> read;
  const auto found = read.find(model);
  return found != read.end() ? found->second
                             : read.emplace(model, detail::read_model(model)).first->second;
}

/// A recorded run: `fashion_mix.mixed`, `fashion_mix_batch10.mixed`; `mixed` is of fashion_ds.
inline auto read_golden(const std::string& name) -> const golden_run& {
  const std::string full = name.find('.') == std::string::npos ? "fashion_ds." + name : name;
  for (const std::string& model : golden_models) {
    if (full.starts_with(model)) {
      return golden_runs(model).at(full);
    }
  }
  throw std::runtime_error("no run is recorded by the name of " + name);
}

} // namespace ptq::test
