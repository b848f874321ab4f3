// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/grid.hpp>
#include <ptq/kernel/detail/candidate_errors_kernel.hpp>
#include <ptq/kernel/detail/checks.hpp>

#include <cstddef>
#include <span>
#include <vector>

#include <xsimd/xsimd.hpp>

namespace ptq {

/// The squared error of `x` on each of many grids, in one pass over `x`: block by block, all
/// candidates look at a block while it is in the nearest cache.
///
/// @par Definition
/// For candidate `k` the sum of `masses[i] (x[i] - fake_quantize(x[i], candidates[k]))^2`; without
/// masses, those are 1.
/// @par Determinism
/// The same bits on every architecture and alignment: summed as `quantization_error` sums. Without
/// masses, each has the bits of its `squared_error`.
/// @param masses  None, or one for each value
/// @throws error if a limit is NaN, the levels are not 2 to 2^32, or the masses are not as many
template <class Arch = xsimd::default_arch>
[[nodiscard]] auto candidate_errors(
    std::span<const float> x, std::span<const float> masses, std::span<const grid> candidates
) -> std::vector<double> {
  if (!masses.empty()) {
    detail::check_sizes(x.size(), masses.size(), "candidate_errors");
  }
  for (std::size_t k = 0; k != candidates.size(); ++k) {
    detail::check_grid(candidates[k], "candidate_errors", k, detail::most_float_levels);
  }
  const detail::candidate_errors_kernel kernel;
  std::vector<detail::prepared_grid> prepared(candidates.size());
  kernel.prepare(Arch{}, candidates.data(), candidates.size(), prepared.data());
  std::vector<double> result(candidates.size());
  kernel(
      Arch{},
      x.data(),
      masses.empty() ? nullptr : masses.data(),
      x.size(),
      prepared.data(),
      prepared.size(),
      result.data()
  );
  return result;
}

template <class Arch = xsimd::default_arch>
[[nodiscard]] auto candidate_errors(std::span<const float> x, std::span<const grid> candidates)
    -> std::vector<double> {
  return candidate_errors<Arch>(x, {}, candidates);
}

} // namespace ptq
