// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A pattern of operations that stay in floating point is a value: what is connected with what.
#include <ptq/ptq.hpp>

#include <cstdio>

#include "support/small_net.hpp"

//! [pattern]
// A matrix product that reads a rectified value. The ReLU must be there, but is not itself meant.
inline constexpr auto product_of_a_relu =
    ptq::pattern("product of a ReLU")
        .chain({
            ptq::operation(ptq::op::relu, ptq::op::prelu).as_context(),
            ptq::operation(ptq::op::matmul),
        });

//! [pattern]

int main() {
  const small_net::graph graph;
  small_net::evaluator evaluator(100);

  //! [use]
  const ptq::default_quantization<> all;
  const ptq::default_quantization<> without_it{.patterns = {product_of_a_relu}};
  //! [use]

  std::puts("All operations:");
  small_net::print(all(graph, evaluator));
  std::puts("Without products of a ReLU:");
  small_net::print(without_it(graph, evaluator));
}
