// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <filesystem>
#include <string>

#include <unistd.h>

namespace ptq::test {

/// A folder of this process alone, empty at first and gone at the end: test cases run at the same
/// time.
struct scratch {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("ptq_test_" + std::to_string(getpid()));

  scratch() {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
  }

  scratch(const scratch&) = delete;
  auto operator=(const scratch&) -> scratch& = delete;

  ~scratch() { std::filesystem::remove_all(folder); }
};

} // namespace ptq::test
