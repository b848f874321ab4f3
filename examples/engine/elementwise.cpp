// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <numbers>

#include "detail/kernels.hpp"

namespace engine::detail {
namespace {

/// The strides of `of`, for the axes of `to` in memory order; 0 where `of` is repeated.
auto broadcast_strides(const view& of, const view& to) -> std::vector<std::size_t> {
  std::vector<std::size_t> strides(of.extents.size());
  std::size_t stride = 1;
  const auto own = memory_order(of);
  for (auto axis = own.rbegin(); axis != own.rend(); ++axis) {
    strides[*axis] = of.extents[*axis] == 1 ? 0 : stride;
    stride *= of.extents[*axis];
  }
  const std::size_t missing = to.extents.size() - of.extents.size();
  std::vector<std::size_t> result;
  for (const std::size_t axis : memory_order(to)) {
    result.push_back(axis < missing ? 0 : strides[axis - missing]);
  }
  return result;
}

/// `to = f(a, b)`, each broadcast to the shape of `to`.
template <class F>
auto broadcast(const view& a, const view& b, const view& to, F f) -> step {
  const auto a_strides = broadcast_strides(a, to);
  const auto b_strides = broadcast_strides(b, to);
  shape extents_of;
  for (const std::size_t axis : memory_order(to)) {
    extents_of.push_back(to.extents[axis]);
  }
  const std::size_t rank = extents_of.size();
  const std::size_t inner = rank == 0 ? 1 : extents_of.back();
  const std::size_t a_inner = rank == 0 ? 0 : a_strides.back();
  const std::size_t b_inner = rank == 0 ? 0 : b_strides.back();
  return [=, outer = to.size() / inner] {
    std::vector<std::size_t> position(rank, 0);
    std::size_t a_at = 0;
    std::size_t b_at = 0;
    for (std::size_t row = 0; row != outer; ++row) {
      float* y = to.data + row * inner;
      for (std::size_t i = 0; i != inner; ++i) {
        y[i] = f(a.data[a_at + i * a_inner], b.data[b_at + i * b_inner]);
      }
      for (std::size_t axis = rank - std::min<std::size_t>(rank, 1); axis-- != 0;) {
        a_at += a_strides[axis];
        b_at += b_strides[axis];
        if (++position[axis] != extents_of[axis]) {
          break;
        }
        a_at -= a_strides[axis] * extents_of[axis];
        b_at -= b_strides[axis] * extents_of[axis];
        position[axis] = 0;
      }
    }
  };
}

template <class F>
auto each(const view& from, const view& to, F f) -> step {
  return [=, size = from.size()] { std::transform(from.data, from.data + size, to.data, f); };
}

} // namespace

auto memory_order(const view& of) -> std::vector<std::size_t> {
  std::vector<std::size_t> order(of.extents.size());
  for (std::size_t i = 0; i != order.size(); ++i) {
    order[i] = i;
  }
  return of.channels_last ? std::vector<std::size_t>{0, 2, 3, 1} : order;
}

auto layout_is_moot(const shape& of) -> bool {
  return of.size() != 4 || of[1] == 1 || of[2] * of[3] == 1;
}

auto clip(const view& from, float low, float high, const view& to) -> step {
  return [from, low, high, to, size = from.size()] {
    const float* x = from.data;
    float* y = to.data;
    for (std::size_t i = 0; i != size; ++i) {
      const float v = x[i] < low ? low : x[i];
      y[i] = v > high ? high : v;
    }
  };
}

auto average_over_positions(const view& from, const view& to) -> step {
  const std::size_t channels = from.extents[1];
  const std::size_t positions = from.extents[2] * from.extents[3];
  return [from,
          to,
          channels,
          positions,
          batch = from.extents[0],
          sums = std::vector<double>(channels)]() mutable {
    for (std::size_t n = 0; n != batch; ++n) {
      std::ranges::fill(sums, 0.0);
      const float* x = from.data + n * positions * channels;
      for (std::size_t p = 0; p != positions; ++p, x += channels) {
        for (std::size_t c = 0; c != channels; ++c) {
          sums[c] += static_cast<double>(x[c]);
        }
      }
      for (std::size_t c = 0; c != channels; ++c) {
        to.data[n * channels + c] = static_cast<float>(sums[c] / static_cast<double>(positions));
      }
    }
  };
}

auto add(const view& a, float alpha, const view& b, float beta, const view& to) -> step {
  return broadcast(a, b, to, [alpha, beta](float x, float y) { return alpha * x + beta * y; });
}

auto binary(operation kind, const view& a, const view& b, const view& to) -> step {
  switch (kind) {
  case operation::add:
    return broadcast(a, b, to, [](float x, float y) { return x + y; });
  case operation::subtract:
    return broadcast(a, b, to, [](float x, float y) { return x - y; });
  case operation::multiply:
  case operation::factor:
    return broadcast(a, b, to, [](float x, float y) { return x * y; });
  case operation::divide:
    return broadcast(a, b, to, [](float x, float y) { return x / y; });
  case operation::power:
    return broadcast(a, b, to, [](float x, float y) { return std::pow(x, y); });
  case operation::prelu:
    return broadcast(a, b, to, [](float x, float y) { return x < 0 ? x * y : x; });
  default:
    throw error("there is no kernel for it");
  }
}

auto unary(const node& of, const view& from, const view& to) -> step {
  switch (of.kind) {
  case operation::sqrt:
    return each(from, to, [](float x) { return std::sqrt(x); });
  case operation::exp:
    return each(from, to, [](float x) { return std::exp(x); });
  case operation::erf:
    return each(from, to, [](float x) { return std::erf(x); });
  case operation::tanh:
    return each(from, to, [](float x) { return std::tanh(x); });
  case operation::sigmoid:
    return each(from, to, [](float x) { return 1 / (1 + std::exp(-x)); });
  case operation::swish:
    return each(from, to, [](float x) { return x / (1 + std::exp(-x)); });
  case operation::hard_sigmoid:
    return each(from, to, [form = std::get<linear_form>(of.form)](float x) {
      return std::max(0.0F, std::min(1.0F, form.alpha * x + form.beta));
    });
  case operation::hard_swish:
    return each(from, to, [](float x) { return x * std::max(0.0F, std::min(6.0F, x + 3)) / 6; });
  case operation::leaky_relu:
    return each(from, to, [slope = std::get<linear_form>(of.form).alpha](float x) {
      return x < 0 ? slope * x : x;
    });
  case operation::gelu:
    return each(from, to, [](float x) {
      constexpr float root = std::numbers::sqrt2_v<float>;
      return 0.5F * (x * (1 + std::erf(x / root)));
    });
  default:
    throw error("there is no kernel for it");
  }
}

auto concat(const std::vector<view>& from, std::size_t axis, const view& to) -> step {
  const auto order = memory_order(to);
  const auto place = std::ranges::find(order, axis) - order.begin();
  // In memory: `outer` blocks, in each of which the pieces of the inputs follow each other.
  std::size_t outer = 1;
  for (std::ptrdiff_t i = 0; i != place; ++i) {
    outer *= to.extents[order[static_cast<std::size_t>(i)]];
  }
  return [from, to, outer] {
    float* y = to.data;
    for (std::size_t block = 0; block != outer; ++block) {
      for (const view& each : from) {
        const std::size_t piece = each.size() / outer;
        y = std::copy_n(each.data + block * piece, piece, y);
      }
    }
  };
}

auto scale_channels(
    const view& from, std::vector<float> factor, std::vector<float> shift, const view& to
) -> step {
  const std::size_t channels = from.extents[1];
  const std::size_t inner = from.channels_last ? 1 : from.size() / from.extents[0] / channels;
  return [=, factor = std::move(factor), shift = std::move(shift), size = from.size()] {
    for (std::size_t i = 0; i != size; ++i) {
      const std::size_t c = i / inner % channels;
      to.data[i] = from.data[i] * factor[c] + shift[c];
    }
  };
}

} // namespace engine::detail
