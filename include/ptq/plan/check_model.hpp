// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/graph/digest.hpp>
#include <ptq/plan/plan.hpp>

#include <string>

namespace ptq {

/// Refuses a plan that was made for another model. A plan without a digest passes.
/// @throws error if the plan carries another digest than that of the graph.
inline void check_model(const plan& made, const topology& of) {
  if (made.model.digest.empty()) {
    return;
  }
  const std::string actual = digest(of);
  if (made.model.digest != actual) {
    const std::string called = made.model.name.empty() ? "" : " `" + made.model.name + "`";
    throw error(
        "the plan is of another model" + called + ": its digest is " + made.model.digest +
        ", the graph's is " + actual
    );
  }
}

} // namespace ptq
