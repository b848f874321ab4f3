// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/observer/observer.hpp>

#include <cstdio>
#include <string>

namespace ptq {

/// An observer that draws a progress bar on standard error.
class print_progress {
public:
  void on_progress(const progress& now) {
    constexpr std::size_t width = 40;
    const std::size_t filled = now.of == 0 ? width : now.done * width / now.of;
    const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
    const std::string stage(now.stage);
    std::fprintf(
        stderr,
        "\r%-12s [%s] %zu/%zu%s",
        stage.c_str(),
        bar.c_str(),
        now.done,
        now.of,
        now.done == now.of ? "\n" : ""
    );
  }
};

} // namespace ptq
