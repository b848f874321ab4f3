// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/exact_bias.hpp>
#include <ptq/evaluator/plan_runner.hpp>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

#include "laws/evaluator.hpp"
#include "support/archetypes.hpp"
#include "support/message.hpp"
#include "support/small_net.hpp"

namespace {

using namespace ptq::test;

static_assert(ptq::explain_evaluator_of_parts<toy_evaluator_of_parts, toy_graph>());
static_assert(!ptq::evaluator_of_parts_for<toy_evaluator, toy_graph>);
static_assert(
    ptq::explain_evaluator_of_parts<evaluator_of_parts_archetype<graph_archetype>, graph_archetype>(
    )
);
static_assert(!ptq::evaluator_of_parts_for<
              plan_evaluator_archetype<graph_archetype>,
              graph_archetype>);

TEST_CASE_FIXTURE(
    small_net, "operations alone have the bits of the whole, in float and quantized"
) {
  toy_evaluator_of_parts evaluator(data());
  check_evaluator_of_parts_laws(g, evaluator, {});
  const ptq::default_quantization<ptq::preset::mixed, ptq::device::cpu> quantize;
  check_evaluator_of_parts_laws(g, evaluator, quantize(g, evaluator));
}

TEST_CASE("the archetype of evaluators of parts obeys their laws") {
  const graph_archetype least;
  evaluator_of_parts_archetype<graph_archetype> evaluator;
  check_evaluator_laws(least, evaluator);
  check_evaluator_of_parts_laws(least, evaluator, {});
}

TEST_CASE_FIXTURE(small_net, "what a sink throws comes out of the run, whatever the engine does") {
  toy_evaluator evaluator(data());
  ptq::plan_runner_of<toy_graph, toy_evaluator> engine(g, evaluator);
  const std::vector<std::size_t> tensors{0};
  std::size_t shown = 0;
  const auto refuse = [&shown](std::size_t, std::size_t, const ptq::tensor_view&) {
    ++shown;
    throw std::runtime_error("enough of this");
  };
  CHECK_THROWS_WITH(engine.run({}, tensors, {0, 5}, refuse), "enough of this");
  CHECK(shown == 1);
  CHECK_FALSE(engine.has_parts());
  CHECK_THROWS_AS(engine.run_part({}, 3, {}, refuse), ptq::error);
}

/// Shows all samples in one batch, as an engine may.
struct batching_evaluator {
  using ptq_evaluator = void;

  explicit batching_evaluator(std::vector<ptq::tensor_data> samples) : data(std::move(samples)) {}

  auto sample_count() const -> std::size_t { return data.size(); }

  void observe(
      const toy_graph& graph,
      const ptq::plan& under,
      std::span<const ptq::tap<toy_graph>> taps,
      const ptq::samples& range,
      ptq::show_ref<int> show
  ) {
    const auto resolved = ptq::resolve(graph, under);
    for (const ptq::tap<toy_graph>& tap : taps) {
      ptq::tensor_data batch;
      for (const std::size_t s : range) {
        const ptq::tensor_data one = toy_run(graph, resolved, std::span(&data[s], 1)).at(tap);
        batch.shape = one.shape;
        batch.values.insert(batch.values.end(), one.values.begin(), one.values.end());
      }
      batch.shape[0] = range.size();
      show(range, tap, batch.view());
    }
  }

  std::vector<ptq::tensor_data> data;
};

TEST_CASE_FIXTURE(small_net, "batches are taken apart") {
  batching_evaluator batches(data());
  toy_evaluator singles(data());
  using record = std::vector<std::pair<std::size_t, ptq::tensor_data>>;
  const auto seen = [&](auto& evaluator) {
    record result;
    ptq::plan_runner_of<toy_graph, std::remove_reference_t<decltype(evaluator)>> engine(
        g, evaluator
    );
    const auto tensor = static_cast<std::size_t>(g.find("dense"));
    engine.run(
        {},
        std::vector{tensor},
        ptq::samples(std::vector<std::size_t>{3, 1, 2}),
        [&](std::size_t sample, std::size_t of, const ptq::tensor_view& view) {
          CHECK(of == tensor);
          result.emplace_back(sample, ptq::to_floats(view));
        }
    );
    return result;
  };
  CHECK(seen(batches) == seen(singles));
  CHECK(seen(batches).size() == 3);
}

} // namespace
