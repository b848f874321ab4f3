// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;

const std::vector<double> harm{0.001, 0.002, 0.4};

/// An algorithm with presets of its own: its `mixed` leaves the last group alone.
struct own_algorithm {
  bool performance = true;

  auto operator()(const toy_graph& of, scripted_engine& engine) const -> ptq::plan {
    return quantize_chain{performance ? harm.size() : harm.size() - 1}(of, engine);
  }

  auto with_mixed_preset() const -> std::optional<own_algorithm> {
    return performance ? std::optional(own_algorithm{false}) : std::nullopt;
  }
};

struct hears_notes {
  std::vector<std::string> heard{};

  void on_note(const ptq::note& what) { heard.push_back(what.where); }
};

TEST_CASE("a base of the user's own says what its preset mixed is") {
  const auto graph = chain(harm.size());
  scripted_engine engine(harm.size(), 500, additive(harm));
  ptq::accuracy_aware_quantization<own_algorithm> control{.maximal_drop = 0.01};
  const auto as_it_is = control(graph, engine);
  CHECK(as_it_is.reached);
  CHECK(as_it_is.operations_reverted == 1);

  control.convert_to_mixed_preset = true;
  const auto converted = control(graph, engine);
  CHECK(converted.reached);
  CHECK(converted.operations_reverted == 0);
  CHECK(converted.plan == own_algorithm{false}(graph, engine));
}

TEST_CASE("a base whose preset is not performance is not converted, and that is noted") {
  const auto graph = chain(harm.size());
  scripted_engine engine(harm.size(), 500, additive(harm));
  const ptq::accuracy_aware_quantization<own_algorithm> control{
      .base = {.performance = false}, .convert_to_mixed_preset = true
  };
  hears_notes notes;
  CHECK(control(graph, engine, notes).reached);
  CHECK(notes.heard == std::vector<std::string>{"convert_to_mixed_preset"});
}

} // namespace
