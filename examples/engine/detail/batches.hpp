// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <functional>

#include "../program.hpp"

namespace engine::detail {

/// @throws error if `samples` are not `[N, ...]` with samples of the shape of the model's input.
void check_samples(const model& of, const tensor& samples);

/// The first output of the model for all samples.
/// @param ready The program for a batch of that size.
[[nodiscard]] auto run_in_batches(
    const model& of,
    const tensor& samples,
    std::size_t batch,
    const std::function<program&(std::size_t)>& ready
) -> tensor;

} // namespace engine::detail
