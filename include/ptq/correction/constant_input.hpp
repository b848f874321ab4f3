// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/graph/topology.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ptq {

/// For each tap of a kernel along one axis, the share of the output positions at which it lands
/// inside the input. Empty if there is no output position.
[[nodiscard]] inline auto tap_shares(
    std::size_t input,
    std::size_t kernel,
    std::size_t stride,
    std::size_t dilation,
    std::size_t pad_begin,
    std::size_t pad_end
) -> std::vector<double> {
  const std::size_t reach = (kernel - 1) * dilation + 1;
  if (kernel == 0 || stride == 0 || input + pad_begin + pad_end < reach) {
    return {};
  }
  const std::size_t positions = (input + pad_begin + pad_end - reach) / stride + 1;
  std::vector<double> shares(kernel);
  for (std::size_t tap = 0; tap != kernel; ++tap) {
    std::size_t inside = 0;
    for (std::size_t position = 0; position != positions; ++position) {
      const std::size_t at = position * stride + tap * dilation;
      inside += at >= pad_begin && at - pad_begin < input ? 1U : 0U;
    }
    shares[tap] = static_cast<double>(inside) / static_cast<double>(positions);
  }
  return shares;
}

/// The mean of each output channel of a convolution whose input is constant on each channel,
/// without bias.
///
/// @par Definition
/// `out[o] = sum over c and taps k of w[o, c, k] mean[c] share[k]`, where the share of a tap is
/// that of the output positions at which it lands inside the zero-padded input. No convolution is
/// run.
/// @param weights  `[O, I / groups, spatial...]`
/// @param means    One number for each input channel.
/// @param shape    Of the input without the sample: channels, spatial axes.
/// @return One number for each output channel; empty if the shapes do not fit each other.
[[nodiscard]] inline auto convolved_means(
    const tensor_data& weights,
    std::span<const double> means,
    std::span<const std::uint64_t> shape,
    const convolution_attributes& geometry
) -> std::vector<double> {
  const std::size_t spatial = weights.shape.size() < 2 ? 0 : weights.shape.size() - 2;
  if (spatial == 0 || shape.size() != spatial + 1 || geometry.groups == 0 ||
      weights.shape[0] % geometry.groups != 0 ||
      weights.shape[1] * geometry.groups != means.size()) {
    return {};
  }
  const auto number = [](const std::vector<std::size_t>& list, std::size_t axis, std::size_t none) {
    return axis < list.size() ? list[axis] : none;
  };
  std::vector<double> share{1.0};
  for (std::size_t axis = 0; axis != spatial; ++axis) {
    const std::vector<double> along = tap_shares(
        static_cast<std::size_t>(shape[axis + 1]),
        weights.shape[axis + 2],
        number(geometry.strides, axis, 1),
        number(geometry.dilations, axis, 1),
        number(geometry.pads_begin, axis, 0),
        number(geometry.pads_end, axis, 0)
    );
    if (along.empty()) {
      return {};
    }
    std::vector<double> product;
    for (const double outer : share) {
      for (const double inner : along) {
        product.push_back(outer * inner);
      }
    }
    share = std::move(product);
  }
  const std::size_t inputs = weights.shape[1];
  const std::size_t per_group = weights.shape[0] / geometry.groups;
  std::vector<double> result(weights.shape[0]);
  const float* weight = weights.values.data();
  for (std::size_t o = 0; o != result.size(); ++o) {
    double sum = 0.0;
    for (std::size_t i = 0; i != inputs; ++i) {
      double kernel = 0.0;
      for (const double part : share) {
        kernel += detail::rounded(static_cast<double>(*weight++) * part);
      }
      sum += detail::rounded(kernel * means[o / per_group * inputs + i]);
    }
    result[o] = sum;
  }
  return result;
}

/// The mean of each output channel of a convolution, from what each tap of its kernel reads on the
/// mean: exact, whatever the padding.
///
/// @param weights  `[O, I / groups, spatial...]`
/// @param taps     `I x kernel` means, as `tap_means` gives them, or `I` if they are the same for
/// all
///   taps of a channel.
/// @return One number for each output channel; empty if the shapes do not fit each other.
[[nodiscard]] inline auto
tapped_means(const tensor_data& weights, std::span<const double> taps, std::size_t groups)
    -> std::vector<double> {
  if (weights.shape.size() < 3 || groups == 0 || weights.shape[0] % groups != 0) {
    return {};
  }
  const std::size_t inputs = weights.shape[1];
  std::size_t kernel = 1;
  for (std::size_t axis = 2; axis != weights.shape.size(); ++axis) {
    kernel *= weights.shape[axis];
  }
  const bool alike = taps.size() == inputs * groups;
  if (!alike && taps.size() != inputs * groups * kernel) {
    return {};
  }
  const std::size_t per_group = weights.shape[0] / groups;
  std::vector<double> result(weights.shape[0]);
  const float* weight = weights.values.data();
  for (std::size_t o = 0; o != result.size(); ++o) {
    double sum = 0.0;
    for (std::size_t i = 0; i != inputs; ++i) {
      const std::size_t channel = o / per_group * inputs + i;
      for (std::size_t tap = 0; tap != kernel; ++tap) {
        const double mean = alike ? taps[channel] : taps[channel * kernel + tap];
        sum += detail::rounded(static_cast<double>(*weight++) * mean);
      }
    }
    result[o] = sum;
  }
  return result;
}

/// The mean of each output feature of a matrix product whose rows are all `means`.
///
/// @param weights  `[out, in]` if `transposed`, else `[in, out]`.
/// @return One number for each output feature; empty if the shapes do not fit each other.
[[nodiscard]] inline auto
multiplied_means(const tensor_data& weights, std::span<const double> means, bool transposed)
    -> std::vector<double> {
  if (weights.shape.size() != 2 || weights.shape[transposed ? 1 : 0] != means.size()) {
    return {};
  }
  const std::size_t outputs = weights.shape[transposed ? 0 : 1];
  std::vector<double> result(outputs);
  for (std::size_t o = 0; o != outputs; ++o) {
    double sum = 0.0;
    for (std::size_t i = 0; i != means.size(); ++i) {
      const float weight = weights.values[transposed ? o * means.size() + i : i * outputs + o];
      sum += detail::rounded(static_cast<double>(weight) * means[i]);
    }
    result[o] = sum;
  }
  return result;
}

} // namespace ptq
