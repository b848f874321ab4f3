// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/topology.hpp>
#include <ptq/lowering/lowered_tensor.hpp>
#include <ptq/plan/plan.hpp>

#include <cstddef>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "golden/compare.hpp"
#include "golden/golden_run.hpp"

namespace ptq::test {

/// What is compared, and what was found so far.
struct comparing {
  const plan& mine;
  const golden_run& run;
  const topology& in;
  const tolerances& within;
  comparison result{};

  template <class... Parts>
  void differ(const Parts&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    result.differences.push_back(text.str());
  }

  /// Our quantizer of the same tensor, of weights of the same readers; null if there is none.
  [[nodiscard]] auto counterpart(const quantizer& of) const -> const quantizer*;

  [[nodiscard]] auto quantizer_of(const std::vector<port_name>& consumers) const
      -> const golden_quantizer*;

  [[nodiscard]] auto is_aligned(const std::string& tensor) const -> bool;

  /// A constant as the plan leaves it; empty if the graph has none by this name.
  [[nodiscard]] auto constant(const std::string& tensor) const -> tensor_data;

  /// Of some aligned constants POT's values were not recorded, only what tells them apart.
  [[nodiscard]] auto is_recorded_in_part(const std::string& node) const -> bool;
};

/// Which tensors have quantizers, and their grids.
void compare_quantizers(comparing& with);

/// Which constants were replaced, and by what: biases and weights.
void compare_constants(comparing& with);

/// The integers of constants, their scales and zero points.
void compare_codes(comparing& with, const std::vector<lowered_tensor>& lowered);

/// The mode that was asked for, where POT's options tell it.
auto expected_mode(const golden_run& run, tensor_kind kind) -> std::optional<mode>;

/// Did overflow correction change it?
auto is_scaled(const golden_weights& of) -> bool;

template <class Value>
auto bytes_of(const std::vector<Value>& values) -> std::string_view {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value)};
}

/// A matrix with its axes exchanged.
template <class Value>
auto exchanged(const std::vector<Value>& values, const std::vector<std::size_t>& shape)
    -> std::vector<Value> {
  std::vector<Value> result(values.size());
  for (std::size_t row = 0; row != shape.at(0); ++row) {
    for (std::size_t column = 0; column != shape.at(1); ++column) {
      result[column * shape[0] + row] = values[row * shape[1] + column];
    }
  }
  return result;
}

} // namespace ptq::test
