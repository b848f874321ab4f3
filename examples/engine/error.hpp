// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <stdexcept>

namespace engine {

/// What the engine cannot do, and where, in one line.
class error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

} // namespace engine
