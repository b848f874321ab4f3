// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/quantizer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

/// What POT 2023.3 did, as `scripts/golden/convert.py` wrote it.
namespace ptq::test {

/// `quantizer.tensor` is empty for weights: they are known by their consumers. Mode and bits are
/// not recorded.
struct golden_quantizer {
  ptq::quantizer quantizer{};
  std::string weights_sha256{}; ///< Of the float32 values as POT left them, in its own layout.
  bool transposed = false;      ///< POT's constant is the transpose of the graph's; so is the axis.
  double factor = 1.0;          ///< POT's tensor is the graph's times this.
  bool of_moved_scale = false;  ///< On the constant of that factor, which is none of the graph's.
};

enum class bias_verdict : std::uint8_t { untouched, set, skipped };

struct golden_bias {
  std::string node{};
  bias_verdict verdict = bias_verdict::untouched;
  std::optional<double> magnitude{}; ///< POT's largest relative change, where it told it.
  std::vector<float> before{};
  std::vector<float> aligned{}; ///< Behind channel alignment; `before` without one.
  std::vector<float> after{};   ///< Behind bias correction; `aligned` without one.
};

/// A constant, told by a few numbers.
struct golden_values {
  std::string sha256{};
  std::vector<float> first8{};
  double sum = 0.0;
  std::vector<float> values{}; ///< All of them, where they were recorded.
};

/// A constant that POT changed.
struct golden_weights {
  std::string node{};
  std::string cause{}; ///< `saturation_fix`, `channel_alignment` or `overflow_correction`.
  bool halved = false;
  std::optional<golden_values> aligned{};
  golden_values after{};
};

/// The integers of a constant. `transposed` as above.
struct golden_codes {
  std::vector<port_name> consumers{};
  int bits = 8; ///< 4: two codes in a byte.
  std::vector<std::size_t> shape{};
  bool transposed = false;
  std::string sha256{}; ///< Of the bytes.
  std::string scale_sha256{};
  std::vector<float> zero_points{}; ///< One, or one for each channel; empty if all are 0.
};

struct golden_medians {
  std::string tensor{};
  std::vector<float> low{};
  std::vector<float> high{};
};

struct golden_refusal {
  std::string type{};
  std::string message{};
};

struct golden_run {
  std::string name{};          ///< `fashion_ds.mixed`.
  std::string model{};         ///< `fashion_ds`.
  std::string configuration{}; ///< `mixed`.
  nlohmann::json algorithms{}; ///< As given to POT: `[{name, params}]`.
  std::string note{};
  std::optional<golden_refusal> refused{}; ///< If so, nothing below is recorded.
  std::vector<std::size_t> samples{};
  double top1_float = 0.0;
  double top1_emulated = 0.0;
  double top1_int8 = 0.0;
  std::vector<golden_quantizer> quantizers{};
  std::vector<golden_bias> biases{};
  std::vector<golden_weights> weights{};
  std::vector<golden_codes> codes{};
  std::vector<std::pair<std::string, std::string>> aligned_pairs{}; ///< Nodes.
  std::vector<golden_medians> aligned_medians{};

  /// What was given to the algorithm that places quantizers.
  [[nodiscard]] auto parameters() const -> const nlohmann::json& {
    for (const nlohmann::json& each : algorithms) {
      if (each.at("name").get<std::string>().ends_with("Quantization")) {
        return each.at("params");
      }
    }
    return algorithms.at(0).at("params");
  }
};

} // namespace ptq::test
