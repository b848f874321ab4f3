// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a graph opts in with .using ptq_graph = void.., or by specialising ptq::enable_graph
// expect: an evaluator opts in with .using ptq_evaluator = void.., or by specialising ptq::enable_evaluator
#include <ptq/evaluator/check.hpp>

#include "net.hpp"

struct engine {
  using ptq_evaluator = void;
  auto sample_count() const -> std::size_t;
  void observe(const net&, std::span<const ptq::tap<net>>, const ptq::samples&, ptq::show_ref<int>);
};

auto findings(net& graph, engine& evaluator) {
#ifdef PTQ_EXPECT_ERROR
  return ptq::check_evaluator(evaluator, graph);
#else
  return ptq::check_evaluator(graph, evaluator);
#endif
}
