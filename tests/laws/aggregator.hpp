// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/range/concept.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

namespace ptq::test {

/// What every aggregator is expected to do: the same again for the same numbers, nothing beyond the
/// least and the greatest of them, and no number of its own when all are alike.
template <aggregator A>
void check_aggregator_laws(const A& policy, std::span<const float> values) {
  const float result = policy(values);
  CHECK(result == static_cast<float>(policy(values)));
  CHECK(result >= *std::min_element(values.begin(), values.end()));
  CHECK(result <= *std::max_element(values.begin(), values.end()));
  for (const float value : values) {
    const std::vector<float> alike(5, value);
    CHECK(static_cast<float>(policy(std::span<const float>(alike))) == value);
    CHECK(static_cast<float>(policy(std::span(&value, 1))) == value);
  }
  const A copy = policy;
  CHECK(copy == policy);
  CHECK(static_cast<float>(copy(values)) == result);
}

} // namespace ptq::test
