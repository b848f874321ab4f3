// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/interop/xarray.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace engine {

using shape = std::vector<std::size_t>;
using tensor = xt::xarray<float>;
using integer_tensor = xt::xarray<std::int64_t>;
using code_tensor = xt::xarray<std::uint8_t>;

[[nodiscard]] inline auto extents(const shape& of) -> std::size_t {
  std::size_t product = 1;
  for (const std::size_t extent : of) {
    product *= extent;
  }
  return product;
}

[[nodiscard]] inline auto text(const shape& of) -> std::string {
  std::string result = "[";
  for (const std::size_t extent : of) {
    result += (result.size() == 1 ? "" : ", ") + std::to_string(extent);
  }
  return result + "]";
}

template <class T>
[[nodiscard]] auto shape_of(const xt::xarray<T>& values) -> shape {
  return shape(values.shape().begin(), values.shape().end());
}

} // namespace engine
