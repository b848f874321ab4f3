// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "table.hpp"

int main(int argc, char** argv) {
  ptq::benchmarks::add_kernels();
  return ptq::benchmarks::run_table(argc, argv);
}
