// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device of one's own is data: what it quantizes and how, what only moves values, what must have
// one range.
#include <ptq/ptq.hpp>

#include <cstdio>

#include "support/small_net.hpp"

//! [device]
inline constexpr auto my_npu = ptq::device_table{
    ptq::quantizes(
        ptq::op::matmul,
        {.activations = {8, ptq::asymmetric, ptq::per_tensor},
         .weights = {{4, ptq::symmetric, ptq::per_channel}, {8, ptq::symmetric, ptq::per_channel}}}
    ),
    ptq::passes(ptq::op::max_pool),
    ptq::unifies(ptq::op::concat),
};

//! [device]

int main() {
  const small_net::graph graph;
  small_net::evaluator evaluator(100);

  //! [use]
  // The preset picks among what the device offers: the first for speed, the last for accuracy.
  const ptq::default_quantization<ptq::preset::performance, ptq::device::of<my_npu>> fast;
  const ptq::default_quantization<ptq::preset::accuracy, ptq::device::of<my_npu>> accurate;
  //! [use]

  std::puts("For speed:");
  small_net::print(fast(graph, evaluator));
  std::puts("For accuracy:");
  small_net::print(accurate(graph, evaluator));
}
