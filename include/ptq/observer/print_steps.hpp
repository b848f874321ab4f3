// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/observer/step.hpp>
#include <ptq/observer/step_text.hpp>

#include <ostream>

namespace ptq {

/// An observer that prints a line for each step of a search.
class print_steps {
public:
  /// @param to  Must outlive the observer.
  explicit print_steps(std::ostream& to) : to_(&to) {}

  void on_step(const step& made) { *to_ << line_of(made) << '\n' << std::flush; }

private:
  std::ostream* to_;
};

/// An observer that writes a line of JSON for each step of a search.
class trace_lines {
public:
  /// @param to  Must outlive the observer.
  explicit trace_lines(std::ostream& to) : to_(&to) {}

  void on_step(const step& made) { *to_ << json_line(made) << '\n' << std::flush; }

private:
  std::ostream* to_;
};

} // namespace ptq
