// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/flow.hpp>
#include <ptq/evaluator/check.hpp>
#include <ptq/evaluator/concept.hpp>

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace ptq::test {

/// What `ptq::evaluator_for` promises and the compiler cannot see.
template <graph G, evaluator_for<G> E>
void check_evaluator_laws(const G& of, E& evaluator) {
  const std::vector<std::string> findings = check_evaluator(of, evaluator);
  for (const std::string& finding : findings) {
    FAIL_CHECK(finding);
  }

  std::vector<tap<G>> taps;
  for (const typename G::node_id id : of.nodes()) {
    const std::optional<constant_view> constant = of.constant(id);
    if (!constant && of.op(id) != op::output) {
      taps.emplace_back(id);
    }
  }
  REQUIRE_FALSE(taps.empty());

  struct {
    std::set<std::size_t> seen;
    bool stop = false;

    auto operator()(const samples& batch, tap<G> /*tensor*/, const tensor_view& /*view*/) -> flow {
      seen.insert(batch.begin(), batch.end());
      return stop ? enough : more;
    }
  } sink;

  // One tap alone, an explicit list of samples, no sample at all, and an early end.
  const std::span<const tap<G>> last = std::span<const tap<G>>(taps).last(1);
  const std::size_t count = evaluator.sample_count();
  observe_float(
      of, evaluator, last, samples(std::vector{count - 1}), show_ref<typename G::node_id>(sink)
  );
  CHECK(sink.seen.contains(count - 1));
  sink.seen.clear();
  observe_float(of, evaluator, last, samples(), show_ref<typename G::node_id>(sink));
  CHECK(sink.seen.empty());
  sink.stop = true;
  observe_float(of, evaluator, last, samples(0, count), show_ref<typename G::node_id>(sink));
  CHECK(sink.seen.contains(0));
}

} // namespace ptq::test
