// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: an evaluator that runs plans provides .observe.const graph&, const ptq::plan&, std::span<const ptq::tap<graph>>, const ptq::samples&, show..
// expect: an evaluator with labels provides .measure.const graph&, const ptq::plan&, const ptq::samples&. -> ptq::measurement.
// expect: an evaluator for several threads provides .fork.. const., an evaluator of the same type
#include <ptq/evaluator/concept.hpp>

#include "net.hpp"

struct engine {
  using ptq_evaluator = void;
  auto sample_count() const -> std::size_t;
#ifdef PTQ_EXPECT_ERROR
  void observe(const net&, std::span<const ptq::tap<net>>, const ptq::samples&, ptq::show_ref<int>);
#else
  void
  observe(const net&, const ptq::plan&, std::span<const ptq::tap<net>>, const ptq::samples&, ptq::show_ref<int>);
  auto measure(const net&, const ptq::plan&, const ptq::samples&) -> ptq::measurement;
  auto fork() const -> engine;
#endif
};

static_assert(ptq::explain_plan_evaluator<engine, net>());
static_assert(ptq::explain_measuring_evaluator<engine, net>());
static_assert(ptq::explain_forkable_evaluator<engine, net>());
