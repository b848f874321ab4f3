// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Calibration in pieces, as on several machines: what each piece saw is a value.
#include <ptq/ptq.hpp>

#include <cstdio>

#include "support/small_net.hpp"

int main() {
  const small_net::graph graph;
  small_net::evaluator evaluator(1000);
  const ptq::default_quantization<ptq::preset::mixed, ptq::device::cpu> quantize{
      .stat_subset_size = 1000
  };

  //! [other]
  const ptq::statistics other =
      ptq::calibrate(quantize, graph, evaluator, ptq::samples{500, 1'000});
  ptq::save_statistics(other, "other-machine.stats");
  //! [other]

  //! [merge]
  auto part = ptq::calibrate(quantize, graph, evaluator, ptq::samples{0, 500});
  part.merge(ptq::load_statistics("other-machine.stats")); // any order: the same bits
  const ptq::plan plan = quantize(graph, part);
  //! [merge]

  std::printf("%zu samples in both pieces\n", part.seen().size());
  std::printf(
      "the same plan as in one piece: %s\n", plan == quantize(graph, evaluator) ? "yes" : "no"
  );
  try {
    part.merge(other);
  } catch (const ptq::error& problem) {
    std::printf("twice the same: %s\n", problem.what());
  }
}
