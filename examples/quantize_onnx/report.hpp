// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/observer/observer.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/search/outcome.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// A number for each of the three ways to run a model; empty where it was not measured.
struct three_ways {
  std::optional<double> in_float{};
  std::optional<double> under_plan{};
  std::optional<double> in_int8{};
};

/// How much a quantizer changes its tensor.
struct tensor_error {
  std::string tensor;
  std::optional<double> sqnr_db{};
  std::optional<double> largest{};
};

struct calibration_facts {
  std::size_t samples = 0;
  std::size_t passes = 0; ///< Over the samples; 2 where some tensors were observed again.
  double seconds = 0.0;
  double bare_inference_seconds = 0.0; ///< The same samples, with no tensor looked at.
};

struct float_operation {
  std::string node;
  std::string reason;
};

/// Everything that was measured in one run of the program.
struct report {
  std::string model;
  std::size_t test_samples = 0;
  three_ways accuracy{};
  three_ways output_sqnr_db{}; ///< Against the float model, of the first output.
  three_ways milliseconds_per_sample{};
  std::optional<calibration_facts> calibration{};
  std::map<std::string, double> stage_milliseconds{};
  std::size_t int8_operations = 0;
  std::size_t weighted_operations = 0;
  std::vector<float_operation> float_operations{};
  std::uint64_t float_file_bytes = 0;
  std::optional<std::uint64_t> int8_file_bytes{};
  std::vector<tensor_error> errors{};
  std::vector<std::string> notes{};
  std::optional<ptq::accuracy_outcome> accuracy_aware{};
};

/// Puts what the library tells into the report.
struct into_report {
  report& to;

  void on_progress(const ptq::progress& now) const {
    if (to.calibration && now.stage == "second calibration") {
      to.calibration->passes = 2;
    }
  }

  void on_note(const ptq::note& what) const {
    to.notes.push_back(what.where + ": " + what.message);
  }

  void on_time(const ptq::stage_time& what) const {
    to.stage_milliseconds[std::string(what.stage)] = what.seconds * 1e3;
  }
};

/// The report as JSON; docs/report-json.md describes it.
[[nodiscard]] auto to_json_text(const report& of, const ptq::plan& made) -> std::string;

/// The report as a table for people.
[[nodiscard]] auto to_table(const report& of, const ptq::plan& made) -> std::string;

/// The most memory that this process has had, in bytes.
[[nodiscard]] auto peak_memory_bytes() -> std::uint64_t;
