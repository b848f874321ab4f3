// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a range estimator is a regular value: default constructible, copyable and equality comparable
// expect: a range estimator provides start<T>.. const, which begins one estimation
// expect: a range estimator with data members provides .key.. const -> std::string., which names their values
#include <ptq/range/ranges.hpp>

#include <span>
#include <string>

struct share {
  double of_max = 0.5;

#ifndef PTQ_EXPECT_ERROR
  struct estimation {
    void observe(std::span<const float> values);
    auto range() const -> ptq::value_range<float>;
  };

  template <class T>
  auto start() const -> estimation;

  auto key() const -> std::string;

  friend auto operator==(const share&, const share&) -> bool = default;
#endif
};

ptq::for_weights<share> weights;
