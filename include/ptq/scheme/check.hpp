// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/scheme/concept.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace ptq {

/// What no scheme can make a grid of.
/// @throws error for an end that is NaN or infinite, bits that are not 2 to 32, levels that are not
///   2 to `2^bits`, and a common zero point of activations.
inline void
check_scheme_input(std::span<const value_range<float>> ranges, const scheme_request& request) {
  if (request.bits < 2 || request.bits > 32) {
    throw error("bits are 2 to 32, not " + std::to_string(request.bits), {}, "bits");
  }
  if (request.levels < 2 || request.levels > (std::int64_t{1} << request.bits)) {
    throw error(
        "levels are 2 to 2^" + std::to_string(request.bits) + ", not " +
            std::to_string(request.levels),
        {},
        "levels"
    );
  }
  if (request.unified_zero_point && request.kind == tensor_kind::activations) {
    throw error("only weights have one zero point for all channels", {}, "unified_zero_point");
  }
  for (std::size_t c = 0; c != ranges.size(); ++c) {
    if (!(ranges[c].low - ranges[c].low == 0.0F) || !(ranges[c].high - ranges[c].high == 0.0F)) {
      throw error("the range of channel " + std::to_string(c) + " is NaN or infinite");
    }
  }
}

} // namespace ptq
