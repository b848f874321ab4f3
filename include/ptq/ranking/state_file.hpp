// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/ranking/measurement_log.hpp>
#include <ptq/statistics/file.hpp>

#include <cstdio>
#include <fstream>
#include <ios>
#include <optional>
#include <string>

namespace ptq {

namespace detail {

inline auto previous_state(const std::string& path) -> std::string {
  return path + ".previous";
}

/// Empty if there is no such file.
inline auto load_state_at(const std::string& path) -> std::optional<measurement_log> {
  if (!std::ifstream(path, std::ios::binary)) {
    return std::nullopt;
  }
  const std::string bytes = read_file(path);
  try {
    return measurement_log::from_bytes(bytes);
  } catch (const error& problem) {
    throw error(problem.what(), path);
  }
}

} // namespace detail

/// Writes the state of a search to `path`. A process that ends at any moment leaves a whole state
/// there, or in `path.previous`.
/// @throws error if it cannot be written.
inline void save_state(const measurement_log& what, const std::string& path) {
  const std::string fresh = path + ".new"; // one search writes to a path: the name can be fixed
  const std::string bytes = what.to_bytes();
  std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) {
    throw error("cannot be written", path);
  }
  std::rename(path.c_str(), detail::previous_state(path).c_str()); // there is none at first
  if (std::rename(fresh.c_str(), path.c_str()) != 0) {
    throw error("cannot be written", path);
  }
}

/// The state at `path`; the one before it if that is damaged, which is noted.
/// @return Empty if there is none.
/// @throws error if what is there is damaged and there is none before it.
[[nodiscard]] inline auto load_state(const std::string& path, const observers& tell)
    -> std::optional<measurement_log> {
  try {
    if (auto found = detail::load_state_at(path)) {
      return found;
    }
    return detail::load_state_at(detail::previous_state(path));
  } catch (const error& problem) {
    std::optional<measurement_log> before;
    try {
      before = detail::load_state_at(detail::previous_state(path));
    } catch (const error&) {
      before.reset();
    }
    if (!before) {
      throw;
    }
    tell.on_note({path, std::string(problem.what()) + "; the state before it is used"});
    return before;
  }
}

} // namespace ptq
