// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "../model.hpp"

namespace engine::detail {

using constant_value = std::variant<std::monostate, tensor, integer_tensor>;
using attribute_value = std::variant<
    float,
    std::int64_t,
    std::string,
    std::vector<float>,
    std::vector<std::int64_t>,
    constant_value>;

struct draft_node {
  std::string name;
  std::string op_type;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::map<std::string, attribute_value> attributes;
};

/// An input or output as the file declares it; a dynamic extent is empty.
struct draft_value {
  std::string name;
  std::optional<std::vector<std::optional<std::size_t>>> dims;
};

/// A model as the file says it, before anything but its syntax has been checked.
struct draft {
  std::string name;
  std::int64_t opset = 0;
  std::vector<draft_node> nodes;
  std::vector<std::pair<std::string, constant_value>> initializers;
  std::vector<draft_value> inputs;
  std::vector<draft_value> outputs;
};

/// @throws error
[[nodiscard]] auto assemble(draft from, const limits& allowed) -> model;

/// Kind and form of a node whose inputs are known. `inputs[i]` is null where input `i` is no
/// constant.
/// @throws error
void interpret(
    const draft_node& from,
    std::int64_t opset,
    const std::vector<const constant_value*>& inputs,
    node& result
);

/// Folds each BatchNormalization into the convolution that alone feeds it.
void fold_batch_normalization(model& of);

} // namespace engine::detail
