// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/element_type.hpp>
#include <ptq/core/error.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace ptq {

/// One axis of a tensor: element `i` lies at `i / block * stride + i % block * block_stride`,
/// counted in elements. Plain strided axes have `block == 1`.
struct dimension {
  std::size_t extent = 0;
  std::ptrdiff_t stride = 0;
  std::uint32_t block = 1;
  std::ptrdiff_t block_stride = 0;

  [[nodiscard]] constexpr auto offset_of(std::size_t i) const noexcept -> std::ptrdiff_t {
    if (block == 1) {
      return static_cast<std::ptrdiff_t>(i) * stride;
    }
    return static_cast<std::ptrdiff_t>(i / block) * stride +
           static_cast<std::ptrdiff_t>(i % block) * block_stride;
  }

  friend constexpr auto operator==(const dimension&, const dimension&) -> bool = default;
};

/// A tensor where it lies in the engine's memory: nothing is copied or owned.
///
/// The order of the axes says their role, the strides say the layout. Activations: sample, channel,
/// spatial axes. Convolution weights: output channel, input channel, spatial axes. An engine that
/// keeps channels last shows `tensor_view{x, {n, h, w, c}}.permuted({0, 3, 1, 2})`.
class tensor_view {
public:
  static constexpr std::size_t max_rank = 8;

  constexpr tensor_view() = default;

  /// Row-major and dense. `extents` is a braced list of one integer type.
  template <class T, std::integral Extent>
    requires has_element_type<T>
  constexpr tensor_view(const T* data, std::initializer_list<Extent> extents)
      : tensor_view(data, std::span<const Extent>(extents.begin(), extents.size())) {}

  /// The same for a list of constants and sizes: `{1, channels, height, width}`.
  template <class T>
    requires has_element_type<T>
  constexpr tensor_view(const T* data, std::initializer_list<std::size_t> extents)
      : tensor_view(data, std::span<const std::size_t>(extents.begin(), extents.size())) {}

  /// Row-major and dense. `extents` is any range of integers; empty for a scalar.
  template <class T, std::ranges::input_range Extents>
    requires has_element_type<T> && std::integral<std::ranges::range_value_t<Extents>>
  constexpr tensor_view(const T* data, const Extents& extents)
      : data_(data), type_(element_type_of<T>) {
    set_dense(extents);
  }

  /// Row-major and dense over a contiguous range.
  /// @throws error if the range does not hold as many elements as `extents` say.
  template <std::ranges::contiguous_range Values, class Extents>
    requires has_element_type<std::ranges::range_value_t<Values>> &&
             (!std::is_pointer_v<std::remove_cvref_t<Values>>)
  constexpr tensor_view(const Values& values, const Extents& extents)
      : tensor_view(std::ranges::data(values), extents) {
    if (std::ranges::size(values) != size()) {
      throw error(
          "a tensor view of " + std::to_string(size()) + " elements over a range of " +
          std::to_string(std::ranges::size(values))
      );
    }
  }

  template <std::ranges::contiguous_range Values, std::integral Extent>
    requires has_element_type<std::ranges::range_value_t<Values>>
  constexpr tensor_view(const Values& values, std::initializer_list<Extent> extents)
      : tensor_view(values, std::span<const Extent>(extents.begin(), extents.size())) {}

  template <std::ranges::contiguous_range Values>
    requires has_element_type<std::ranges::range_value_t<Values>>
  constexpr tensor_view(const Values& values, std::initializer_list<std::size_t> extents)
      : tensor_view(values, std::span<const std::size_t>(extents.begin(), extents.size())) {}

  /// Any layout, with the element type known at run time.
  /// @throws error if there are more than `max_rank` axes.
  constexpr tensor_view(const void* data, element_type type, std::span<const dimension> dimensions)
      : data_(data), rank_(dimensions.size()), type_(type) {
    check_rank(rank_);
    // The bound is checked above; g++ 12 does not see it and warns of the copy.
    for (std::size_t axis = 0; axis != std::min(rank_, max_rank); ++axis) {
      dimensions_[axis] = dimensions[axis];
    }
  }

  [[nodiscard]] constexpr auto data() const noexcept -> const void* { return data_; }

  /// @pre `type() == element_type_of<T>`
  template <class T>
  [[nodiscard]] auto data_as() const noexcept -> const T* {
    return static_cast<const T*>(data_);
  }

  [[nodiscard]] constexpr auto type() const noexcept -> element_type { return type_; }

  [[nodiscard]] constexpr auto rank() const noexcept -> std::size_t { return rank_; }

  [[nodiscard]] constexpr auto dimensions() const noexcept -> std::span<const dimension> {
    return std::span(dimensions_).first(rank_);
  }

  /// @pre `axis < rank()`
  [[nodiscard]] constexpr auto extent(std::size_t axis) const noexcept -> std::size_t {
    return dimensions_[axis].extent;
  }

  /// The number of elements: 1 for a scalar.
  [[nodiscard]] constexpr auto size() const noexcept -> std::size_t {
    std::size_t product = 1;
    for (const dimension& d : dimensions()) {
      product *= d.extent;
    }
    return product;
  }

  /// Are the elements next to each other in memory, the last axis fastest?
  [[nodiscard]] constexpr auto is_dense() const noexcept -> bool {
    std::size_t expected = 1;
    for (std::size_t axis = rank_; axis-- != 0;) {
      const dimension& d = dimensions_[axis];
      if (d.extent != 1 && (d.block != 1 || d.stride != static_cast<std::ptrdiff_t>(expected))) {
        return false;
      }
      expected *= d.extent;
    }
    return true;
  }

  /// The same elements with axis `i` of the result being axis `order[i]` of this.
  /// @throws error if `order` is no permutation of the axes.
  [[nodiscard]] constexpr auto permuted(std::initializer_list<std::size_t> order) const
      -> tensor_view {
    tensor_view result = *this;
    std::array<bool, max_rank> used{};
    bool valid = order.size() == rank_;
    for (std::size_t i = 0; valid && i != rank_; ++i) {
      const std::size_t from = order.begin()[i];
      valid = from < rank_ && !used[from];
      if (valid) {
        used[from] = true;
        result.dimensions_[i] = dimensions_[from];
      }
    }
    if (!valid) {
      throw error("the order of axes is no permutation of the tensor's axes");
    }
    return result;
  }

  /// The part with index `index` on `axis`, which stays as an axis of extent 1.
  /// @pre `axis < rank()` and `index < extent(axis)`
  [[nodiscard]] constexpr auto at(std::size_t axis, std::size_t index) const noexcept
      -> tensor_view {
    tensor_view result = *this;
    const auto bytes =
        dimensions_[axis].offset_of(index) * static_cast<std::ptrdiff_t>(size_of(type_));
    result.data_ = static_cast<const std::byte*>(data_) + bytes;
    result.dimensions_[axis] = {.extent = 1, .stride = dimensions_[axis].stride};
    return result;
  }

private:
  static constexpr void check_rank(std::size_t rank) {
    if (rank > max_rank) {
      throw error(
          "a tensor of " + std::to_string(rank) + " axes; at most " + std::to_string(max_rank) +
          " are supported"
      );
    }
  }

  template <class Extents>
  constexpr void set_dense(const Extents& extents) {
    for (const auto extent : extents) {
      check_rank(rank_ + 1);
      if (std::cmp_less(extent, 0)) {
        throw error(
            "extent " + std::to_string(extent) + " on axis " + std::to_string(rank_) +
            " of a tensor: a dynamic axis has its actual extent when it is shown"
        );
      }
      dimensions_[rank_++].extent = static_cast<std::size_t>(extent);
    }
    constexpr std::size_t most = static_cast<std::size_t>(-1) / 2;
    std::size_t stride = 1;
    for (std::size_t axis = rank_; axis-- != 0;) {
      const std::size_t extent = dimensions_[axis].extent;
      dimensions_[axis].stride = static_cast<std::ptrdiff_t>(stride);
      if (extent != 0 && stride > most / extent) {
        throw error("the extents of a tensor multiply to more elements than memory has");
      }
      stride *= extent == 0 ? 1 : extent;
    }
  }

  const void* data_ = nullptr;
  std::array<dimension, max_rank> dimensions_{};
  std::size_t rank_ = 0;
  element_type type_ = element_type::f32;
};

/// A constant of the graph: its values where the graph keeps them.
using constant_view = tensor_view;

/// `2x3x4`, as messages and reports write a shape; `scalar` for rank 0.
[[nodiscard]] inline auto shape_text(const tensor_view& view) -> std::string {
  std::string text;
  for (const dimension& d : view.dimensions()) {
    text += (text.empty() ? "" : "x") + std::to_string(d.extent);
  }
  return text.empty() ? "scalar" : text;
}

} // namespace ptq
