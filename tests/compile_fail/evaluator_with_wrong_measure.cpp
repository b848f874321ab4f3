// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: .measure. is there, but not as .measure.const graph&, const ptq::plan&, const ptq::samples&. -> ptq::measurement.
#include <ptq/evaluator/concept.hpp>

#include "net.hpp"

struct engine {
  using ptq_evaluator = void;
  auto sample_count() const -> std::size_t;
  void observe(const net&, std::span<const ptq::tap<net>>, const ptq::samples&, ptq::show_ref<int>);
#ifdef PTQ_EXPECT_ERROR
  auto measure(const net&, const auto& plan, ptq::samples) -> decltype(plan.quantizers.size());
#else
  auto measure(const net&, const auto& plan, ptq::samples) -> ptq::measurement;
#endif
};

static_assert(ptq::explain_evaluator<engine, net>());
