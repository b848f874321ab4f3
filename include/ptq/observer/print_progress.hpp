// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/observer/observer.hpp>
#include <ptq/observer/step.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>

namespace ptq {

/// What becomes of the bar of a stage that is done.
enum class finished_bar : bool { stays, goes };

/// An observer that draws a progress bar. A step of a search takes a bar that is not full off the
/// screen, so that the line of the step has the place.
class print_progress {
public:
  /// @param to  Must outlive the observer.
  explicit print_progress(std::FILE* to = stderr, finished_bar when_done = finished_bar::stays)
      : to_(to), when_done_(when_done) {}

  void on_progress(const progress& now) {
    constexpr std::size_t width = 40;
    const std::size_t filled = now.of == 0 ? width : std::min(now.done, now.of) * width / now.of;
    std::string bar(now.stage);
    bar.resize(std::max<std::size_t>(bar.size(), 12), ' ');
    bar += " [" + std::string(filled, '#') + std::string(width - filled, '.') + "] " +
           std::to_string(now.done) + "/" + std::to_string(now.of);
    const bool full = now.done >= now.of;
    if (full && when_done_ == finished_bar::goes) {
      erase();
      return;
    }
    const std::size_t length = bar.size();
    bar.resize(std::max(length, drawn_), ' '); // over what is left of a longer one
    std::fprintf(to_, "\r%s%s", bar.c_str(), full ? "\n" : "");
    std::fflush(to_);
    drawn_ = full ? 0 : length;
  }

  void on_step(const step& /*made*/) { erase(); }

private:
  void erase() {
    if (drawn_ != 0) {
      std::fprintf(to_, "\r%s\r", std::string(drawn_, ' ').c_str());
      std::fflush(to_);
      drawn_ = 0;
    }
  }

  std::FILE* to_;
  finished_bar when_done_;
  std::size_t drawn_ = 0; ///< Characters of a bar that is on the screen.
};

} // namespace ptq
