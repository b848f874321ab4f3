// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: an estimation is copyable
// expect: an estimation provides .observe.std::span<const T>..
// expect: an estimation provides .range.. const -> ptq::value_range<T>., or its policy .range.estimation. const.
#include <ptq/range/concept.hpp>

#include <span>
#include <utility>

struct first_value {
  struct estimation {
#ifdef PTQ_EXPECT_ERROR
    estimation(const estimation&) = delete;
    void observe(float value);
    auto range() const -> std::pair<float, float>;
#else
    void observe(std::span<const float> values);
    auto range() const -> ptq::value_range<float>;
#endif
  };

  template <class T>
  auto start() const -> estimation;

  friend auto operator==(const first_value&, const first_value&) -> bool = default;
};

static_assert(ptq::explain_range_estimator<first_value>());
