// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/evaluator/plan_runner.hpp>

#include <string>

namespace ptq {

/// The engine, for corrections that run the model, and the samples to run.
struct run_access {
  plan_runner* engine = nullptr;
  samples calibrated{}; ///< Those that the statistics are of.
};

/// A correction that cannot do without runs says so with `using runs_the_model = void;`, so that an
/// algorithm with it that is given statistics alone does not compile.
template <class C>
inline constexpr bool runs_the_model = requires { typename C::runs_the_model; };

namespace detail {

inline auto required(const run_access* run, const std::string& correction) -> const run_access& {
  if (run == nullptr) {
    throw error(
        "it runs the model: call the algorithm with an evaluator that runs plans (`observe` with a "
        "plan), not with statistics alone",
        {},
        correction
    );
  }
  return *run;
}

} // namespace detail

} // namespace ptq
