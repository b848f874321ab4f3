// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a search provides .operator...ptq::search_context&. const -> ptq::search_result.
// expect: a search can be copied
// expect: a reversion provides .operator...const ptq::plan&, const ptq::group&. const -> ptq::plan.
// expect: a base algorithm is called with a graph and an evaluator, and returns a plan
// expect: a ranking provides .score.const graph&, const ptq::plan&, const ptq::group&, evaluator&. const -> double.
// expect: an evaluator provides .sample_count.. const -> std::size_t.
#include <ptq/algorithm/accuracy_aware_quantization.hpp>

#include <memory>

#include "net.hpp"

struct engine {
  using ptq_evaluator = void;
  auto sample_count() const -> std::size_t;
  void
  observe(const net&, const ptq::plan&, std::span<const ptq::tap<net>>, const ptq::samples&, ptq::show_ref<int>);
  auto measure(const net&, const ptq::plan&, const ptq::samples&) -> ptq::measurement;
};

struct backwards {
#ifdef PTQ_EXPECT_ERROR
  auto operator()(const ptq::search_context& in) const -> bool;
#else
  auto operator()(ptq::search_context& in) const -> ptq::search_result;
#endif
};

struct by_table {
  auto operator()(ptq::search_context& in) const -> ptq::search_result;
#ifdef PTQ_EXPECT_ERROR
  std::unique_ptr<int> table;
#else
  std::shared_ptr<int> table;
#endif
};

struct to_other {
#ifdef PTQ_EXPECT_ERROR
  auto operator()(const ptq::plan& now) const -> ptq::plan;
#else
  auto operator()(const ptq::plan& now, const ptq::group& what) const -> ptq::plan;
#endif
};

struct quantize {
#ifdef PTQ_EXPECT_ERROR
  auto operator()(const net& of) const -> ptq::plan;
#else
  auto operator()(const net& of, engine& evaluator) const -> ptq::plan;
#endif
};

struct quantize_anywhere {
  template <class E>
  auto operator()(const net& of, E& evaluator) const -> ptq::plan;
};

struct first_come {
#ifdef PTQ_EXPECT_ERROR
  auto rank(const ptq::ranking_question&) const -> ptq::ranked_groups;
#else
  auto order(const ptq::ranking_question&) const -> ptq::ranked_groups;
#endif
};

struct endless : engine {
#ifdef PTQ_EXPECT_ERROR
  void sample_count() const;
#endif
};

using by_nmse = ptq::ranking::by_nmse;
using bisection = ptq::search::bisection<>;

static_assert(ptq::explain_search_strategy<backwards>());
static_assert(ptq::explain_search_strategy<by_table>());
ptq::accuracy_aware_quantization<quantize_anywhere, by_nmse, bisection, to_other> of_reversion;

auto run(const net& of, engine& evaluator, endless& other) {
  (void)ptq::accuracy_aware_quantization<quantize>{}(of, evaluator);
  (void)ptq::accuracy_aware_quantization<quantize_anywhere, first_come>{}(of, evaluator);
  return ptq::accuracy_aware_quantization<quantize_anywhere>{}(of, other);
}
