// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>

#include <array>
#include <charconv>
#include <string>
#include <string_view>

namespace ptq::detail {

/// A number in the fewest digits that read back.
[[nodiscard]] inline auto shortest(double value) -> std::string {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

/// @throws error that names the option
constexpr void check_outlier_prob(double outlier_prob, std::string_view option = "outlier_prob") {
  if (!(outlier_prob >= 0.0 && outlier_prob < 0.5)) {
    throw error(
        "the share of values beyond each end is at least 0 and below 0.5, not " +
            shortest(outlier_prob),
        {},
        std::string(option)
    );
  }
}

} // namespace ptq::detail
