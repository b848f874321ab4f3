// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <span>
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

TEST_CASE("what was turned down by little is looked at again before a plan is returned") {
  const auto graph = chain(eight.size());
  std::size_t again = 0;
  for (const double limit : {0.05, 0.03, 0.02, 0.015, 0.01, 0.005}) {
    scripted_engine engine(eight.size(), samples, additive(eight));
    const ptq::accuracy_aware_quantization control{
        .base = quantize_chain{eight.size()},
        .maximal_drop = limit,
        .early_stopping = {.certainty = 0.2}
    };
    const ptq::accuracy_outcome found = control(graph, engine);
    CHECK(found.reached);
    for (const ptq::step& each : found.trace) {
      if (each.reason.starts_with("looked at again")) {
        CHECK(each.kind == ptq::step_kind::candidate);
        // More samples than before, for a candidate that was turned down.
        const auto before = std::ranges::find_if(found.trace, [&](const ptq::step& other) {
          return other.number < each.number && other.reverted == each.reverted &&
                 other.decision == "does not fit" && other.seen < each.seen;
        });
        CHECK(before != found.trace.end());
        ++again;
      }
    }
  }
  CHECK(again > 0);
}

/// On how many samples each candidate was decided first, up to the first that failed in full.
auto decided_after(const ptq::early_stopping& how) -> std::map<ptq::group_set, std::size_t> {
  scripted_engine engine(eight.size(), samples, additive(eight));
  const ptq::accuracy_aware_quantization control{
      .base = quantize_chain{eight.size()}, .maximal_drop = 0.01, .early_stopping = how
  };
  const ptq::accuracy_outcome found = control(chain(eight.size()), engine);
  CHECK(found.reached);
  std::map<ptq::group_set, std::size_t> result;
  std::size_t rankings = 0;
  for (const ptq::step& each : found.trace) {
    rankings += each.kind == ptq::step_kind::ranking ? 1U : 0U;
    if (each.kind == ptq::step_kind::candidate && rankings < 2) {
      result.emplace(each.reverted, each.seen);
    }
  }
  return result;
}

TEST_CASE("with more certainty, and over more of the samples, a candidate is decided later") {
  const auto compare = [](const ptq::early_stopping& loose, const ptq::early_stopping& strict) {
    const std::map<ptq::group_set, std::size_t> sooner = decided_after(loose);
    std::size_t later = 0;
    for (const auto& [set, seen] : decided_after(strict)) {
      const auto other = sooner.find(set);
      if (other != sooner.end()) {
        CHECK(other->second <= seen);
        later += other->second < seen ? 1U : 0U;
      }
    }
    CHECK(later > 1);
  };
  compare({.certainty = 0.1}, {.certainty = 2.0});
  compare({.certainty = 2.0, .patience = 0.05}, {.certainty = 2.0, .patience = 4.0});
}

TEST_CASE("a metric without an interval or margins is foreseen, too") {
  const auto graph = chain(eight.size());
  scripted_engine engine(eight.size(), samples, additive(eight));
  engine.metrics = [](std::span<const double> leads) {
    ptq::metric loss{.name = "loss", .direction = ptq::lower_is_better};
    for (const double each : leads) {
      loss.per_sample.push_back(std::log1p(std::exp(-4.0 * each)));
    }
    return ptq::measurement{loss};
  };
  ptq::accuracy_aware_quantization control{
      .base = quantize_chain{eight.size()}, .maximal_drop = 0.05
  };
  const ptq::accuracy_outcome early = control(graph, engine);
  control.early_stopping.enabled = false;
  const ptq::accuracy_outcome in_full = control(graph, engine);
  CHECK(early.reached);
  CHECK(early.drop() <= 0.05);
  CHECK(early.inferred.candidates * 2 < in_full.inferred.candidates);
  CHECK(early.operations_reverted <= in_full.operations_reverted + 1);
}

} // namespace
