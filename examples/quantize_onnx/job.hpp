// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "options.hpp"

/// Does what the options ask for: quantizes, measures, writes files, prints a table.
/// @throws std::exception with one line that says what is wrong. Files are written last and one
///   after the other: each is whole or as it was.
/// @return False if an accuracy was to be held, and is not.
[[nodiscard]] auto run(const options& chosen) -> bool;

[[nodiscard]] auto version_of_ptq() -> std::string;
