// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/nearest.hpp>
#include <ptq/placement/options.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ptq::config {

/// Names of families of models with rules of their own, as POT spells them.
inline constexpr std::array model_types{
    std::pair<std::string_view, model_type>{"none", model_type::none},
    std::pair<std::string_view, model_type>{"transformer", model_type::transformer},
};

/// The family that goes by `name`.
/// @param option  What the user set, for the message: `--model-type`, `model_type`.
/// @throws error that lists the names, and names the nearest, if there is no such one.
[[nodiscard]] inline auto choose_model_type(std::string_view name, const std::string& option)
    -> model_type {
  std::vector<std::string_view> known;
  std::string list;
  for (const auto& [each, type] : model_types) {
    if (each == name) {
      return type;
    }
    known.push_back(each);
    list += (list.empty() ? "" : ", ") + std::string(each);
  }
  throw error(
      "`" + std::string(name) + "` is none of " + list + ": did you mean `" +
          nearest_name(name, known) + "`?",
      {},
      option
  );
}

} // namespace ptq::config
