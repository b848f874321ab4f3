// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/detail/operation_mean.hpp>
#include <ptq/correction/fake_quantized.hpp>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace ptq::correction {

/// Scales and shifts the quantized weights so that their mean and spread are those of the float
/// weights, in each part that has a grid of its own.
///
/// @par Definition
/// `v = std(W) / (std(Wq) + epsilon)`, `mu = mean(W) - v mean(Wq)`; the codes stay, and what they
/// stand for becomes `v Wq + mu`. Where the saturation fix halved the weights, constant and input
/// limits move by `mu / 2`, the output limits by `mu`.
///
/// With a shift, zero is no code any more and the weights are asymmetric.
/// @see POT, WeightBiasCorrection
struct weight_bias {
  double epsilon = 1e-5; ///< At least 0.
  bool shift = true;     ///< Whether `mu` is added; without it symmetric weights stay symmetric.
  /// As in POT, which for halved weights adds `mu` to the input limits and `2 mu` to the output
  /// limits, so that the codes do not stay.
  bool as_pot = false;

  [[nodiscard]] auto operator()(const correction_context& context, const plan& before) const
      -> plan {
    plan after = before;
    for (auto& entry : after.quantizers) {
      const topology::node* const node = reader(context.nodes, *entry);
      if (entry->kind != tensor_kind::weights || node == nullptr ||
          context.nodes.tensors[node->inputs[1]].consumers.size() != 1) {
        continue;
      }
      const tensor_data wanted = detail::float_weights(context, *node);
      tensor_data stored = detail::constant_under(before, context.nodes, node->inputs[1]);
      const tensor_data reached = fake_quantized(stored, entry->format);
      quantizer moved = *entry;
      const std::vector<moments> of_wanted = moments_of(wanted, moved.format);
      const std::vector<moments> of_reached = moments_of(reached, moved.format);
      std::vector<double> scale;
      std::vector<double> offset;
      for (std::size_t c = 0; c != of_wanted.size(); ++c) {
        const double v = of_wanted[c].deviation / (of_reached[c].deviation + epsilon);
        scale.push_back(std::isfinite(v) && v > 0.0 ? v : 1.0);
        offset.push_back(
            shift ? of_wanted[c].mean - detail::rounded(scale.back() * of_reached[c].mean) : 0.0
        );
      }
      std::vector<double> stored_offset = offset;
      for (std::size_t c = 0; c != scale.size(); ++c) {
        grid& on = moved.format.grids[c];
        const double factor = factor_of(on);
        stored_offset[c] /= factor;
        move(
            on,
            scale[c],
            as_pot ? offset[c] : stored_offset[c],
            as_pot ? offset[c] * factor : offset[c]
        );
        moved.format.mode = offset[c] != 0.0 ? asymmetric : moved.format.mode;
      }
      for_each_value(stored, moved.format, [&](std::size_t c, float& value) {
        value = static_cast<float>(
            detail::rounded(static_cast<double>(value) * scale[c]) + stored_offset[c]
        );
      });
      if (!as_pot) {
        keep_codes(stored, moved.format, reached, entry->format);
      }
      after.constants.push_back(
          replaced_constant{entry->tensor, node->name, "weight_bias_correction", std::move(stored)}
      );
      entry = std::move(moved);
    }
    return after;
  }

  /// @throws error for an epsilon below 0.
  void check_options() const {
    if (!(epsilon >= 0.0)) {
      throw error("it is at least 0", {}, "weight_bias.epsilon");
    }
  }

  friend constexpr auto operator==(const weight_bias&, const weight_bias&) -> bool = default;

private:
  struct moments {
    double mean = 0.0;
    double deviation = 0.0;
  };

  static auto reader(const topology& in, const quantizer& of) -> const topology::node* {
    for (const topology::node& node : in.nodes) {
      for (const port_name& port : of.consumers) {
        if (port.input == 1 && port.node == node.name && in.constant_at(node, 1) != nullptr) {
          return &node;
        }
      }
    }
    return nullptr;
  }

  template <class Visit>
  static void for_each_value(tensor_data& of, const uniform_format& format, Visit visit) {
    std::size_t inner = of.values.size();
    if (format.axis) {
      inner = 1;
      for (std::size_t axis = *format.axis + 1; axis < of.shape.size(); ++axis) {
        inner *= of.shape[axis];
      }
    }
    for (std::size_t i = 0; i != of.values.size(); ++i) {
      visit(i / inner % format.grids.size(), of.values[i]);
    }
  }

  static auto moments_of(tensor_data of, const uniform_format& format) -> std::vector<moments> {
    std::vector<moments> result(format.grids.size());
    const auto count = static_cast<double>(of.values.size() / result.size());
    for_each_value(of, format, [&](std::size_t c, const float& value) {
      result[c].mean += static_cast<double>(value);
    });
    for (moments& each : result) {
      each.mean /= count;
    }
    for_each_value(of, format, [&](std::size_t c, const float& value) {
      const double off = static_cast<double>(value) - result[c].mean;
      result[c].deviation += detail::rounded(off * off);
    });
    for (moments& each : result) {
      each.deviation = std::sqrt(each.deviation / count);
    }
    return result;
  }

  /// Puts values whose code changed, since they lay between two, on the code that they had.
  static void keep_codes(
      tensor_data& stored,
      const uniform_format& format,
      const tensor_data& reached,
      const uniform_format& before
  ) {
    const auto code = [](float value, const grid& on) {
      return std::nearbyint(
          (static_cast<double>(value) - static_cast<double>(on.out_low)) /
          step(on.out_low, on.out_high, on)
      );
    };
    const tensor_data now = fake_quantized(stored, format);
    std::size_t i = 0;
    for_each_value(stored, format, [&](std::size_t c, float& value) {
      const double wanted = code(reached.values[i], before.grids[c]);
      const grid& on = format.grids[c];
      if (code(now.values[i], on) != wanted) {
        value = static_cast<float>(
            static_cast<double>(on.in_low) +
            detail::rounded(wanted * step(on.in_low, on.in_high, on))
        );
      }
      ++i;
    });
  }

  static auto step(float low, float high, const grid& on) -> double {
    return (static_cast<double>(high) - static_cast<double>(low)) /
           static_cast<double>(on.levels - 1);
  }

  /// 2 where the saturation fix halved the weights, else 1.
  static auto factor_of(const grid& of) -> double {
    const double in = static_cast<double>(of.in_high) - static_cast<double>(of.in_low);
    const double out = static_cast<double>(of.out_high) - static_cast<double>(of.out_low);
    return in > 0.0 ? out / in : 1.0;
  }

  static void move(grid& on, double scale, double in_offset, double out_offset) {
    const auto moved = [scale](float limit, double offset) {
      return static_cast<float>(detail::rounded(static_cast<double>(limit) * scale) + offset);
    };
    on.in_low = moved(on.in_low, in_offset);
    on.in_high = moved(on.in_high, in_offset);
    on.out_low = moved(on.out_low, out_offset);
    on.out_high = moved(on.out_high, out_offset);
  }
};

} // namespace ptq::correction
