// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a ranking provides .score.const graph&, const ptq::plan&, const ptq::group&, evaluator&. const -> double., or .score.const ptq::plan&, const ptq::group&, ptq::measure_ref. const -> double., or .order.const ptq::ranking_question&. const -> ptq::ranked_groups.
// expect: a ranking can be copied
// expect: this ranking compares the outputs under plans: choose another, as ptq::ranking::by_metric, or provide .observe.const graph&, const ptq::plan&, std::span<const ptq::tap<graph>>, const ptq::samples&, show..
#include <ptq/ranking/by_output.hpp>
#include <ptq/ranking/concept.hpp>

#include <memory>

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

struct by_cycles {
#ifdef PTQ_EXPECT_ERROR
  auto score(const net&, const ptq::plan&, const ptq::group&, engine&) -> double; // not const
#else
  auto score(const net&, const ptq::plan&, const ptq::group&, engine&) const -> double;
#endif
};

struct by_table {
  auto order(const ptq::ranking_question&) const -> ptq::ranked_groups;
#ifdef PTQ_EXPECT_ERROR
  std::unique_ptr<double> scores;
#else
  std::shared_ptr<double> scores;
#endif
};

static_assert(ptq::explain_group_ranking<by_cycles, net, engine>());
static_assert(ptq::explain_group_ranking<by_table, net, engine>());
static_assert(ptq::explain_group_ranking<ptq::ranking::by_nmse, net, engine>());
