// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/statistics/statistics.hpp>

#include <cstdint>

#include "support/toy_evaluator.hpp"

namespace ptq::test {

/// What calibration might keep of one sample: all kinds of entries, of two tensors.
inline auto statistics_of_sample(std::uint64_t sample, unsigned seed) -> statistics {
  statistics result;
  result.see(sample);
  result.record({"x", "extremes"}, sample, toy_numbers(2, seed));
  result.record({"conv", "extremes/1"}, sample, toy_numbers(6, seed + 100));
  result.add({"conv", "mean/1"}, toy_numbers(3, seed + 200, -1e-30F, 1e30F));
  ptq::log_histogram histogram;
  histogram.add(toy_numbers(50, seed + 300, -1.0F, 1000.0F));
  histogram.add(toy_numbers(50, seed + 400, -1e-9F, 1e-6F));
  result.add({"conv", "histogram"}, statistics::counted{1, {histogram}});
  result.note_shape("conv", {3, 8, 8 + seed % 2});
  return result;
}

} // namespace ptq::test
