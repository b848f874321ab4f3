// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "paths.hpp"

#include <ptq/core/error.hpp>
#include <ptq/statistics/file.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace {

struct named_path {
  std::string_view option;
  const std::string& path;
};

auto same_file(const std::string& a, const std::string& b) -> bool {
  std::error_code problem;
  if (std::filesystem::equivalent(a, b, problem)) {
    return true;
  }
  const std::filesystem::path one = std::filesystem::weakly_canonical(a, problem);
  return !problem && one == std::filesystem::weakly_canonical(b, problem) && !problem;
}

/// @throws ptq::error if one file would be written twice, or over what is read.
void check_apart(std::span<const named_path> inputs, std::span<const named_path> outputs) {
  const auto compare = [](const named_path& one, const named_path& other) {
    if (!one.path.empty() && !other.path.empty() && same_file(one.path, other.path)) {
      throw ptq::error(
          "one file for both " + std::string(one.option) + " and " + std::string(other.option),
          other.path
      );
    }
  };
  for (std::size_t i = 0; i != outputs.size(); ++i) {
    for (const named_path& input : inputs) {
      compare(input, outputs[i]);
    }
    for (const named_path& before : outputs.first(i)) {
      compare(before, outputs[i]);
    }
  }
}

/// @throws ptq::error if a file could not be written there, before the work is done and not after.
void check_writable(const std::string& path) {
  if (path.empty()) {
    return;
  }
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) {
    throw ptq::error("cannot be written: it is a folder", path);
  }
  std::filesystem::remove(ptq::new_file_beside(path));
}

} // namespace

void check_paths(const options& chosen) {
  const named_path inputs[] = {
      {"MODEL.onnx", chosen.model},
      {"--calibration", chosen.calibration},
      {"--from-statistics", chosen.from_statistics},
      {"--from-plan", chosen.from_plan},
      {"--test", chosen.test},
      {"--labels", chosen.labels},
      {"--validation", chosen.accuracy.validation},
      {"--validation-labels", chosen.accuracy.validation_labels},
  };
  const named_path outputs[] = {
      {"--save-statistics", chosen.save_statistics},
      {"--plan", chosen.plan},
      {"--output", chosen.output},
      {"--report", chosen.report},
      {"--state", chosen.accuracy.state},
      {"--trace", chosen.accuracy.trace},
  };
  check_apart(inputs, outputs);
  for (const named_path& each : outputs) {
    check_writable(each.path);
  }
}
