// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/plan.hpp>

#include <vector>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "report.hpp"

/// By how many decibels a tensor is above its distance from what was reached; infinite where there
/// is none.
/// @pre the same shape
[[nodiscard]] auto output_sqnr_db(const engine::tensor& wanted, const engine::tensor& reached)
    -> double;

/// How much each quantizer of a plan changes its tensor, in the order of the plan: weights as they
/// are, activations over the first samples of `data`. Without data activations are left out.
[[nodiscard]] auto
errors_of(const engine::graph& graph, const ptq::plan& plan, engine::evaluator* data)
    -> std::vector<tensor_error>;
