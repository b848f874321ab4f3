// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/plan.hpp>
#include <ptq/search/configuration.hpp>

#include <functional>

#include "engine/graph.hpp"
#include "engine/model.hpp"
#include "options.hpp"
#include "report.hpp"

/// The plan for other options, from the same samples or statistics.
using requantization = std::function<ptq::plan(const options&)>;

/// The plans of the other settings of these options.
using retuning = std::function<ptq::plan_space(const options&)>;

/// Reverts as few operations of a plan as it can until the accuracy holds; tells how it went.
/// @param again, settings  Empty for a finished plan.
/// @throws ptq::error for samples, labels and states that do not fit.
[[nodiscard]] auto hold_accuracy(
    const engine::model& model,
    const engine::graph& graph,
    const ptq::plan& start,
    const requantization& again,
    const retuning& settings,
    const options& chosen,
    report& into
) -> ptq::plan;
