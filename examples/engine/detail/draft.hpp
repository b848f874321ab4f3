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

/// @param sample As for `load`.
/// @throws error
[[nodiscard]] auto assemble(const draft& from, const limits& allowed, const shape& sample) -> model;

/// Kind and form of a node whose inputs are known. `inputs[i]` is null where input `i` is no
/// constant.
/// @throws error
void interpret(
    const draft_node& from,
    std::int64_t opset,
    const std::vector<const constant_value*>& inputs,
    node& result
);

/// The value of a node of integers, or of a Cast, all of whose inputs are known; null if it is no
/// such node.
/// @param shapes The shape of each input.
/// @throws error
[[nodiscard]] auto fold_integers(
    const draft_node& from,
    std::int64_t opset,
    const std::vector<const constant_value*>& inputs,
    const std::vector<const shape*>& shapes
) -> std::optional<constant_value>;

/// The shape of each output of a node whose inputs have these shapes.
/// @param inputs An absent input has the empty shape.
/// @throws error if the shapes do not fit the operation.
[[nodiscard]] auto output_shapes(
    const model& of, const node& from, std::size_t batch, const std::vector<shape>& inputs
) -> std::vector<shape>;

/// The shapes of the nodes behind the first ones, whose shapes are `known`; they are appended.
void infer_more_shapes(
    const model& of,
    std::size_t batch,
    const limits& allowed,
    std::vector<std::vector<shape>>& known
);

/// Does each sample keep to itself, so that several can be run at once?
[[nodiscard]] auto keeps_samples_apart(const model& of, const limits& allowed) -> bool;

/// Makes the target shapes of `of` independent of the batch for which they were worked out, by the
/// same model for another batch.
/// @return false if the two differ in anything else.
[[nodiscard]] auto free_of_batch(model& of, const model& other) -> bool;

/// Fills in who reads what.
void find_readers(model& of);

} // namespace engine::detail
