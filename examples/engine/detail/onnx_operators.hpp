// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "onnx_file.hpp"

namespace engine::detail {

/// Writes one node in float, as what it is in standard ONNX: where the loader made one operation of
/// several, several again.
/// @param inputs The names of what it reads; empty where it reads nothing. Lists of whole numbers
///               are not read: they are written from the node's form.
/// @param from   The shape of its first input.
/// @param to     The shapes of its outputs.
/// @throws error if the file's operator set cannot say it.
void write_operator(
    onnx_file& into,
    const node& of,
    std::vector<std::string> inputs,
    const shape& from,
    const std::vector<shape>& to
);

} // namespace engine::detail
