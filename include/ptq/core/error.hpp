// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace ptq {

/// What went wrong, where (a tensor, a node, a file), and which option asked for it.
class error : public std::runtime_error {
public:
  /// @param problem  One sentence without a full stop.
  /// @param where    The tensor, node, sample or file; empty if there is none.
  /// @param option   The option as the user spells it; empty if there is none.
  explicit error(const std::string& problem, std::string where = {}, std::string option = {})
      : std::runtime_error(compose(problem, where, option)),
        where_(std::move(where)),
        option_(std::move(option)) {}

  [[nodiscard]] auto where() const noexcept -> const std::string& { return where_; }

  [[nodiscard]] auto option() const noexcept -> const std::string& { return option_; }

private:
  static auto
  compose(const std::string& problem, const std::string& where, const std::string& option)
      -> std::string {
    std::string line = where.empty() ? problem : where + ": " + problem;
    return option.empty() ? line : line + " (option `" + option + "`)";
  }

  std::string where_;
  std::string option_;
};

} // namespace ptq
