// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/interop/xarray.hpp>
#include <ptq/kernel/detail/channel_layout.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <xtensor/xoperation.hpp>

namespace ptq::detail {

template <class Expression, class Value>
concept has_values_in_memory = requires(Expression& x) {
  { x.data() } -> std::convertible_to<Value*>;
  { x.data_offset() } -> std::convertible_to<std::size_t>;
  x.strides();
} && std::same_as<std::remove_cv_t<typename Expression::value_type>, std::remove_cv_t<Value>>;

/// Where the values of `x` lie, if they lie in row-major order without gaps; else null.
template <class Value, class Expression>
[[nodiscard]] auto row_major_values(Expression& x) -> Value* {
  if constexpr (has_values_in_memory<Expression, Value>) {
    auto expected = static_cast<std::ptrdiff_t>(1);
    for (std::size_t axis = x.dimension(); axis-- != 0;) {
      const auto extent = static_cast<std::ptrdiff_t>(x.shape(axis));
      if (extent != 1 && static_cast<std::ptrdiff_t>(x.strides()[axis]) != expected) {
        return nullptr;
      }
      expected *= extent;
    }
    return x.data() + static_cast<std::ptrdiff_t>(x.data_offset());
  } else {
    return nullptr;
  }
}

/// The values of any expression in row-major order: where they lie if they lie so, else a copy.
template <class Value>
class row_major {
public:
  template <class Expression>
  explicit row_major(const Expression& x)
      : values_(row_major_values<const Value>(x)), size_(static_cast<std::size_t>(x.size())) {
    if (values_ == nullptr) {
      copy_ = xt::cast<Value>(x);
      values_ = copy_.data();
    }
  }

  row_major(const row_major&) = delete;
  auto operator=(const row_major&) -> row_major& = delete;

  [[nodiscard]] auto values() const noexcept -> std::span<const Value> { return {values_, size_}; }

private:
  xt::xarray<Value, xt::layout_type::row_major> copy_{};
  const Value* values_;
  std::size_t size_;
};

template <class Expression>
[[nodiscard]] auto shape_of(const Expression& x) -> std::vector<std::size_t> {
  std::vector<std::size_t> shape(x.dimension());
  for (std::size_t axis = 0; axis != shape.size(); ++axis) {
    shape[axis] = static_cast<std::size_t>(x.shape(axis));
  }
  return shape;
}

/// `shape` as samples, channels and the rest, so that the number of axes is no limit.
[[nodiscard]] inline auto
folded(const std::vector<std::size_t>& shape, std::size_t axis, const char* kernel)
    -> std::vector<std::size_t> {
  if (axis >= shape.size()) {
    throw error(
        "axis " + std::to_string(axis) + " of a tensor of " + std::to_string(shape.size()) +
            " axes",
        kernel,
        "axis"
    );
  }
  std::vector<std::size_t> three{1, shape[axis], 1};
  for (std::size_t i = 0; i != shape.size(); ++i) {
    if (i != axis) {
      three[i < axis ? 0 : 2] *= shape[i];
    }
  }
  return three;
}

} // namespace ptq::detail
