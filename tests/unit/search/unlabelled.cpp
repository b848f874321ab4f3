// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/ranking/by_own_noise.hpp>

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;

/// The scripted engine without labels.
struct shows_alone {
  using ptq_evaluator = void;

  scripted_engine engine;

  auto sample_count() const -> std::size_t { return engine.sample_count(); }

  template <class G>
  void observe(
      const G& graph,
      const ptq::plan& under,
      std::span<const ptq::tap<G>> taps,
      const ptq::samples& range,
      ptq::show_ref<int> show
  ) {
    engine.observe(graph, under, taps, range, show);
  }
};

TEST_CASE("without labels the metric is agreement with the float model where that is sure enough") {
  constexpr std::size_t groups = 4;
  const auto graph = chain(groups);
  const auto lead = [](const std::vector<bool>& quantized, std::size_t s) {
    const double before = 6.0 * scripted_number(s, 999) - 3.0;
    return before * (quantized[2] && s % 10 == 0 ? -1.0 : 1.0) + (quantized[0] ? 0.01 : 0.0);
  };
  shows_alone engine{scripted_engine(groups, 1000, lead)};
  ptq::accuracy_aware_quantization control{.base = quantize_chain{groups}, .maximal_drop = 0.01};
  const ptq::accuracy_outcome found = control(graph, engine);
  CHECK(found.measured_by == "agreement with the float model");
  CHECK(found.reached);
  REQUIRE(found.reverted.size() == 1);
  CHECK(found.reverted[0].operations == std::vector<std::string>{"op2"});
  // Of two classes the better has more than 0.6 where the lead is over log(0.6 / 0.4).
  std::size_t sure = 0;
  for (std::size_t s = 0; s != 1000; ++s) {
    const double before = lead(std::vector<bool>(groups), s);
    sure += before > 0.405465 || before < -0.405465 ? 1U : 0U;
  }
  CHECK(found.inferred.baseline == sure);
  control.unlabelled.annotation_conf_threshold = 0.0;
  CHECK(control(graph, engine).inferred.baseline == 1000);
  control.unlabelled.annotation_conf_threshold = 0.99;
  CHECK(
      message_of([&] { static_cast<void>(control(graph, engine)); }) ==
      "of no sample the float model is as sure as that (option `annotation_conf_threshold`)"
  );
  control.unlabelled.annotation_conf_threshold = 1.5;
  CHECK(message_of([&] {
          static_cast<void>(control(graph, engine));
        }) == "the confidence is 0 to 1 (option `annotation_conf_threshold`)");
}

TEST_CASE("a named distance is a metric to be minimised, in its own unit") {
  constexpr std::size_t groups = 3;
  const auto graph = chain(groups);
  const auto lead = [](const std::vector<bool>& quantized, std::size_t s) {
    return 1.0 + scripted_number(s) + (quantized[1] ? 0.5 : 0.0) + (quantized[0] ? 0.001 : 0.0);
  };
  for (const ptq::distance kind : {ptq::distance::nmse, ptq::distance::kl}) {
    shows_alone engine{scripted_engine(groups, 200, lead)};
    const ptq::accuracy_aware_quantization control{
        .base = quantize_chain{groups}, .maximal_drop = 0.001, .unlabelled = {.distance = kind}
    };
    const ptq::accuracy_outcome found = control(graph, engine);
    CHECK(found.measured_by == std::string(name_of(kind)));
    CHECK(found.reached);
    REQUIRE(found.reverted.size() == 1);
    CHECK(found.reverted[0].operations == std::vector<std::string>{"op1"});
    CHECK(found.returned.front().value > 0.0);
    CHECK(found.returned.front().value <= 0.001);
  }
}

TEST_CASE("annotation_free measures agreement though the engine has labels") {
  constexpr std::size_t groups = 2;
  scripted_engine engine(groups, 300, additive({0.3, 0.3}));
  const ptq::accuracy_aware_quantization control{
      .base = quantize_chain{groups},
      .maximal_drop = 0.02,
      .annotation_free = true,
      .unlabelled = {.annotation_conf_threshold = 0.5}
  };
  const ptq::accuracy_outcome found = control(chain(groups), engine);
  CHECK(found.measured_by == "agreement with the float model");
  CHECK(engine.counts->measured == 0);
}

/// Keeps the samples of which more than the output was asked for.
struct keeps_asked : shows_alone {
  std::set<std::size_t>* asked = nullptr;

  template <class G>
  void observe(
      const G& graph,
      const ptq::plan& under,
      std::span<const ptq::tap<G>> taps,
      const ptq::samples& range,
      ptq::show_ref<int> show
  ) {
    if (taps.size() > 1) {
      asked->insert(range.begin(), range.end());
    }
    shows_alone::observe(graph, under, taps, range, show);
  }
};

TEST_CASE("a ranking looks at the samples that are measured") {
  constexpr std::size_t groups = 3;
  const auto sure = [](std::size_t s) { return s % 3 == 2; };
  const auto lead = [&](const std::vector<bool>& quantized, std::size_t s) {
    return sure(s) ? (quantized[1] ? -2.0 : 2.0) : 0.1;
  };
  std::set<std::size_t> asked;
  keeps_asked engine{{scripted_engine(groups, 300, lead)}, &asked};
  const ptq::accuracy_aware_quantization<quantize_chain, ptq::ranking::by_own_noise> control{
      .base = {groups}, .maximal_drop = 0.01
  };
  CHECK(control(chain(groups), engine).reached);
  CHECK(asked.size() == 64);
  CHECK(std::ranges::all_of(asked, sure));
}

} // namespace
