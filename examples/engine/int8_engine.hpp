// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/plan.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph.hpp"

namespace engine {

/// A convolution or matrix product that the int8 engine runs in float, on fake-quantized values.
struct float_operation {
  std::string node;
  std::string reason;
};

/// A model lowered by a plan to 8-bit integer arithmetic.
///
/// Convolutions and matrix products read uint8 or int8 codes and int8 weights; where all that reads
/// a result reads it through one quantizer, they write codes as well, and a Clip or Relu in between
/// is part of the rounding. What oneDNN has no fast kernel for runs in float on the values that the
/// plan says; so do sums, products and functions of single values, and normalisations.
class int8_engine {
public:
  /// @throws ptq::error if the plan is of another model.
  int8_engine(const graph& of, const ptq::plan& under);
  int8_engine(int8_engine&&) noexcept;
  auto operator=(int8_engine&&) noexcept -> int8_engine&;
  ~int8_engine();

  /// The first output for `samples`, `batch` at a time.
  /// @throws error if the samples do not fit the model.
  [[nodiscard]] auto outputs(const tensor& samples, std::size_t batch = 50) -> tensor;

  /// Convolutions and matrix products.
  [[nodiscard]] auto weighted_operations() const -> std::size_t;

  /// Those of them that do not run in int8, in the order of the model.
  [[nodiscard]] auto float_operations() const -> std::span<const float_operation>;

private:
  class lowered;
  std::unique_ptr<lowered> state_;
};

} // namespace engine
