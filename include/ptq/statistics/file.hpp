// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/statistics/serialise.hpp>
#include <ptq/statistics/statistics.hpp>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <ios>
#include <iterator>
#include <string>

namespace ptq {

/// Makes an empty file beside `path`, under a name that no file had: what becomes `path` is written
/// there and renamed.
/// @return The name: `path` with `.part-` and a number.
/// @throws error if there can be no such file.
[[nodiscard]] inline auto new_file_beside(const std::string& path) -> std::string {
  for (int number = 0; number != 1000; ++number) {
    std::string name = path + ".part-" + std::to_string(number);
    if (std::FILE* const file = std::fopen(name.c_str(), "wbx"); file != nullptr) {
      std::fclose(file);
      return name;
    }
    if (errno != EEXIST) {
      break;
    }
  }
  throw error("cannot be written", path);
}

/// Writes `bytes` beside `path` and renames, so that the file is either whole or as it was.
/// @throws error if it cannot be written.
inline void write_file(const std::string& path, const std::string& bytes) {
  const std::string beside = new_file_beside(path);
  std::ofstream file(beside, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file || std::rename(beside.c_str(), path.c_str()) != 0) {
    std::remove(beside.c_str());
    throw error("cannot be written", path);
  }
}

/// @throws error if the file cannot be read.
[[nodiscard]] inline auto read_file(const std::string& path) -> std::string {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw error("cannot be opened for reading", path);
  }
  try {
    return {std::istreambuf_iterator<char>(file), {}};
  } catch (const std::ios_base::failure&) { // a folder opens, and cannot be read
    throw error("cannot be read", path);
  }
}

/// @throws error if the file cannot be written.
inline void save_statistics(const statistics& what, const std::string& path) {
  write_file(path, to_bytes(what));
}

/// @throws error if the file cannot be read or holds no statistics.
[[nodiscard]] inline auto load_statistics(const std::string& path) -> statistics {
  const std::string bytes = read_file(path);
  try {
    return statistics_from_bytes(bytes);
  } catch (const error& problem) {
    throw error(problem.what(), path);
  }
}

} // namespace ptq
