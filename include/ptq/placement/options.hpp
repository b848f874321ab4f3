// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/op.hpp>
#include <ptq/placement/choices.hpp>
#include <ptq/placement/pattern.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ptq {

/// Operations to leave in floating point: of one kind and, where attributes are named, with these.
/// `op::convolution` means depthwise ones, too.
struct ignored_operation {
  op kind = op::other;
  std::optional<std::size_t> groups{}; ///< Of a convolution.
  std::optional<std::size_t> axis{};   ///< Of a concatenation, split or softmax.
  std::optional<bool> transpose_a{};   ///< Of a matrix product.
  std::optional<bool> transpose_b{};

  friend auto operator==(const ignored_operation&, const ignored_operation&) -> bool = default;
};

/// What the user leaves in floating point. Ignoring an operation that only moves values ignores the
/// operations that read it as well.
struct ignored_scope {
  std::vector<std::string> nodes{}; ///< Names. One that the graph does not have is an error.
  std::vector<ignored_operation> operations{};
  bool skip_model = false; ///< All of it.

  friend auto operator==(const ignored_scope&, const ignored_scope&) -> bool = default;
};

/// A family of models with rules of its own.
enum class model_type : std::uint8_t {
  none,
  transformer, ///< Additions, products and normalisations stay in floating point.
};

/// Which inputs get quantizers.
enum class where : std::uint8_t {
  device_rules,    ///< All that the device can take in low precision.
  weighted_inputs, ///< Those of operations with constant weights alone, right at the operation.
};

/// What the user wants of what one operation reads.
struct operation_options {
  tensor_options weights{};
  tensor_options activations{};

  friend auto operator==(const operation_options&, const operation_options&) -> bool = default;
};

/// What the user asks of a placement.
struct placement_options {
  tensor_options weights{};
  tensor_options activations{};
  bool accurate_weights = false; ///< Take the last of the device's choices, not the first.
  bool accurate_activations = false;
  ignored_scope ignored{};
  ptq::model_type model_type = ptq::model_type::none;
  ptq::where where = ptq::where::device_rules;
  bool known_patterns = true;      ///< Keep POT's patterns in floating point.
  std::vector<pattern> patterns{}; ///< And these.
  /// By name, over `weights` and `activations`. One that the graph does not have is an error.
  std::map<std::string, operation_options> operations{};

  friend auto operator==(const placement_options&, const placement_options&) -> bool = default;
};

} // namespace ptq
