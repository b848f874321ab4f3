// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: the evaluator is const and its .observe. is not
#include <ptq/evaluator/concept.hpp>

#include "net.hpp"

struct engine {
  using ptq_evaluator = void;
  auto sample_count() const -> std::size_t;
  void observe(const net&, std::span<const ptq::tap<net>>, const ptq::samples&, ptq::show_ref<int>);
};

#ifdef PTQ_EXPECT_ERROR
static_assert(ptq::explain_evaluator<const engine, net>());
#else
static_assert(ptq::explain_evaluator<engine, net>());
#endif
