// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <vector>

namespace ptq {

/// What is known of a candidate.
struct verdict {
  bool fits = false;           ///< Every drop is within its limit.
  bool in_full = false;        ///< Measured on all samples.
  bool certain = false;        ///< Measured in full, or decided whatever the rest would be.
  std::vector<double> drops{}; ///< Of each limit; with what is expected of the samples left.
  double excess = 0.0;         ///< `worst_excess` of these drops.
  std::size_t seen = 0;
  double over = 0.0; ///< What is expected is so many standard deviations beyond the limit.
  bool reconsidered = false;
};

} // namespace ptq
