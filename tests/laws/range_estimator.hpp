// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/range/concept.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

#include <doctest/doctest.h>

namespace ptq::test {

/// What `ptq::range_estimator` promises and the compiler cannot see, on `values`, at least one.
template <range_estimator P>
void check_range_estimator_laws(const P& policy, std::span<const float> values) {
  const auto range_in_blocks_of = [values](const P& by, std::size_t block) {
    auto state = by.template start<float>();
    for (std::size_t from = 0; from < values.size(); from += block) {
      state.observe(values.subspan(from, std::min(block, values.size() - from)));
      state.observe(values.first(0));
    }
    return range_of<float>(by, state);
  };
  const value_range<float> whole = range_in_blocks_of(policy, values.size());
  CHECK(whole.low - whole.low == 0.0F);
  CHECK(whole.high - whole.high == 0.0F);
  for (const std::size_t block : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
    CHECK(range_in_blocks_of(policy, block) == whole);
  }

  auto first = policy.template start<float>();
  first.observe(values.first(values.size() / 2));
  auto second = first; // a copy goes its own way
  first.observe(values);
  second.observe(values.subspan(values.size() / 2));
  CHECK(range_of<float>(policy, second) == whole);

  const P copy = policy;
  CHECK(copy == policy);
  CHECK_FALSE(copy != policy);
  CHECK_FALSE(key_of(policy).empty());
  CHECK(key_of(copy) == key_of(policy));
  CHECK(range_in_blocks_of(copy, values.size()) == whole);
}

} // namespace ptq::test
