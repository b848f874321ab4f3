// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/evaluator.hpp"
#include "engine/model.hpp"
#include "options.hpp"

/// An evaluator over the samples in a file.
/// @throws ptq::error that names the file, and the sample if one holds NaN or infinity.
[[nodiscard]] auto evaluator_on(
    const engine::model& model, const std::string& file, std::vector<std::int64_t> labels = {}
) -> engine::evaluator;

/// The model; extents that it leaves open are those of the samples at hand.
[[nodiscard]] auto model_for(const options& chosen) -> engine::model;

[[nodiscard]] auto labels_from(const std::string& file) -> std::vector<std::int64_t>;

/// @throws ptq::error if there is not one label for each sample, or one is no class of the model.
void check_labels(
    const std::vector<std::int64_t>& labels,
    const engine::tensor& samples,
    const engine::model& model,
    const std::string& labels_file,
    const std::string& samples_file
);
