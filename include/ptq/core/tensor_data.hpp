// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/tensor_view.hpp>

#include <cstddef>
#include <vector>

namespace ptq {

/// A dense float tensor that owns its values, row-major.
struct tensor_data {
  std::vector<std::size_t> shape{};
  std::vector<float> values{};

  [[nodiscard]] auto view() const -> tensor_view { return {values.data(), shape}; }

  friend auto operator==(const tensor_data&, const tensor_data&) -> bool = default;
};

} // namespace ptq
