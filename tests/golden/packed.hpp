// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/tensor_data.hpp>
#include <ptq/kernel/nibbles.hpp>
#include <ptq/lowering/weights.hpp>
#include <ptq/plan/quantizer.hpp>

#include <cstdint>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "support/sha256.hpp"

namespace ptq::test {

/// Weights that POT packed: on which grids, and to which bytes.
struct recorded_packing {
  std::string configuration{};
  quantizer by{};
  std::vector<std::size_t> shape{};
  bool zero_point_removed = false;
  std::string weights_sha256{}; ///< Of the float32 values, halved where POT halved them.
  std::string codes_sha256{}; ///< Of the bytes, two codes to each where there are up to 16 levels.
};

/// @see scripts/golden/README.md
inline auto read_recorded_packing(const std::string& model) -> std::vector<recorded_packing> {
  std::ifstream file(PTQ_TESTS_DIR "/golden/packing/" + model + ".txt");
  std::vector<recorded_packing> result;
  std::vector<std::vector<float>> numbers;
  std::string configuration;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first == "numbers") {
      numbers.emplace_back();
      for (std::string each; words >> each;) {
        numbers.back().push_back(std::stof(each));
      }
      continue;
    }
    if (first == "configuration") {
      words >> configuration;
      continue;
    }
    std::size_t input = 0;
    std::string shape;
    std::string axis;
    std::int64_t levels = 0;
    std::size_t limits[4]{};
    std::string zero;
    recorded_packing made{.configuration = configuration};
    words >> input >> shape >> axis >> levels >> limits[0] >> limits[1] >> limits[2] >> limits[3] >>
        zero >> made.weights_sha256 >> made.codes_sha256;
    std::istringstream extents(shape);
    for (std::string extent; std::getline(extents, extent, 'x');) {
      made.shape.push_back(std::stoul(extent));
    }
    made.zero_point_removed = zero == "removed";
    made.by = {.tensor = first, .kind = tensor_kind::weights, .consumers = {{first, input}}};
    if (axis != "-") {
      made.by.format.axis = std::stoul(axis);
    }
    for (std::size_t c = 0; c != numbers.at(limits[0]).size(); ++c) {
      made.by.format.grids.push_back(
          {.in_low = numbers.at(limits[0]).at(c),
           .in_high = numbers.at(limits[1]).at(c),
           .out_low = numbers.at(limits[2]).at(c),
           .out_high = numbers.at(limits[3]).at(c),
           .levels = levels}
      );
    }
    result.push_back(std::move(made));
  }
  return result;
}

/// The SHA-256 of the codes as POT stores them.
inline auto sha256_of_codes(const lowered_tensor& of) -> std::string {
  const auto& codes = std::get<std::vector<std::int8_t>>(of.codes);
  if (of.bits != 4) {
    return sha256({reinterpret_cast<const char*>(codes.data()), codes.size()});
  }
  std::vector<std::uint8_t> bytes(nibble_bytes(codes.size()));
  pack_nibbles(std::span<const std::int8_t>(codes), std::span(bytes));
  return sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// What POT packs of `weights`.
inline auto lowered_as_pot(const recorded_packing& of, const tensor_data& weights)
    -> lowered_tensor {
  return ptq::detail::lowered_weights(weights, of.by, {.removed = zero_point_removal::of_8_bits});
}

} // namespace ptq::test
