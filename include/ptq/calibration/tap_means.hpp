// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/window.hpp>
#include <ptq/core/blocks.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/core/tensor_view.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace ptq {

namespace detail {

/// The positions along one axis, sorted into classes of those that the same taps visit. So each
/// value is added once, and not once for each tap.
struct visits {
  std::vector<std::size_t> class_of{};          ///< Of each position of the input.
  std::vector<std::vector<std::size_t>> taps{}; ///< That visit the positions of a class, ascending.
  std::size_t outputs = 0;                      ///< Output positions along the axis.
};

inline auto visits_along(const window& how, std::size_t axis, std::size_t input) -> visits {
  visits result;
  const std::size_t reach = (how.kernel[axis] - 1) * how.dilations[axis] + 1;
  const std::size_t padded = input + how.pads_begin[axis] + how.pads_end[axis];
  if (padded < reach) {
    return result;
  }
  result.outputs = (padded - reach) / how.strides[axis] + 1;
  std::vector<std::vector<std::size_t>> of(input);
  for (std::size_t tap = 0; tap != how.kernel[axis]; ++tap) {
    for (std::size_t output = 0; output != result.outputs; ++output) {
      const std::size_t at = output * how.strides[axis] + tap * how.dilations[axis];
      if (at >= how.pads_begin[axis] && at - how.pads_begin[axis] < input) {
        of[at - how.pads_begin[axis]].push_back(tap);
      }
    }
  }
  for (const std::vector<std::size_t>& taps : of) {
    const auto known = std::ranges::find(result.taps, taps);
    result.class_of.push_back(static_cast<std::size_t>(known - result.taps.begin()));
    if (known == result.taps.end()) {
      result.taps.push_back(taps);
    }
  }
  return result;
}

} // namespace detail

/// The mean of what each tap of a kernel reads, over the output positions; padding counts as zero.
///
/// An operation is linear in its input, so these numbers say what a change of the kernel does to
/// the mean of its output, exactly and whatever the padding.
/// @param view  `[1, C, spatial...]`
/// @return `C x kernel` numbers, row-major; empty if there is no output position.
/// @throws error if the tensor has not as many spatial axes as the window.
/// @par Complexity  One sweep over the tensor, whatever the kernel.
[[nodiscard]] inline auto tap_means(const tensor_view& view, const window& how)
    -> std::vector<double> {
  const std::size_t spatial = how.kernel.size();
  if (view.rank() != spatial + 2 || view.extent(0) != 1) {
    throw error(
        "a tensor of shape " + shape_text(view) + " has not the " + std::to_string(spatial) +
        " spatial axes of the kernel"
    );
  }
  tensor_data copy;
  if (view.type() != element_type::f32 || !view.is_dense()) {
    copy = to_floats(view);
  }
  const float* at = copy.values.empty() ? view.data_as<float>() : copy.values.data();
  std::vector<detail::visits> axes;
  std::size_t outputs = 1;
  std::size_t classes = 1;
  for (std::size_t axis = 0; axis != spatial; ++axis) {
    axes.push_back(detail::visits_along(how, axis, view.extent(axis + 2)));
    outputs *= axes.back().outputs;
    classes *= axis + 1 == spatial ? 1 : axes.back().taps.size();
  }
  if (outputs == 0) {
    return {};
  }
  const detail::visits& last = axes.back();
  const std::size_t width = last.class_of.size();
  std::size_t rows = 1;
  std::vector<std::size_t> row_class{0};
  for (std::size_t axis = 0; axis + 1 != spatial; ++axis) {
    std::vector<std::size_t> next;
    for (const std::size_t outer : row_class) {
      for (const std::size_t inner : axes[axis].class_of) {
        next.push_back(outer * axes[axis].taps.size() + inner);
      }
    }
    row_class = std::move(next);
    rows *= axes[axis].class_of.size();
  }
  // The classes of rows that a tap of the outer axes reads; the same for each channel.
  std::vector<std::vector<std::size_t>> outer_taps{{0}};
  for (std::size_t axis = 0; axis + 1 != spatial; ++axis) {
    std::vector<std::vector<std::size_t>> next;
    for (const std::vector<std::size_t>& before : outer_taps) {
      for (std::size_t tap = 0; tap != how.kernel[axis]; ++tap) {
        std::vector<std::size_t> read;
        for (const std::size_t outer : before) {
          for (std::size_t c = 0; c != axes[axis].taps.size(); ++c) {
            if (std::ranges::binary_search(axes[axis].taps[c], tap)) {
              read.push_back(outer * axes[axis].taps.size() + c);
            }
          }
        }
        next.push_back(std::move(read));
      }
    }
    outer_taps = std::move(next);
  }
  const std::size_t channels = view.extent(1);
  const auto positions = static_cast<double>(outputs);
  std::vector<double> result;
  result.reserve(channels * how.taps());
  std::vector<double> columns(classes * width);
  std::vector<double> sums(classes * last.taps.size());
  for (std::size_t channel = 0; channel != channels; ++channel) {
    std::ranges::fill(columns, 0.0);
    for (std::size_t row = 0; row != rows; ++row, at += width) {
      double* const into = columns.data() + row_class[row] * width;
      for (std::size_t x = 0; x != width; ++x) {
        into[x] += static_cast<double>(at[x]);
      }
    }
    std::ranges::fill(sums, 0.0);
    for (std::size_t c = 0; c != classes; ++c) {
      for (std::size_t x = 0; x != width; ++x) {
        sums[c * last.taps.size() + last.class_of[x]] += columns[c * width + x];
      }
    }
    for (const std::vector<std::size_t>& read : outer_taps) {
      for (std::size_t tap = 0; tap != how.kernel.back(); ++tap) {
        double sum = 0.0;
        for (const std::size_t outer : read) {
          for (std::size_t c = 0; c != last.taps.size(); ++c) {
            if (std::ranges::binary_search(last.taps[c], tap)) {
              sum += sums[outer * last.taps.size() + c];
            }
          }
        }
        result.push_back(sum / positions);
      }
    }
  }
  return result;
}

} // namespace ptq
