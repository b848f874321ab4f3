// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: an evaluator of parts provides .run_part.const graph&, const ptq::plan&, node_id, std::span<const ptq::tensor_view>, show..
// expect: .run_part. is there, but not as .run_part.const graph&, const ptq::plan&, node_id, std::span<const ptq::tensor_view>, show..
#include <ptq/evaluator/concept.hpp>

#include "net.hpp"

struct whole {
  using ptq_evaluator = void;
  auto sample_count() const -> std::size_t;
  void
  observe(const net&, const ptq::plan&, std::span<const ptq::tap<net>>, const ptq::samples&, ptq::show_ref<int>);
#ifndef PTQ_EXPECT_ERROR
  void
  run_part(const net&, const ptq::plan&, int, std::span<const ptq::tensor_view>, ptq::show_ref<int>);
#endif
};

struct parts {
  using ptq_evaluator = void;
  auto sample_count() const -> std::size_t;
  void observe(const net&, std::span<const ptq::tap<net>>, const ptq::samples&, ptq::show_ref<int>);
#ifdef PTQ_EXPECT_ERROR
  void run_part(const net&, int, std::span<const ptq::tensor_view>, ptq::show_ref<int>);
#else
  void
  run_part(const net&, const ptq::plan&, int, std::span<const ptq::tensor_view>, ptq::show_ref<int>);
#endif
};

static_assert(ptq::explain_evaluator_of_parts<whole, net>());
static_assert(ptq::explain_evaluator<parts, net>());
