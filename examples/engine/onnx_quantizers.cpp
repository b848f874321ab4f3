// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "detail/onnx_quantizers.hpp"

#include <ptq/kernel/nibbles.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <variant>
#include <vector>

namespace engine::detail {
namespace {

auto is_usable(float scale) -> bool {
  return scale >= std::numeric_limits<float>::min();
}

auto levels_of(const ptq::quantizer& by) -> std::int64_t {
  return by.format.grids.front().levels;
}

/// One number for each channel, shaped to be broadcast along `axis` of a tensor of `rank` axes.
auto add_along_axis(
    onnx_file& into,
    const std::string& name,
    const std::vector<float>& values,
    std::size_t axis,
    std::size_t rank
) -> std::string {
  shape extents_of(values.size() == 1 ? 0 : rank, 1);
  if (values.size() != 1) {
    extents_of[axis] = values.size();
  }
  return into.add_constant<float>(into.free_name(name), extents_of, values);
}

/// Codes as a constant, two to a byte where they are to be; zero points likewise.
template <class Code>
auto add_codes(
    onnx_file& into,
    const std::string& name,
    const shape& extents_of,
    const std::vector<Code>& codes,
    bool packed
) -> std::string {
  if constexpr (sizeof(Code) == 1) {
    if (packed) {
      std::vector<std::uint8_t> bytes(ptq::nibble_bytes(codes.size()));
      ptq::pack_nibbles(std::span<const Code>(codes), std::span(bytes));
      return into.add_bytes(
          into.free_name(name), onnx_type::int4, extents_of, {bytes.begin(), bytes.end()}
      );
    }
  }
  return into.add_constant<Code>(into.free_name(name), extents_of, codes);
}

template <class Code>
auto write_codes(
    onnx_file& into,
    const std::string& name,
    const ptq::lowered_tensor& weights,
    const std::vector<Code>& codes,
    bool packed
) -> std::string {
  const int most = (1 << ((packed ? 4 : 8 * static_cast<int>(sizeof(Code))) - 1)) - 1;
  const double tolerance = zero_point_tolerance(sizeof(Code) == 2 ? 65536 : 256);
  const auto is_whole = [&](float each) {
    const auto zero = static_cast<double>(each);
    const double nearest = std::nearbyint(zero);
    return nearest >= -most - 1 && nearest <= most && std::abs(zero - nearest) <= tolerance;
  };
  const bool whole = std::ranges::all_of(weights.zero_points, is_whole);
  std::vector<Code> zero_points;
  std::vector<float> offsets;
  for (std::size_t c = 0; c != weights.zero_points.size(); ++c) {
    zero_points.push_back(static_cast<Code>(whole ? std::nearbyint(weights.zero_points[c]) : 0));
    offsets.push_back(-weights.zero_points[c] * weights.scales[c]);
  }
  const shape numbers = zero_points.size() == 1 ? shape{} : shape{zero_points.size()};
  const std::string result = into.free_name(name + "_dequantized");
  const std::string stored = add_codes(into, name + "_quantized", weights.shape, codes, packed);
  onnx::NodeProto& made = into.add_node(
      "DequantizeLinear",
      {stored,
       into.add_numbers(name + "_scale", weights.scales),
       add_codes(into, name + "_zero_point", numbers, zero_points, packed)},
      result
  );
  if (weights.scales.size() != 1) {
    set_integer(made, "axis", static_cast<std::int64_t>(weights.axis.value_or(0)));
  }
  if (whole) {
    return result;
  }
  const std::string offset = add_along_axis(
      into, name + "_offset", offsets, weights.axis.value_or(0), weights.shape.size()
  );
  return into.apply("Add", {result, offset}, name + "_shifted");
}

/// Can QuantizeLinear say this grid?
auto is_linear(const ptq::grid& on) -> bool {
  const double zero = std::nearbyint(on.zero_point());
  return on.levels <= 65536 && on.in_low == on.out_low && on.in_high == on.out_high && zero >= 0 &&
         zero <= static_cast<double>(on.levels - 1) &&
         std::abs(zero - on.zero_point()) <= zero_point_tolerance(on.levels) &&
         is_usable(static_cast<float>(on.scale()));
}

class activation_writer {
public:
  activation_writer(
      onnx_file& into, const std::string& name, const shape& extents, const ptq::quantizer& by
  )
      : into_(into), name_(name), extents_(extents), by_(by) {}

  template <class Code>
  auto write_linear(std::string input, bool apart) -> std::string {
    std::vector<float> scales;
    std::vector<Code> zero_points;
    for (const ptq::grid& each : by_.format.grids) {
      scales.push_back(static_cast<float>(each.scale()));
      zero_points.push_back(static_cast<Code>(std::nearbyint(each.zero_point())));
    }
    if (apart || levels_of(by_) != std::int64_t{std::numeric_limits<Code>::max()} + 1) {
      input = bound(input);
    }
    const std::string scale = into_.add_numbers(name_ + "_scale", scales);
    const std::string zero_point = into_.add_numbers(name_ + "_zero_point", zero_points);
    const auto add = [&](const char* type, const std::string& from, const char* suffix) {
      std::string result = into_.free_name(name_ + suffix);
      onnx::NodeProto& made = into_.add_node(type, {from, scale, zero_point}, result);
      if (scales.size() != 1) {
        set_integer(made, "axis", static_cast<std::int64_t>(by_.format.axis.value_or(1)));
      }
      return result;
    };
    return add("DequantizeLinear", add("QuantizeLinear", input, "_quantized"), "_dequantized");
  }

  /// `round((x - in_low) / (in_high - in_low) * L) / L * (out_high - out_low) + out_low`, with the
  /// operations and the roundings of OpenVINO's FakeQuantize: any shortcut decides ties otherwise.
  auto write_arithmetic(const std::string& input) -> std::string {
    const std::string last =
        into_.add_numbers(name_ + "_last", std::vector{static_cast<float>(levels_of(by_) - 1)});
    std::string value = bound(input);
    const auto apply = [&](const char* type, const char* suffix, const std::string& other) {
      value = into_.apply(
          type, other.empty() ? std::vector{value} : std::vector{value, other}, name_ + suffix
      );
    };
    apply("Sub", "_from_low", along_channels("_in_low", [](const ptq::grid& on) {
            return on.in_low;
          }));
    apply("Div", "_share", along_channels("_in_width", [](const ptq::grid& on) {
            return on.in_high > on.in_low ? on.in_high - on.in_low : 1.0F;
          }));
    apply("Mul", "_in_steps", last);
    apply("Round", "_rounded", {});
    apply("Div", "_rounded_share", last);
    apply("Mul", "_widened", along_channels("_out_width", [](const ptq::grid& on) {
            return on.out_high - on.out_low;
          }));
    apply("Add", "_fake_quantized", along_channels("_out_low", [](const ptq::grid& on) {
            return on.out_low;
          }));
    return value;
  }

private:
  template <class Limit>
  auto along_channels(const std::string& suffix, const Limit& limit) -> std::string {
    std::vector<float> values;
    for (const ptq::grid& each : by_.format.grids) {
      values.push_back(limit(each));
    }
    return add_along_axis(
        into_, name_ + suffix, values, by_.format.axis.value_or(0), extents_.size()
    );
  }

  /// The input between the limits of its grid.
  auto bound(const std::string& input) -> std::string {
    const std::string low = along_channels("_low", [](const ptq::grid& on) { return on.in_low; });
    const std::string high =
        along_channels("_high", [](const ptq::grid& on) { return on.in_high; });
    const std::string raised = into_.apply("Max", {input, low}, name_ + "_raised");
    return into_.apply("Min", {raised, high}, name_ + "_bounded");
  }

  onnx_file& into_;
  const std::string& name_;
  const shape& extents_;
  const ptq::quantizer& by_;
};

} // namespace

auto zero_point_tolerance(std::int64_t levels) -> double {
  constexpr double of_8_bits = 1e-3;
  constexpr double of_16_bits = 1.0 / 64;
  return levels > 256 ? of_16_bits : of_8_bits;
}

auto can_write_weights(const ptq::lowered_tensor& weights) -> bool {
  return std::ranges::all_of(weights.scales, is_usable) &&
         (std::holds_alternative<std::vector<std::int8_t>>(weights.codes) ||
          std::holds_alternative<std::vector<std::int16_t>>(weights.codes));
}

auto write_weights(
    onnx_file& into, const std::string& name, const ptq::lowered_tensor& weights, bool packed
) -> std::string {
  if (const auto* codes = std::get_if<std::vector<std::int8_t>>(&weights.codes)) {
    return write_codes(into, name, weights, *codes, packed);
  }
  return write_codes(
      into, name, weights, std::get<std::vector<std::int16_t>>(weights.codes), false
  );
}

auto write_activations(
    onnx_file& into,
    const std::string& name,
    const std::string& input,
    const shape& extents,
    const ptq::quantizer& by,
    bool apart
) -> std::string {
  activation_writer writer(into, name, extents, by);
  if (!std::ranges::all_of(by.format.grids, is_linear)) {
    return writer.write_arithmetic(input);
  }
  return levels_of(by) > 256 ? writer.write_linear<std::uint16_t>(input, apart)
                             : writer.write_linear<std::uint8_t>(input, apart);
}

} // namespace engine::detail
