// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a distribution estimator is a regular value: default constructible, copyable and equality comparable
// expect: a distribution estimator provides `range.const ptq::log_histogram&, const ptq::target_grid&. const -> ptq::value_range<float>`
// expect: an estimator over all values of a constant is a regular value with `range.
#include <ptq/range/distribution.hpp>

struct mine {
#ifndef PTQ_EXPECT_ERROR
  auto range(const ptq::log_histogram& of, const ptq::target_grid&) const
      -> ptq::value_range<float> {
    return {of.low(), of.high()};
  }

  auto range(std::span<const float> values, std::span<const float>, const ptq::target_grid&) const
      -> ptq::value_range<float> {
    return {values.front(), values.front()};
  }

  friend auto operator==(const mine&, const mine&) -> bool = default;
#endif
};

static_assert(ptq::explain_distribution_estimator<mine>());
static_assert(ptq::explain_constant_estimator<mine>());
