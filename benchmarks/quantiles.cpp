// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Exact quantiles beside std::nth_element on a copy of the values, with the instruction set of this
// processor.
#include <ptq/kernel/extremes.hpp>
#include <ptq/kernel/quantile.hpp>
#include <ptq/range/concept.hpp>
#include <ptq/range/quantile.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "table.hpp"

namespace {

using namespace ptq::benchmarks;
using values = std::shared_ptr<const std::vector<float>>;

auto normal_values(std::size_t size) -> values {
  std::minstd_rand bits(7);
  std::normal_distribution<float> normal(0.0F, 1.0F);
  std::vector<float> made(size);
  std::ranges::generate(made, [&] { return normal(bits); });
  return std::make_shared<const std::vector<float>>(std::move(made));
}

void add_quantile(std::size_t size, double q) {
  const values x = normal_values(size);
  section& s = the_table().add(
      "quantile " + std::to_string(q) + " of " + std::to_string(size) + " values",
      size,
      {"nth_element of a copy"}
  );
  s.entries.emplace_back("nth_element of a copy", [x, q] {
    std::vector<float> copy(*x);
    const auto at = ptq::quantile_position::of(copy.size(), q);
    const auto place = copy.begin() + static_cast<std::ptrdiff_t>(at.below);
    std::nth_element(copy.begin(), place, copy.end());
    benchmark::DoNotOptimize(*place);
  });
  s.entries.emplace_back("quantile_of", [x, q] {
    benchmark::DoNotOptimize(ptq::quantile_of(*x, q));
  });
  s.entries.emplace_back("quantile_of, by leading bits", [x, q] {
    const auto at = ptq::quantile_position::of(x->size(), q);
    benchmark::DoNotOptimize(ptq::detail::quantile_of_many<xsimd::default_arch>(*x, at));
  });
}

/// What calibration does with a tensor: both ends in one sweep, in blocks.
void add_estimator(std::size_t size) {
  const values x = normal_values(size);
  section& s =
      the_table().add("estimators on " + std::to_string(size) + " values", size, {"extremes_of"});
  s.entries.emplace_back("extremes_of", [x] { benchmark::DoNotOptimize(ptq::extremes_of(*x)); });
  const auto add = [&](const char* name, const auto& policy) {
    s.entries.emplace_back(name, [x, policy] {
      auto state = policy.template start<float>();
      state.expect(x->size());
      state.observe(*x);
      benchmark::DoNotOptimize(ptq::range_of<float>(policy, state));
    });
  };
  add("quantile 1e-4", ptq::quantile{});
  add("quantile 1e-2", ptq::quantile{1e-2});
  add("abs_quantile 1e-4", ptq::abs_quantile{});
}

} // namespace

int main(int argc, char** argv) {
  std::printf("compiled for xsimd's %s\n", xsimd::default_arch::name());
  for (const std::size_t size :
       {std::size_t{1} << 12, std::size_t{1} << 18, std::size_t{1} << 20}) {
    for (const double q : {0.999, 0.99, 0.5}) {
      add_quantile(size, q);
    }
    add_estimator(size);
  }
  return run_table(argc, argv);
}
