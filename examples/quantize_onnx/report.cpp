// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "report.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include <nlohmann/json.hpp>
#include <sys/resource.h>

namespace {

using json = nlohmann::ordered_json;

auto number_or_null(const std::optional<double>& value) -> json {
  return value && std::isfinite(*value) ? json(*value) : json(nullptr);
}

auto to_json(const three_ways& of) -> json {
  return {
      {"float", number_or_null(of.in_float)},
      {"plan", number_or_null(of.under_plan)},
      {"int8", number_or_null(of.in_int8)},
  };
}

auto first_drop(const std::vector<ptq::metric_drop>& of) -> json {
  return of.empty() ? json(nullptr) : number_or_null(of.front().drop);
}

auto to_json(const ptq::accuracy_outcome& of) -> json {
  json reverted = json::array();
  for (const ptq::group& each : of.reverted) {
    reverted.push_back({{"operations", each.operations}});
  }
  return {
      {"reached", of.reached},
      {"stop_reason", ptq::name_of(of.why)},
      {"missed_by", number_or_null(of.missed_by)},
      {"measured_by", of.measured_by},
      {"configuration", of.configuration.empty() ? "as given" : of.configuration},
      {"validation_samples", of.trace.back().of},
      {"start_drop", first_drop(of.start)},
      {"start_in_full", of.start_in_full},
      {"final_drop", first_drop(of.returned)},
      {"final_in_full", of.returned_in_full},
      {"reverted", reverted},
      {"operations", {{"reverted", of.operations_reverted}, {"of", of.operations_quantized}}},
      {"samples_inferred",
       {{"baseline", of.inferred.baseline},
        {"ranking", of.inferred.ranking},
        {"candidates", of.inferred.candidates}}},
      {"evaluations", of.evaluations},
      {"seconds", number_or_null(of.trace.back().seconds)},
  };
}

template <class... Values>
auto text(const char* format, Values... values) -> std::string {
  std::array<char, 256> line{};
  std::snprintf(line.data(), line.size(), format, values...);
  return line.data();
}

auto row(std::string_view name, const three_ways& of, const char* format, double factor)
    -> std::string {
  std::string line = text("  %-28s", std::string(name).c_str());
  for (const auto& value : {of.in_float, of.under_plan, of.in_int8}) {
    line += value ? text("%14s", text(format, *value * factor).c_str()) : text("%14s", "-");
  }
  return line + "\n";
}

auto held(const ptq::accuracy_outcome& of) -> std::string {
  const auto drop = [](const std::vector<ptq::metric_drop>& found) {
    return found.empty() ? std::string("-") : text("%.4f", found.front().drop);
  };
  std::string table = text(
      "\naccuracy %s: %s dropped by %s, with everything quantized by %s%s, on %zu samples\n",
      of.reached ? "held" : "NOT held",
      of.measured_by.c_str(),
      drop(of.returned).c_str(),
      of.start_in_full ? "" : "about ",
      drop(of.start).c_str(),
      of.trace.back().of
  );
  table += text(
      "  %zu of %zu operations reverted; %zu candidates, %zu inferences; ended by: %s\n",
      of.operations_reverted,
      of.operations_quantized,
      of.evaluations,
      of.inferred.total(),
      std::string(ptq::name_of(of.why)).c_str()
  );
  if (!of.configuration.empty()) {
    table += "    with " + of.configuration + "\n";
  }
  for (const ptq::group& each : of.reverted) {
    table += "    reverted:";
    for (const std::string& operation : each.operations) {
      table += " " + operation;
    }
    table += "\n";
  }
  return table;
}

} // namespace

auto peak_memory_bytes() -> std::uint64_t {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
}

auto to_json_text(const report& of, const ptq::plan& made) -> std::string {
  json calibration = nullptr;
  if (of.calibration) {
    calibration = {
        {"samples", of.calibration->samples},
        {"passes", of.calibration->passes},
        {"seconds", of.calibration->seconds},
        {"bare_inference_seconds", of.calibration->bare_inference_seconds},
    };
  }
  json in_float = json::array();
  for (const float_operation& each : of.float_operations) {
    in_float.push_back({{"node", each.node}, {"reason", each.reason}});
  }
  json quantizers = json::array();
  for (std::size_t i = 0; i != made.quantizers.size(); ++i) {
    const ptq::quantizer& each = *made.quantizers[i];
    quantizers.push_back(
        {{"tensor", each.tensor},
         {"kind", each.kind == ptq::tensor_kind::weights ? "weights" : "activations"},
         {"sqnr_db", number_or_null(of.errors[i].sqnr_db)},
         {"largest_error", number_or_null(of.errors[i].largest)}}
    );
  }
  const json all = {
      {"format", "ptq-report"},
      {"version", 1},
      {"model", of.model},
      {"test_samples", of.test_samples},
      {"accuracy", to_json(of.accuracy)},
      {"output_sqnr_db",
       {{"plan", number_or_null(of.output_sqnr_db.under_plan)},
        {"int8", number_or_null(of.output_sqnr_db.in_int8)}}},
      {"milliseconds_per_sample", to_json(of.milliseconds_per_sample)},
      {"calibration", calibration},
      {"stage_milliseconds", of.stage_milliseconds},
      {"int8_operations",
       {{"done", of.int8_operations}, {"of", of.weighted_operations}, {"float", in_float}}},
      {"peak_memory_bytes", peak_memory_bytes()},
      {"file_bytes",
       {{"float", of.float_file_bytes},
        {"int8", of.int8_file_bytes ? json(*of.int8_file_bytes) : json(nullptr)}}},
      {"quantizers", quantizers},
      {"accuracy_aware", of.accuracy_aware ? to_json(*of.accuracy_aware) : json(nullptr)},
      {"notes", of.notes},
  };
  return all.dump(1) + "\n";
}

auto to_table(const report& of, const ptq::plan& made) -> std::string {
  std::size_t weights = 0;
  for (const auto& each : made.quantizers) {
    weights += each->kind == ptq::tensor_kind::weights ? 1U : 0U;
  }
  std::string table = text(
      "%s: %zu weights and %zu activations quantized, %zu constants replaced\n",
      of.model.c_str(),
      weights,
      made.quantizers.size() - weights,
      made.constants.size()
  );
  if (of.calibration) {
    table += text(
        "calibrated on %zu samples in %.2f s\n", of.calibration->samples, of.calibration->seconds
    );
  }
  table += text("\n  %-28s%14s%14s%14s\n", "", "float", "plan", "int8");
  if (of.accuracy.in_float) {
    table += row(text("top-1 of %zu images", of.test_samples), of.accuracy, "%.2f %%", 100.0);
  }
  if (of.output_sqnr_db.under_plan) {
    table += row("output, dB above its error", of.output_sqnr_db, "%.1f", 1.0);
  }
  if (of.milliseconds_per_sample.in_float) {
    table += row("ms for an image", of.milliseconds_per_sample, "%.3f", 1.0);
  }
  three_ways sizes{.in_float = static_cast<double>(of.float_file_bytes)};
  if (of.int8_file_bytes) {
    sizes.in_int8 = static_cast<double>(*of.int8_file_bytes);
  }
  table += row("ONNX file, bytes", sizes, "%.0f", 1.0);
  table += text(
      "\n  float: the model as it was. plan: the same, with values rounded to the 8-bit grids.\n"
      "  int8: real 8-bit arithmetic, in %zu of %zu operations with weights.\n",
      of.int8_operations,
      of.weighted_operations
  );
  for (const float_operation& each : of.float_operations) {
    table += "    in float: " + each.node + ": " + each.reason + "\n";
  }
  return of.accuracy_aware ? table + held(*of.accuracy_aware) : table;
}
