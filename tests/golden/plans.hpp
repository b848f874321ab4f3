// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/plan.hpp>
#include <ptq/statistics/statistics.hpp>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "golden/compare.hpp"
#include "golden/golden_run.hpp"

namespace ptq::test {

/// Our plan for what POT was asked for in a recorded run, from given statistics.
/// @throws no_counterpart, error as `quantization_of`.
auto plan_from(const golden_run& run, const engine::graph& of, const statistics& collected) -> plan;

/// The same on the example engine, over the samples that the run read.
auto plan_on(const golden_run& run, const engine::graph& of, engine::evaluator& evaluator) -> plan;

/// A refused run on what another one recorded: what POT aligned there.
auto asked_like(const golden_run& run, const golden_run& recorded) -> golden_run;

/// Compares a plan with what POT did: quantizers, constants, codes.
auto compare(
    const plan& mine, const golden_run& run, const engine::graph& of, const tolerances& within
) -> comparison;

} // namespace ptq::test
