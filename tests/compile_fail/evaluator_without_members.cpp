// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: an evaluator opts in with .using ptq_evaluator = void.., or by specialising ptq::enable_evaluator
// expect: an evaluator provides .sample_count.. const -> std::size_t.
// expect: an evaluator provides .observe.const graph&, std::span<const ptq::tap<graph>>, const ptq::samples&, show.., or the same with a .const ptq::plan&. before the taps
#include <ptq/evaluator/concept.hpp>

#include "net.hpp"

struct engine {
#ifndef PTQ_EXPECT_ERROR
  using ptq_evaluator = void;
  auto sample_count() const -> std::size_t;

  void observe(const net&, std::span<const ptq::tap<net>>, ptq::samples, auto&& show) {
    show(0, {1}, ptq::tensor_view{});
  }
#endif
};

static_assert(ptq::explain_evaluator<engine, net>());
