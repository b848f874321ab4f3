// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>

#include "detail/kernels.hpp"

namespace engine::detail {
namespace {

/// The extents before, at and behind an axis.
struct around {
  std::size_t outer, count, inner;
};

auto split_at(std::size_t axis, const shape& of) -> around {
  const auto at = of.begin() + static_cast<std::ptrdiff_t>(axis);
  return {extents(shape(of.begin(), at)), *at, extents(shape(at + 1, of.end()))};
}

} // namespace

auto softmax(const softmax_form& form, const view& from, const view& to) -> step {
  around parts = split_at(*resolved(form.axis, from.extents.size()), from.extents);
  if (form.and_behind) {
    parts.count *= parts.inner;
    parts.inner = 1;
  }
  return [=] {
    for (std::size_t row = 0; row != parts.outer * parts.inner; ++row) {
      const std::size_t first = row / parts.inner * parts.count * parts.inner + row % parts.inner;
      const float* x = from.data + first;
      float* y = to.data + first;
      float most = x[0];
      for (std::size_t i = 0; i != parts.count; ++i) {
        most = std::max(most, x[i * parts.inner]);
      }
      double sum = 0;
      for (std::size_t i = 0; i != parts.count; ++i) {
        const float each = std::exp(x[i * parts.inner] - most);
        y[i * parts.inner] = each;
        sum += static_cast<double>(each);
      }
      for (std::size_t i = 0; i != parts.count; ++i) {
        y[i * parts.inner] = static_cast<float>(static_cast<double>(y[i * parts.inner]) / sum);
      }
    }
  };
}

auto mean(const std::vector<std::size_t>& axes, const view& from, const view& to) -> step {
  const std::size_t rank = from.extents.size();
  // How far the result moves when the input moves along an axis.
  std::vector<std::size_t> strides(rank, 0);
  std::size_t stride = 1;
  for (std::size_t axis = rank; axis-- != 0;) {
    if (!axes.empty() && !std::ranges::binary_search(axes, axis)) {
      strides[axis] = stride;
      stride *= from.extents[axis];
    }
  }
  return [=, size = from.size(), sums = std::vector<double>(to.size())]() mutable {
    std::ranges::fill(sums, 0.0);
    std::vector<std::size_t> position(rank, 0);
    std::size_t at = 0;
    for (std::size_t i = 0; i != size; ++i) {
      sums[at] += static_cast<double>(from.data[i]);
      for (std::size_t axis = rank; axis-- != 0;) {
        at += strides[axis];
        if (++position[axis] != from.extents[axis]) {
          break;
        }
        at -= strides[axis] * from.extents[axis];
        position[axis] = 0;
      }
    }
    const double count = static_cast<double>(size) / static_cast<double>(sums.size());
    std::ranges::transform(sums, to.data, [&](double sum) {
      return static_cast<float>(sum / count);
    });
  };
}

auto mean_variance_normalization(std::size_t axis, float epsilon, const view& from, const view& to)
    -> step {
  const around parts = split_at(axis, from.extents);
  return [=, inner = parts.count * parts.inner] {
    for (std::size_t row = 0; row != parts.outer; ++row) {
      const float* x = from.data + row * inner;
      float* y = to.data + row * inner;
      double sum = 0;
      for (std::size_t i = 0; i != inner; ++i) {
        sum += static_cast<double>(x[i]);
      }
      const double middle = sum / static_cast<double>(inner);
      double squares = 0;
      for (std::size_t i = 0; i != inner; ++i) {
        const double distance = static_cast<double>(x[i]) - middle;
        squares += distance * distance;
      }
      const double deviation =
          std::sqrt(squares / static_cast<double>(inner) + static_cast<double>(epsilon));
      for (std::size_t i = 0; i != inner; ++i) {
        y[i] = static_cast<float>((static_cast<double>(x[i]) - middle) / deviation);
      }
    }
  };
}

} // namespace engine::detail
