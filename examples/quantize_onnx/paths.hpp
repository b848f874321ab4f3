// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "options.hpp"

/// @throws ptq::error if one file would be written twice or over what is read, or cannot be
/// written.
void check_paths(const options& chosen);
