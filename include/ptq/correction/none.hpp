// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/correction/concept.hpp>

namespace ptq::correction {

/// Leaves the plan as it is: what a choice at run time takes to switch a correction off.
struct none {
  [[nodiscard]] auto operator()(const correction_context&, const plan& before) const -> plan {
    return before;
  }

  friend constexpr auto operator==(const none&, const none&) -> bool = default;
};

} // namespace ptq::correction
