// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/scripted_outcome.hpp"
#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;
using names = std::vector<std::string>;

constexpr std::size_t samples = scripted_samples;

TEST_CASE("early stopping takes fewer samples and comes to a result within the limit") {
  const auto graph = chain(eight.size());
  for (const double limit : {0.05, 0.01, 0.002}) {
    const auto run = [&](bool early) {
      scripted_engine engine(eight.size(), samples, additive(eight));
      const ptq::accuracy_aware_quantization control{
          .base = quantize_chain{eight.size()},
          .maximal_drop = limit,
          .early_stopping = {.enabled = early}
      };
      return control(graph, engine);
    };
    const ptq::accuracy_outcome in_full = run(false);
    const ptq::accuracy_outcome early = run(true);
    CHECK(early.reached);
    CHECK(operations_of(early).size() <= operations_of(in_full).size() + 1);
    CHECK(early.inferred.candidates * 2 < in_full.inferred.candidates);
    for (const ptq::step& each : in_full.trace) {
      CHECK((each.kind != ptq::step_kind::candidate || each.seen == samples));
    }
  }
}

TEST_CASE("a candidate that is turned down early fails on all samples, too") {
  const auto graph = chain(eight.size());
  const auto lead = additive(eight);
  scripted_engine engine(eight.size(), samples, lead);
  const ptq::accuracy_aware_quantization control{
      .base = quantize_chain{eight.size()}, .maximal_drop = 0.01
  };
  std::size_t turned_down = 0;
  for (const ptq::step& each : control(graph, engine).trace) {
    if (each.kind == ptq::step_kind::candidate && each.decision == "does not fit") {
      std::vector<bool> quantized(eight.size(), true);
      for (const std::size_t g : each.reverted) {
        quantized[g] = false;
      }
      CHECK(true_drop(lead, quantized) > 0.01);
      turned_down += each.seen < samples ? 1 : 0;
    }
  }
  CHECK(turned_down > 2);
}

TEST_CASE("a candidate accepted on a part that fails on all is given up and the search goes on") {
  // The last samples of the order are lost: those with the widest lead.
  constexpr std::size_t groups = 4;
  const auto lead = [](const std::vector<bool>& quantized, std::size_t s) {
    const double before = 1.0 + static_cast<double>(s);
    const bool far = s >= samples - 100;
    return far && (quantized[0] || quantized[1]) ? -1.0 : before - (quantized[2] ? 0.5 : 0.0);
  };
  const auto graph = chain(groups);
  scripted_engine engine(groups, samples, lead);
  const ptq::accuracy_aware_quantization control{
      .base = quantize_chain{groups}, .maximal_drop = 0.01
  };
  const ptq::accuracy_outcome found = control(graph, engine);
  CHECK(found.reached);
  CHECK(found.drop() <= 0.01);
  CHECK(operations_of(found) == names{"op0", "op1"});
  check_outcome(found, engine, lead, groups);
}

} // namespace
