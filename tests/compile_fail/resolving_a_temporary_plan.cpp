// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: deleted function '(resolve|ptq::resolved_plan<[^(]*> ptq::resolve)[(']
#include <ptq/plan/resolve.hpp>

#include "net.hpp"

auto made() -> ptq::plan;

auto quantizes_anything(const net& graph) -> bool {
#ifdef PTQ_EXPECT_ERROR
  return ptq::resolve(graph, made()).empty();
#else
  const ptq::plan under = made();
  return ptq::resolve(graph, under).empty();
#endif
}
