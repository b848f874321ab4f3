// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: an evaluator that runs plans provides .observe.const graph&, const ptq::plan&, std::span<const ptq::tap<graph>>, const ptq::samples&, show..
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
#endif
};

static_assert(ptq::explain_plan_evaluator<engine, net>());
