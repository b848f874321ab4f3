// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/evaluator/check.hpp>
#include <ptq/evaluator/concept.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include "laws/evaluator.hpp"
#include "support/archetypes.hpp"
#include "support/toy_evaluator.hpp"

namespace {

using namespace ptq::test;
using g = graph_archetype;

static_assert(ptq::explain_evaluator<evaluator_archetype<g>, g>());
static_assert(!ptq::plan_evaluator_for<evaluator_archetype<g>, g>);
static_assert(!ptq::measuring_evaluator_for<evaluator_archetype<g>, g>);

static_assert(ptq::explain_plan_evaluator<plan_evaluator_archetype<g>, g>());
static_assert(!ptq::measuring_evaluator_for<plan_evaluator_archetype<g>, g>);
static_assert(!ptq::detail::observes_the_float_graph<plan_evaluator_archetype<g>, g>);

static_assert(ptq::explain_plan_evaluator<measuring_evaluator_archetype<g>, g>());
static_assert(ptq::measuring_evaluator_for<measuring_evaluator_archetype<g>, g>);

static_assert(!ptq::evaluator_for<int, g>);
static_assert(!ptq::evaluator_for<evaluator_archetype<g>, int>);
static_assert(!ptq::evaluator_for<const evaluator_archetype<g>, g>, "`observe` is not const");
static_assert(!ptq::evaluator_for<evaluator_archetype<g>, toy_graph>, "of another graph");

static_assert(std::is_trivially_copyable_v<ptq::show_ref<int>>);
static_assert(sizeof(ptq::show_ref<int>) == 2 * sizeof(void*));

TEST_CASE("a copy of a show_ref shows to the same, whatever becomes of the first") {
  int heard = 0;
  const auto count = [&heard](const ptq::samples&, ptq::tensor_ref<int>, const ptq::tensor_view&) {
    ++heard;
    return ptq::more;
  };
  const auto stop = [](const ptq::samples&, ptq::tensor_ref<int>, const ptq::tensor_view&) {
    return ptq::enough;
  };
  ptq::show_ref<int> first(count);
  const ptq::show_ref<int> copy(first);
  first = ptq::show_ref<int>(stop);
  const float value = 1.0F;
  CHECK(copy(0, {0, 0}, ptq::tensor_view(&value, {1})) == ptq::more);
  CHECK(heard == 1);
}

TEST_CASE("archetypes obey the laws of evaluators") {
  const graph_archetype least;
  SUBCASE("the least evaluator") {
    evaluator_archetype<graph_archetype> evaluator;
    check_evaluator_laws(least, evaluator);
  }
  SUBCASE("one that runs plans") {
    plan_evaluator_archetype<graph_archetype> evaluator;
    check_evaluator_laws(least, evaluator);
  }
  SUBCASE("one that measures") {
    measuring_evaluator_archetype<graph_archetype> evaluator;
    check_evaluator_laws(least, evaluator);
  }
  SUBCASE("on a graph with tensor names") {
    const graph_with_tensor_names_archetype named;
    plan_evaluator_archetype<graph_with_tensor_names_archetype> evaluator;
    check_evaluator_laws(named, evaluator);
  }
}

TEST_CASE("show passes samples, tensor and view on, and the answer back") {
  std::vector<std::size_t> seen;
  auto sink =
      [&](const ptq::samples& batch, ptq::tensor_ref<int> tensor, const ptq::tensor_view& view) {
        seen.assign(batch.begin(), batch.end());
        seen.push_back(tensor.output);
        seen.push_back(view.size());
        return ptq::enough;
      };
  const ptq::show_ref<int> show(sink);
  const float values[6]{};
  CHECK(show(4, {1, 2}, ptq::tensor_view(values, {1, 6})) == ptq::enough);
  CHECK(seen == std::vector<std::size_t>{4, 2, 6});
  CHECK(
      show(ptq::samples(std::vector<std::size_t>{7, 5}), 1, ptq::tensor_view(values, {2, 3})) ==
      ptq::enough
  );
  CHECK(seen == std::vector<std::size_t>{7, 5, 0, 6});
}

TEST_CASE("the value of a metric is the mean of its samples, or the whole") {
  ptq::metric m{.name = "m", .per_sample = {1.0, 0.0, 1.0, 1.0}};
  CHECK(m.value() == 0.75);
  CHECK(m.direction == ptq::higher_is_better);
  CHECK(m.most == std::numeric_limits<double>::infinity());
  m.whole = 0.5;
  CHECK(m.value() == 0.5);
  CHECK(m == ptq::metric(m));
}

} // namespace
