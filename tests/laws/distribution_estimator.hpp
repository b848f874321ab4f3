// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/range/distribution.hpp>
#include <ptq/statistics/log_histogram.hpp>

#include <span>
#include <vector>

#include <doctest/doctest.h>

namespace ptq::test {

/// The targets that an estimator may be asked for.
inline auto some_targets() -> std::vector<target_grid> {
  std::vector<target_grid> result;
  for (const tensor_kind kind : {tensor_kind::weights, tensor_kind::activations}) {
    for (const mode how : {symmetric, asymmetric}) {
      for (const std::int64_t levels : {3, 15, 16, 255, 256}) {
        result.push_back({kind, how, levels});
      }
    }
  }
  return result;
}

/// A range that a scheme can take, made for this target.
inline void check_range(const value_range<float>& range, const target_grid& target) {
  CHECK(range.low - range.low == 0.0F);
  CHECK(range.high - range.high == 0.0F);
  CHECK(range.low <= range.high);
  if (target.mode == symmetric) {
    CHECK((range.low == 0.0F || range.low == -range.high));
  }
}

/// What `ptq::distribution_estimator` promises, on `values`, at least one.
template <distribution_estimator P>
void check_distribution_estimator_laws(const P& policy, std::span<const float> values) {
  log_histogram whole;
  whole.add(values);
  log_histogram parts;
  log_histogram rest;
  rest.add(values.subspan(values.size() / 2));
  parts.add(values.first(values.size() / 2));
  parts.merge(rest);
  const P copy = policy;
  CHECK(copy == policy);
  CHECK_FALSE(copy != policy);
  for (const target_grid& target : some_targets()) {
    const value_range<float> range = policy.range(whole, target);
    check_range(range, target);
    CHECK(copy.range(parts, target) == range);
  }
}

/// What `ptq::constant_estimator` promises, on finite `values`, at least one.
template <constant_estimator P>
void check_constant_estimator_laws(const P& policy, std::span<const float> values) {
  const P copy = policy;
  CHECK(copy == policy);
  const std::vector<float> ones(values.size(), 1.0F);
  for (const target_grid& target : some_targets()) {
    const value_range<float> range = policy.range(values, std::span<const float>(), target);
    check_range(range, target);
    CHECK(copy.range(values, std::span<const float>(), target) == range);
    CHECK(policy.range(values, std::span<const float>(ones), target) == range);
  }
}

} // namespace ptq::test
