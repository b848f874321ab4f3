// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs every recorded configuration of POT on the example engine and writes docs/pot-parity.md.
#include <ptq/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "engine/model.hpp"
#include "golden/comparisons.hpp"
#include "golden/images.hpp"
#include "golden/openvino_kernel.hpp"
#include "golden/plans.hpp"
#include "golden/read_golden.hpp"

namespace {

using namespace ptq::test;

constexpr std::string_view usage =
    "ptq_pot_parity [--only PREFIX] [--no-accuracy] [PAGE.md]\n"
    "Compares the plans of all recorded runs of POT with ours, on the example engine, and writes a "
    "table.\n";

struct arguments {
  std::string only{}; ///< Runs whose names begin like this.
  bool accuracy = true;
  std::string page{};
};

auto read_arguments(int count, char** given) -> std::optional<arguments> {
  arguments result;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = given[i];
    if (word == "--only" && i + 1 < count) {
      result.only = given[++i];
    } else if (word == "--no-accuracy") {
      result.accuracy = false;
    } else if (!word.starts_with("--") && result.page.empty()) {
      result.page = word;
    } else {
      return std::nullopt;
    }
  }
  return result;
}

/// A model on the example engine. Plans that are equal are measured once.
class bench {
public:
  explicit bench(const std::string& name)
      : model_(engine::load(PTQ_MODELS_DIR "/" + name + ".onnx")),
        graph_(model_),
        calibration_(model_, calibration_images()),
        images_(test_images()),
        labels_(test_labels()),
        test_(model_, images_, labels_) {}

  auto plan_of(const golden_run& run) -> ptq::plan { return plan_on(run, graph_, calibration_); }

  [[nodiscard]] auto compared(const ptq::plan& plan, const golden_run& run) const -> comparison {
    return compare(plan, run, graph_, {.activations = 1e-4});
  }

  auto accuracy(const ptq::plan& plan) -> double {
    for (const auto& [known, value] : measured_) {
      if (known == plan) {
        return value;
      }
    }
    const ptq::samples all{0, test_.sample_count()};
    measured_.emplace_back(plan, test_.measure(graph_, plan, all).front().value());
    return measured_.back().second;
  }

  auto accuracy_with_openvino_kernel(const ptq::plan& plan, const golden_run& run) -> double {
    return ptq::test::accuracy_with_openvino_kernel(graph_, plan, run, images_, labels_);
  }

private:
  engine::model model_;
  engine::graph graph_;
  engine::evaluator calibration_;
  engine::tensor images_;
  std::vector<std::int64_t> labels_;
  engine::evaluator test_;
  std::vector<std::pair<ptq::plan, double>> measured_{};
};

auto percent(double share) -> std::string {
  std::ostringstream text;
  text.setf(std::ios::fixed);
  text.precision(2);
  text << 100.0 * share;
  return text.str();
}

auto small(double value) -> std::string {
  if (value == 0.0) {
    return "0";
  }
  std::ostringstream text;
  text.setf(std::ios::scientific);
  text.precision(0);
  text << value;
  return text.str();
}

class parity {
public:
  explicit parity(arguments given) : given_(std::move(given)) {}

  /// @return whether everything was as the list of comparisons says.
  auto run() -> bool {
    for (const auto& [name, entry] : read_comparisons()) {
      if (!name.starts_with(given_.only)) {
        continue;
      }
      const golden_run& run = read_golden(name);
      try {
        switch (entry.how) {
        case treatment::supported:
          supported(run, entry.on_halves);
          break;
        case treatment::same_as:
          same_as(run, read_golden(entry.text));
          break;
        case treatment::refused:
          refused(run, entry.text);
          break;
        case treatment::planned:
          planned(run);
          break;
        case treatment::not_yet:
          not_yet(run, entry.text);
          break;
        }
      } catch (const std::exception& problem) {
        differ(name, problem.what());
      }
    }
    if (!given_.page.empty()) {
      std::ofstream(given_.page) << page();
    }
    return differences_ == 0;
  }

private:
  void differ(const std::string& name, const std::string& what) {
    ++differences_;
    std::cout << "  " << name << ": " << what << '\n' << std::flush;
  }

  auto on(const golden_run& run) -> bench& {
    if (!bench_ || model_ != run.model) {
      bench_.emplace(run.model);
      model_ = run.model;
    }
    return *bench_;
  }

  void report(const std::string& name, const comparison& found) {
    for (const std::string& each : found.differences) {
      differ(name, each);
    }
  }

  auto ours(
      const ptq::plan& plan,
      const golden_run& run,
      const golden_run& expected,
      const std::string& on_halves = {}
  ) -> std::string {
    if (!given_.accuracy) {
      return "-";
    }
    const double own = on(run).accuracy(plan);
    const bool decided_by_kernel = !on_halves.empty();
    const double reached =
        decided_by_kernel ? on(run).accuracy_with_openvino_kernel(plan, run) : own;
    const auto is_near = [&expected](double accuracy) {
      return std::abs(accuracy - expected.top1_emulated) <=
             accuracy_tolerance(expected.top1_emulated);
    };
    if (!is_near(reached)) {
      differ(
          run.name, "accuracy " + percent(reached) + ", in POT " + percent(expected.top1_emulated)
      );
    }
    if (!decided_by_kernel) {
      return percent(own);
    }
    if (is_near(own)) {
      differ(run.name, "the kernel does not decide over its accuracy (" + on_halves + ")");
    }
    on_halves_.push_back(
        "| " + run.name + " | " + on_halves + " | " + percent(expected.top1_emulated) + " | " +
        percent(reached) + " | " + percent(own) + " |"
    );
    return percent(reached) + " [1]";
  }

  void supported(const golden_run& run, const std::string& on_halves) {
    const ptq::plan plan = on(run).plan_of(run);
    const comparison found = on(run).compared(plan, run);
    report(run.name, found);
    std::ostringstream row;
    row << "| " << run.name << " | " << found.quantizers << " | " << small(found.worst_weights)
        << " | " << small(found.worst_activations) << " | " << small(found.worst_bias) << " | "
        << small(found.worst_constant) << " | " << found.equal_codes << " of " << found.codes
        << (found.codes_on_halves == 0 ? "" : " (" + std::to_string(found.codes_on_halves) + ")")
        << " | " << percent(run.top1_emulated) << " | " << ours(plan, run, run, on_halves) << " |";
    std::cout << row.str() << '\n' << std::flush;
    compared_.push_back(row.str());
  }

  void answered(const golden_run& run, const std::string& answer) {
    std::string message = run.refused->message;
    message = message.substr(0, message.find('\n'));
    refused_.push_back(
        "| " + run.name + " | " + run.refused->type + ": " + message + " | " + answer + " |"
    );
    std::cout << refused_.back() << '\n' << std::flush;
  }

  void same_as(const golden_run& run, const golden_run& expected) {
    const ptq::plan plan = on(run).plan_of(asked_like(run, expected));
    report(run.name, on(run).compared(plan, expected));
    answered(run, "the plan of " + expected.name + ", " + ours(plan, run, expected) + " %");
  }

  void refused(const golden_run& run, const std::string& part) {
    try {
      static_cast<void>(on(run).plan_of(run));
    } catch (const ptq::error& problem) {
      const std::string said = problem.what();
      if (said.find(part) == std::string::npos) {
        differ(run.name, "refused with another sentence: " + said);
      }
      answered(run, "refused: " + said);
      return;
    }
    differ(run.name, "not refused");
  }

  void planned(const golden_run& run) {
    const ptq::plan plan = on(run).plan_of(run);
    const std::string reached = given_.accuracy ? percent(on(run).accuracy(plan)) : "-";
    answered(
        run,
        "a plan of " + std::to_string(plan.quantizers.size()) + " quantizers, " + reached + " %"
    );
  }

  void not_yet(const golden_run& run, const std::string& why) {
    not_yet_.push_back("| " + run.name + " | " + why + " |");
    if (run.refused) {
      return;
    }
    try {
      const ptq::plan plan = on(run).plan_of(run);
      const comparison found = on(run).compared(plan, run);
      if (found.differences.empty() && given_.accuracy &&
          std::abs(on(run).accuracy(plan) - run.top1_emulated) <=
              accuracy_tolerance(run.top1_emulated)) {
        differ(run.name, "is listed as not yet compared (" + why + "), but is equal");
      }
    } catch (const std::exception&) {
      return;
    }
  }

  [[nodiscard]] auto page() const -> std::string {
    std::ostringstream text;
    text
        << "# Parity with POT\n\n"
           "Every recorded run of OpenVINO's Post-training Optimization Tool 2023.3 on three "
           "models, beside what this library makes of the\n"
           "same options on the example engine. Written by\n\n"
           "```\n"
           "cmake --build build/release --target ptq_pot_parity\n"
           "build/release/tests/golden/ptq_pot_parity docs/pot-parity.md\n"
           "```\n\n"
           "which fails where a quantizer is missing or one too many, where a grid of weights is "
           "further than 1e-6 of its width from POT's or one\n"
           "of activations 1e-4, a bias 1e-4 of its largest value or a constant 1e-5, where a bias "
           "is corrected here and skipped there, where one\n"
           "integer code differs, and where accuracies are 0.3 points apart (3 where POT's is "
           "below 80 %). The figures are the largest of each run.\n\n"
           "## Compared\n\n"
           "*weights*, *activations*: limits, as shares of the grid's width. *bias*, *constant*: "
           "as shares of the largest value; a constant is one that\n"
           "channel alignment or overflow correction changed. *codes*: constants whose integers, "
           "scales and zero points are POT's; in brackets, single weights so near the half between "
           "two "
           "codes that the last bit of a limit decides. *POT*, *ours*: top-1 of\n"
           "10,000 images in percent, fake-quantized in floating point; [1] in the arithmetic of "
           "OpenVINO's kernel, [see below](#on-halves-between-two-codes).\n\n"
           "| run | quantizers | weights | activations | bias | constant | codes | POT | ours |\n"
           "|---|---|---|---|---|---|---|---|---|\n";
    for (const std::string& row : compared_) {
      text << row << '\n';
    }
    if (!on_halves_.empty()) {
      text
          << "\n## On halves between two codes\n\n"
             "POT measured in OpenVINO's CPU plugin. Its kernel computes the code of `x` as `x s + "
             "b`, with `s` and `b = -in_low s` rounded to binary32, where OpenVINO's reference, "
             "and "
             "this library,\n"
             "divide by the width of the range. The two give the same codes but for values on the "
             "half between two, which go where the rounding of `s` sends them in the one, and to "
             "the even code in the other\n"
             "(`tests/golden/openvino_kernel.hpp`). In these runs very many values lie there, or "
             "they are wide apart. The plans are equal; with that kernel, and with POT's limits to "
             "the last bit, so are the accuracies.\n\n"
             "| run | on halves | POT | here with OpenVINO's kernel | ours |\n"
             "|---|---|---|---|---|\n";
      for (const std::string& row : on_halves_) {
        text << row << '\n';
      }
    }
    text << "\n## Refused by POT\n\n| run | POT | ours |\n|---|---|---|\n";
    for (const std::string& row : refused_) {
      text << row << '\n';
    }
    if (!not_yet_.empty()) {
      text << "\n## Not compared yet\n\n| run | what is missing |\n|---|---|\n";
      for (const std::string& row : not_yet_) {
        text << row << '\n';
      }
    }
    return text.str();
  }

  arguments given_;
  std::string model_{};
  std::optional<bench> bench_{};
  std::size_t differences_ = 0;
  std::vector<std::string> compared_{};
  std::vector<std::string> on_halves_{};
  std::vector<std::string> refused_{};
  std::vector<std::string> not_yet_{};
};

} // namespace

auto main(int count, char** given) -> int {
  const std::optional<arguments> read = read_arguments(count, given);
  if (!read) {
    std::cerr << usage;
    return 2;
  }
  try {
    return parity(*read).run() ? 0 : 1;
  } catch (const std::exception& problem) {
    std::cerr << problem.what() << '\n';
    return 1;
  }
}
