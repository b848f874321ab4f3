// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/core/flow.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/evaluator/check.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/evaluator/plan_runner.hpp>
#include <ptq/graph/read.hpp>

#include <cstddef>
#include <map>
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

/// What `ptq::evaluator_of_parts_for` promises: each operation alone, from the values that it reads
/// under a plan, shows the bits that it has in a run of the whole under that plan.
template <graph G, evaluator_of_parts_for<G> E>
void check_evaluator_of_parts_laws(const G& of, E& evaluator, const plan& under) {
  const read_graph_result<G> read = read_graph(of);
  const topology& in = read.nodes;
  plan_runner_of<G, E> engine(of, evaluator);
  std::vector<std::size_t> tensors;
  for (std::size_t t = 0; t != in.tensors.size(); ++t) {
    if (!in.producer(t).constant && in.producer(t).kind != op::output) {
      tensors.push_back(t);
    }
  }
  std::map<std::size_t, tensor_data> whole;
  const auto keep = [&whole](std::size_t, std::size_t tensor, const tensor_view& view) {
    whole[tensor] = to_floats(view);
  };
  engine.run(under, tensors, samples(0, 1), keep);
  REQUIRE(whole.size() == tensors.size());
  REQUIRE(engine.has_parts());
  std::size_t compared = 0;
  for (std::size_t n = 0; n != in.nodes.size(); ++n) {
    const topology::node& node = in.nodes[n];
    if (node.constant || node.kind == op::input || node.kind == op::output) {
      continue;
    }
    CAPTURE(node.name);
    std::vector<tensor_view> inputs;
    for (std::size_t port = 0; port != node.inputs.size(); ++port) {
      if (node.inputs[port] != topology::none && in.constant_at(node, port) == nullptr) {
        inputs.push_back(whole.at(node.inputs[port]).view());
      }
    }
    std::set<std::size_t> shown;
    engine.run_part(
        under,
        n,
        inputs,
        [&](std::size_t sample, std::size_t tensor, const tensor_view& view) {
          CHECK(sample == 0);
          CHECK(to_floats(view) == whole.at(tensor));
          shown.insert(tensor);
        }
    );
    CHECK(shown == std::set<std::size_t>(node.outputs.begin(), node.outputs.end()));
    compared += shown.size();
  }
  CHECK(compared > 0);
}

} // namespace ptq::test
