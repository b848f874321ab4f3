// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A scheme of one's own: symmetric grids whose scales are powers of two, for a processor that
// shifts instead of multiplying.
#include <ptq/ptq.hpp>

#include <cmath>
#include <cstdio>
#include <span>
#include <vector>

#include "support/small_net.hpp"

//! [scheme]
struct power_of_two {
  int least_exponent = -20; // of a scale

  auto
  grids(std::span<const ptq::value_range<float>> ranges, const ptq::scheme_request& wanted) const
      -> std::vector<ptq::grid> {
    std::vector<ptq::grid> result;
    const auto below = static_cast<float>(wanted.levels / 2);
    const float above = static_cast<float>(wanted.levels - 1) - below;
    for (const ptq::value_range<float>& range : ranges) {
      int exponent = least_exponent;
      while (std::ldexp(above, exponent) < range.high) {
        ++exponent;
      }
      result.push_back(
          {.in_low = -std::ldexp(below, exponent),
           .in_high = std::ldexp(above, exponent),
           .levels = wanted.levels}
      );
    }
    return result;
  }

  friend auto operator==(const power_of_two&, const power_of_two&) -> bool = default;
};

static_assert(ptq::explain_quantization_scheme<power_of_two>());

//! [scheme]

int main() {
  const small_net::graph graph;
  small_net::evaluator evaluator(100);

  //! [use]
  using schemes = ptq::schemes<power_of_two, ptq::scheme::asymmetric>; // of each mode
  const ptq::
      default_quantization<ptq::preset::performance, ptq::device::cpu, ptq::default_ranges, schemes>
          quantize;
  const ptq::plan plan = quantize(graph, evaluator);
  //! [use]

  small_net::print(plan);
  for (const auto& each : plan.quantizers) {
    std::printf("%s: scales 2^", each->tensor.c_str());
    const char* separator = "";
    for (const ptq::grid& grid : each->format.grids) {
      std::printf("%s%g", separator, std::log2(grid.scale()));
      separator = " 2^";
    }
    std::puts("");
  }
}
