// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/op.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/plan/quantizer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

/// The operations of the toy engine: written to be read, in double, one value after another.
namespace ptq::test::toy {

using shape = std::vector<std::size_t>;

inline auto volume(const shape& of) -> std::size_t {
  return std::accumulate(of.begin(), of.end(), std::size_t{1}, std::multiplies<>());
}

/// Calls `visit(index)` for each index of a tensor, the last axis fastest.
template <class Visit>
void for_each_index(const shape& extents, Visit visit) {
  shape index(extents.size(), 0);
  for (std::size_t left = volume(extents); left != 0; --left) {
    visit(std::as_const(index));
    for (std::size_t axis = extents.size(); axis-- != 0;) {
      if (++index[axis] != extents[axis]) {
        break;
      }
      index[axis] = 0;
    }
  }
}

inline auto offset(const shape& extents, const shape& index) -> std::size_t {
  std::size_t result = 0;
  for (std::size_t axis = 0; axis != extents.size(); ++axis) {
    result = result * extents[axis] + index[axis];
  }
  return result;
}

/// Fills a tensor with `value(index)`.
template <class Value>
auto tabulate(const shape& extents, Value value) -> tensor_data {
  tensor_data result{extents, {}};
  result.values.reserve(volume(extents));
  for_each_index(extents, [&](const shape& index) {
    result.values.push_back(static_cast<float>(value(index)));
  });
  return result;
}

inline auto read(const tensor_data& of, const shape& index) -> double {
  return static_cast<double>(of.values.at(offset(of.shape, index)));
}

template <class Function>
auto each(const tensor_data& x, Function function) -> tensor_data {
  tensor_data result = x;
  std::ranges::transform(x.values, result.values.begin(), function);
  return result;
}

/// Two tensors, each stretched along the axes where it has extent 1.
template <class Function>
auto broadcast(const tensor_data& a, const tensor_data& b, Function function) -> tensor_data {
  const std::size_t rank = std::max(a.shape.size(), b.shape.size());
  const auto widened = [&](shape s) {
    s.insert(s.begin(), rank - s.size(), 1);
    return s;
  };
  const shape sa = widened(a.shape);
  const shape sb = widened(b.shape);
  shape extents(rank);
  for (std::size_t axis = 0; axis != rank; ++axis) {
    if (sa[axis] != sb[axis] && sa[axis] != 1 && sb[axis] != 1) {
      throw std::logic_error("toy operands do not broadcast");
    }
    extents[axis] = std::max(sa[axis], sb[axis]);
  }
  const auto value = [&](const tensor_data& of, const shape& s, shape index) {
    for (std::size_t axis = 0; axis != rank; ++axis) {
      index[axis] = s[axis] == 1 ? 0 : index[axis];
    }
    return of.values.at(offset(s, index));
  };
  return tabulate(extents, [&](const shape& index) {
    return function(value(a, sa, index), value(b, sb, index));
  });
}

inline auto or_else(const shape& given, std::size_t axis, std::size_t otherwise) -> std::size_t {
  return given.empty() ? otherwise : given.at(axis);
}

/// Correlation of `[samples, channels, spatial...]` with `[out, channels / groups, spatial...]`.
inline auto convolution(
    const tensor_data& x,
    const tensor_data& w,
    const tensor_data* bias,
    const convolution_attributes& how
) -> tensor_data {
  const std::size_t spatial = x.shape.size() - 2;
  const std::size_t in_group = x.shape.at(1) / how.groups;
  const std::size_t out_group = w.shape.at(0) / how.groups;
  if (w.shape.size() != x.shape.size() || w.shape[1] != in_group) {
    throw std::logic_error("toy convolution: the weights do not fit the input");
  }
  shape extents{x.shape[0], w.shape[0]};
  shape window{in_group};
  for (std::size_t s = 0; s != spatial; ++s) {
    const std::size_t kernel = (w.shape[s + 2] - 1) * or_else(how.dilations, s, 1) + 1;
    const std::size_t padded =
        x.shape[s + 2] + or_else(how.pads_begin, s, 0) + or_else(how.pads_end, s, 0);
    extents.push_back((padded - kernel) / or_else(how.strides, s, 1) + 1);
    window.push_back(w.shape[s + 2]);
  }
  return tabulate(extents, [&](const shape& out) {
    double sum = bias == nullptr ? 0.0 : static_cast<double>(bias->values.at(out[1]));
    for_each_index(window, [&](const shape& tap) {
      shape from{out[0], out[1] / out_group * in_group + tap[0]};
      shape weight{out[1], tap[0]};
      for (std::size_t s = 0; s != spatial; ++s) {
        const std::size_t reach =
            out[s + 2] * or_else(how.strides, s, 1) + tap[s + 1] * or_else(how.dilations, s, 1);
        const std::size_t pad = or_else(how.pads_begin, s, 0);
        if (reach < pad || reach - pad >= x.shape[s + 2]) {
          return;
        }
        from.push_back(reach - pad);
        weight.push_back(tap[s + 1]);
      }
      sum += read(x, from) * read(w, weight);
    });
    return sum;
  });
}

/// The product of the last two axes; `b` has two axes or those of `a`.
inline auto matmul(
    const tensor_data& a,
    const tensor_data& b,
    const tensor_data* bias,
    const matmul_attributes& how
) -> tensor_data {
  const std::size_t rank = a.shape.size();
  const std::size_t rank_b = b.shape.size();
  const std::size_t inner = a.shape.at(how.transpose_a ? rank - 2 : rank - 1);
  if (inner != b.shape.at(how.transpose_b ? rank_b - 1 : rank_b - 2)) {
    throw std::logic_error("toy matrix product: the operands do not fit");
  }
  shape extents = a.shape;
  extents[rank - 2] = a.shape[how.transpose_a ? rank - 1 : rank - 2];
  extents[rank - 1] = b.shape[how.transpose_b ? rank_b - 2 : rank_b - 1];
  return tabulate(extents, [&](const shape& out) {
    double sum = bias == nullptr
                     ? 0.0
                     : static_cast<double>(bias->values.at(out[rank - 1] % bias->values.size()));
    for (std::size_t k = 0; k != inner; ++k) {
      shape left = out;
      left[rank - 1] = k;
      if (how.transpose_a) {
        std::swap(left[rank - 2], left[rank - 1]);
        left[rank - 1] = out[rank - 2];
      }
      shape right = rank_b == 2 ? shape(2) : out;
      right[rank_b - 2] = how.transpose_b ? out[rank - 1] : k;
      right[rank_b - 1] = how.transpose_b ? k : out[rank - 1];
      sum += read(a, left) * read(b, right);
    }
    return sum;
  });
}

/// `kernel` and stride are the same; `fold(values) -> double`.
template <class Fold>
auto pool(const tensor_data& x, const shape& kernel, Fold fold) -> tensor_data {
  shape extents = x.shape;
  for (std::size_t s = 0; s != kernel.size(); ++s) {
    extents[s + 2] /= kernel[s];
  }
  return tabulate(extents, [&](const shape& out) {
    std::vector<double> window;
    for_each_index(kernel, [&](const shape& tap) {
      shape from = out;
      for (std::size_t s = 0; s != kernel.size(); ++s) {
        from[s + 2] = out[s + 2] * kernel[s] + tap[s];
      }
      window.push_back(read(x, from));
    });
    return fold(window);
  });
}

inline auto mean(const std::vector<double>& of) -> double {
  return std::accumulate(of.begin(), of.end(), 0.0) / static_cast<double>(of.size());
}

inline auto concat(std::span<const tensor_data> parts, std::size_t axis) -> tensor_data {
  shape extents = parts.front().shape;
  extents.at(axis) = 0;
  for (const tensor_data& part : parts) {
    extents[axis] += part.shape.at(axis);
  }
  return tabulate(extents, [&](shape index) {
    std::size_t which = 0;
    while (index[axis] >= parts[which].shape[axis]) {
      index[axis] -= parts[which++].shape[axis];
    }
    return read(parts[which], index);
  });
}

inline auto split(const tensor_data& x, std::size_t axis, std::size_t parts)
    -> std::vector<tensor_data> {
  shape extents = x.shape;
  extents.at(axis) /= parts;
  std::vector<tensor_data> result;
  for (std::size_t k = 0; k != parts; ++k) {
    result.push_back(tabulate(extents, [&](shape index) {
      index[axis] += k * extents[axis];
      return read(x, index);
    }));
  }
  return result;
}

inline auto softmax(const tensor_data& x, std::size_t axis) -> tensor_data {
  return tabulate(x.shape, [&](const shape& index) {
    double sum = 0.0;
    for (std::size_t k = 0; k != x.shape.at(axis); ++k) {
      shape other = index;
      other[axis] = k;
      sum += std::exp(read(x, other) - read(x, index));
    }
    return 1.0 / sum;
  });
}

/// The definition in `ptq::grid`, word for word.
inline auto fake_quantize(float x, const grid& on) -> float {
  const auto rounded = [](float value) { return ptq::detail::rounded(value); };
  if (std::isnan(x)) {
    return x;
  }
  if (x <= std::min(on.in_low, on.in_high)) {
    return on.out_low;
  }
  if (x > std::max(on.in_low, on.in_high)) {
    return on.out_high;
  }
  const auto steps = static_cast<float>(on.levels - 1);
  const float in_width = rounded(on.in_high - on.in_low);
  const float out_width = rounded(on.out_high - on.out_low);
  const float code = std::nearbyint(rounded(rounded(rounded(x - on.in_low) / in_width) * steps));
  return rounded(rounded(code / steps) * out_width) + on.out_low;
}

inline auto fake_quantize(const tensor_data& x, const uniform_format& on) -> tensor_data {
  return tabulate(x.shape, [&](const shape& index) {
    const grid& its = on.axis ? on.grids.at(index.at(*on.axis)) : on.grids.at(0);
    return fake_quantize(x.values[offset(x.shape, index)], its);
  });
}

} // namespace ptq::test::toy
