// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

namespace ptq::test {

/// How far two lists of as many numbers are apart where they are farthest.
template <class T>
auto largest_distance(const std::vector<T>& a, const std::vector<T>& b) -> double {
  REQUIRE(a.size() == b.size());
  double result = 0.0;
  for (std::size_t i = 0; i != a.size(); ++i) {
    result = std::max(result, static_cast<double>(std::abs(a[i] - b[i])));
  }
  return result;
}

} // namespace ptq::test
