// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/ranking/by_metric.hpp>
#include <ptq/search/greedy_pot.hpp>
#include <ptq/search/keep_best.hpp>

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;

constexpr std::size_t groups = 10;
constexpr std::size_t samples = 2000;

const std::vector<double> harm{0.02, 0.3, 0.01, 0.05, 0.6, 0.02, 0.1, 0.03, 0.01, 0.04};

auto names_of(const ptq::accuracy_outcome& of) -> std::vector<std::string> {
  std::vector<std::string> result;
  for (const ptq::group& each : of.reverted) {
    result.insert(result.end(), each.operations.begin(), each.operations.end());
  }
  return result;
}

TEST_CASE("the default finds the few groups that hold the accuracy and measures the result in full") {
  const auto graph = chain(groups);
  scripted_engine engine(groups, samples, additive(harm));
  const ptq::accuracy_aware_quantization control{
      .base = quantize_chain{groups}, .maximal_drop = 0.02
  };
  const ptq::accuracy_outcome found = control(graph, engine);
  CHECK(found.reached);
  CHECK(found.why == ptq::stop_reason::met);
  CHECK(found.returned_in_full);
  CHECK(found.drop() <= 0.02);
  for (const auto& s : found.trace) { MESSAGE(s.number << " " << name_of(s.kind) << " " << s.operations.size() << " " << s.decision << " " << s.reason << " " << s.samples << " seen " << s.seen << " drop " << (s.metrics.empty() ? 0.0 : s.metrics[0].drop)); }
  MESSAGE(found.inferred.baseline << " " << found.inferred.ranking << " " << found.inferred.candidates);
  for (auto& n : names_of(found)) MESSAGE(n);
}

} // namespace
