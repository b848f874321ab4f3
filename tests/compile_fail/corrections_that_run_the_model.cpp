// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a correction of this algorithm runs the model: call it with a graph and an evaluator that runs plans, or with a graph, statistics and such an evaluator
// expect: an evaluator that runs plans provides .observe.const graph&, const ptq::plan&, std::span<const ptq::tap<graph>>, const ptq::samples&, show..
// expect: .prepare. is there, but not as .prepare.const ptq::preparation_context&, const ptq::preparation&. const -> ptq::preparation.
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/full_bias.hpp>

#include "net.hpp"

struct float_engine {
  using ptq_evaluator = void;
  auto sample_count() const -> std::size_t;
  void observe(const net&, std::span<const ptq::tap<net>>, const ptq::samples&, ptq::show_ref<int>);
};

struct engine {
  using ptq_evaluator = void;
  auto sample_count() const -> std::size_t;
  void
  observe(const net&, const ptq::plan&, std::span<const ptq::tap<net>>, const ptq::samples&, ptq::show_ref<int>);
};

struct preparing {
#ifdef PTQ_EXPECT_ERROR
  auto prepare(const ptq::preparation&) const -> ptq::preparation;
#else
  auto prepare(const ptq::preparation_context&, const ptq::preparation&) const -> ptq::preparation;
#endif
  friend auto operator==(const preparing&, const preparing&) -> bool = default;
};

static_assert(ptq::explain_plan_correction<preparing>());

using quantization = ptq::default_quantization<
    ptq::preset::mixed,
    ptq::device::cpu,
    ptq::default_ranges,
    ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
    ptq::corrections<ptq::correction::full_bias>>;

#ifdef PTQ_EXPECT_ERROR
auto from_statistics(const quantization& quantize, const net& graph, const ptq::statistics& seen) {
  return quantize(graph, seen);
}

auto in_floating_point(const quantization& quantize, const net& graph, float_engine& floats) {
  return quantize(graph, floats);
}
#else
auto from_statistics(
    const quantization& quantize, const net& graph, const ptq::statistics& seen, engine& plans
) {
  return quantize(graph, seen, plans);
}

auto in_floating_point(const quantization& quantize, const net& graph, engine& plans) {
  return quantize(graph, plans);
}
#endif
