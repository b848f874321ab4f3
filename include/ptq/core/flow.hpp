// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace ptq {

/// Is more of the work wanted? The answer of a callback; it may be ignored.
enum class flow : std::uint8_t { more, enough };

using enum flow;

} // namespace ptq
