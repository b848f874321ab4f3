// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "onnx_writer.hpp"

#include <ptq/correction/fake_quantized.hpp>
#include <ptq/kernel/nibbles.hpp>
#include <ptq/lowering/lower.hpp>
#include <ptq/plan/resolve.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "detail/onnx_file.hpp"
#include "detail/onnx_operators.hpp"
#include "evaluator.hpp"

namespace engine {
namespace {

/// How far a zero point may lie from a whole number: the noise of limits in binary32.
auto zero_point_tolerance(std::int64_t levels) -> double {
  constexpr double of_8_bits = 1e-3;
  constexpr double of_16_bits = 1.0 / 64;
  return levels > 256 ? of_16_bits : of_8_bits;
}

auto is_usable(float scale) -> bool {
  return scale >= std::numeric_limits<float>::min();
}

class writer {
public:
  writer(const graph& of, const ptq::plan& under, const onnx_options& how)
      : model_(of.source()),
        plan_(under),
        how_(how),
        resolved_(ptq::resolve(of, plan_)),
        lowered_(lowered_constants(of, plan_)),
        shapes_(infer_shapes(model_, 1)),
        out_(model_, operator_set()) {}

  void run(const std::filesystem::path& file) {
    out_.declare_input(model_.value_name({model_.input, 0}), model_.input_shape);
    for (const source output : model_.outputs) {
      out_.declare_output(model_.value_name(output), shape_of_value(output));
    }
    find_used();
    for (node_id id = 0; id != model_.nodes.size(); ++id) {
      const operation kind = model_.nodes[id].kind;
      if (used_.contains(id) && kind != operation::input && kind != operation::constant) {
        write_node(id);
      }
    }
    out_.save(file);
  }

private:
  using lowered_map = std::map<std::pair<std::string, std::string>, ptq::lowered_tensor>;

  static auto lowered_constants(const graph& of, const ptq::plan& plan) -> lowered_map {
    lowered_map result;
    for (const auto& each : ptq::lower(of, plan)) {
      result.emplace(std::pair(each.name, each.node), each);
    }
    return result;
  }

  /// 21 if types are needed that 13 does not have.
  [[nodiscard]] auto operator_set() const -> std::int64_t {
    constexpr std::int64_t usual = 13;
    constexpr std::int64_t of_small_and_wide_types = 21;
    const auto is_wide = [](const auto& each) {
      return each->kind == ptq::tensor_kind::activations && levels_of(*each) > 256 &&
             levels_of(*each) <= 65536;
    };
    const auto needs_types = [this](const auto& each) {
      const int bits = each.second.bits;
      return bits == 16 || (bits == 4 && how_.four_bit_types);
    };
    const bool needed = std::ranges::any_of(plan_.quantizers, is_wide) ||
                        std::ranges::any_of(lowered_, needs_types);
    return needed ? of_small_and_wide_types : usual;
  }

  static auto levels_of(const ptq::quantizer& by) -> std::int64_t {
    return by.format.grids.front().levels;
  }

  [[nodiscard]] auto shape_of_value(source of) const -> const shape& {
    return shapes_[of.node][of.output];
  }

  /// The nodes on which the outputs depend.
  void find_used() {
    for (const source output : model_.outputs) {
      used_.insert(output.node);
    }
    for (auto id = static_cast<node_id>(model_.nodes.size()); id-- != 0;) {
      if (used_.contains(id)) {
        for (const source input : model_.nodes[id].inputs) {
          if (!input.is_absent()) {
            used_.insert(input.node);
          }
        }
      }
    }
  }

  /// One number for each channel, shaped to be broadcast along `axis` of a tensor of `rank` axes.
  auto add_along_axis(
      const std::string& name, const std::vector<float>& values, std::size_t axis, std::size_t rank
  ) -> std::string {
    shape extents_of(values.size() == 1 ? 0 : rank, 1);
    if (values.size() != 1) {
      extents_of[axis] = values.size();
    }
    return out_.add_constant<float>(out_.free_name(name), extents_of, values);
  }

  /// Does a node read lists of whole numbers that its form has too?
  static auto reads_lists(operation kind) -> bool {
    switch (kind) {
    case operation::clip:
    case operation::reduce_mean:
    case operation::squeeze:
    case operation::unsqueeze:
    case operation::split:
    case operation::slice:
      return true;
    default:
      return false;
    }
  }

  void write_node(node_id id) {
    const node& of = model_.nodes[id];
    if (implied_clip(id)) {
      return;
    }
    std::vector<std::string> inputs;
    const std::size_t count = reads_lists(of.kind) ? 1 : of.inputs.size();
    for (std::uint32_t i = 0; i != count; ++i) {
      inputs.push_back(of.inputs[i].is_absent() ? std::string{} : read(id, i));
    }
    const source first = of.inputs.at(0);
    detail::write_operator(
        out_,
        of,
        std::move(inputs),
        first.is_absent() ? shape{} : shape_of_value(first),
        shapes_[id]
    );
  }

  /// The name of what input `index` of `id` reads, written if it is not there yet.
  auto read(node_id id, std::uint32_t index) -> std::string {
    const source from = model_.nodes[id].inputs[index];
    const ptq::quantizer* by = resolved_.input(id, index);
    auto& place = written_[{from, by}];
    if (place.empty()) {
      if (model_.nodes[from.node].kind == operation::constant) {
        place = by == nullptr ? write_constant(from) : write_weights(from, *by);
      } else {
        place = by == nullptr ? model_.value_name(from) : write_activations(from, *by);
      }
    }
    return place;
  }

  auto write_constant(source from) -> std::string {
    const std::string& name = model_.value_name(from);
    const node& of = model_.nodes[from.node];
    if (const auto* integers = std::get_if<integer_tensor>(&of.value)) {
      return out_.add_constant<std::int64_t>(
          name, shape_of(*integers), std::span(integers->data(), integers->size())
      );
    }
    const ptq::tensor_data values = value_of(from);
    return out_.add_constant<float>(name, values.shape, values.values);
  }

  [[nodiscard]] auto value_of(source from) const -> ptq::tensor_data {
    const tensor& stored = std::get<tensor>(model_.nodes[from.node].value);
    if (const auto* replaced = resolved_.constant(from.node)) {
      return {shape_of(stored), replaced->values};
    }
    return {shape_of(stored), {stored.data(), stored.data() + stored.size()}};
  }

  auto write_weights(source from, const ptq::quantizer& by) -> std::string {
    const ptq::lowered_tensor* weights = nullptr;
    for (const ptq::port_name& reader : by.consumers) {
      const auto found = lowered_.find({by.tensor, reader.node});
      weights = found != lowered_.end() && weights == nullptr ? &found->second : weights;
    }
    if (weights != nullptr && std::ranges::all_of(weights->scales, is_usable)) {
      const std::string& name = model_.value_name(from);
      if (const auto* codes = std::get_if<std::vector<std::int8_t>>(&weights->codes)) {
        return write_codes(name, *weights, *codes);
      }
      if (const auto* codes = std::get_if<std::vector<std::int16_t>>(&weights->codes)) {
        return write_codes(name, *weights, *codes);
      }
    }
    return write_float_weights(from, by);
  }

  /// Codes as a constant, two to a byte where they are to be; whole numbers likewise.
  template <class Code>
  auto add_codes(
      const std::string& name, const shape& extents_of, const std::vector<Code>& codes, bool packed
  ) -> std::string {
    if constexpr (sizeof(Code) == 1) {
      if (packed) {
        std::vector<std::uint8_t> bytes(ptq::nibble_bytes(codes.size()));
        ptq::pack_nibbles(std::span<const Code>(codes), std::span(bytes));
        return out_.add_bytes(
            out_.free_name(name), detail::onnx_type::int4, extents_of, {bytes.begin(), bytes.end()}
        );
      }
    }
    return out_.add_constant<Code>(out_.free_name(name), extents_of, codes);
  }

  template <class Code>
  auto write_codes(
      const std::string& name, const ptq::lowered_tensor& weights, const std::vector<Code>& codes
  ) -> std::string {
    const bool packed = weights.bits == 4 && how_.four_bit_types;
    const int most = (1 << ((packed ? 4 : 8 * static_cast<int>(sizeof(Code))) - 1)) - 1;
    const double tolerance = zero_point_tolerance(weights.bits == 16 ? 65536 : 256);
    std::vector<Code> zero_points;
    std::vector<float> offsets;
    bool whole = true;
    for (std::size_t c = 0; c != weights.zero_points.size(); ++c) {
      const auto zero = static_cast<double>(weights.zero_points[c]);
      const double nearest = std::nearbyint(zero);
      whole =
          whole && nearest >= -most - 1 && nearest <= most && std::abs(zero - nearest) <= tolerance;
      zero_points.push_back(static_cast<Code>(whole ? nearest : 0));
      offsets.push_back(-weights.zero_points[c] * weights.scales[c]);
    }
    if (!whole) {
      std::ranges::fill(zero_points, Code{0});
    }
    const shape numbers = zero_points.size() == 1 ? shape{} : shape{zero_points.size()};
    const std::string result = out_.free_name(name + "_dequantized");
    const std::string stored = add_codes(name + "_quantized", weights.shape, codes, packed);
    onnx::NodeProto& made = out_.add_node(
        "DequantizeLinear",
        {stored,
         out_.add_numbers(name + "_scale", weights.scales),
         add_codes(name + "_zero_point", numbers, zero_points, packed)},
        result
    );
    if (weights.scales.size() != 1) {
      detail::set_integer(made, "axis", static_cast<std::int64_t>(weights.axis.value_or(0)));
    }
    if (whole) {
      return result;
    }
    const std::string offset =
        add_along_axis(name + "_offset", offsets, weights.axis.value_or(0), weights.shape.size());
    return out_.apply("Add", {result, offset}, name + "_shifted");
  }

  auto write_float_weights(source from, const ptq::quantizer& by) -> std::string {
    const ptq::tensor_data values = ptq::fake_quantized(value_of(from), by.format);
    const std::string name = out_.free_name(model_.value_name(from) + "_fake_quantized");
    return out_.add_constant<float>(name, values.shape, values.values);
  }

  /// The quantizer's input: what the Clip reads where the Clip is dropped.
  auto unclipped(source from) -> std::string {
    return implied_clip(from.node) ? read(from.node, 0) : model_.value_name(from);
  }

  /// Can QuantizeLinear say this grid?
  static auto is_linear(const ptq::grid& on) -> bool {
    const double zero = std::nearbyint(on.zero_point());
    return on.levels <= 65536 && on.in_low == on.out_low && on.in_high == on.out_high &&
           zero >= 0 && zero <= static_cast<double>(on.levels - 1) &&
           std::abs(zero - on.zero_point()) <= zero_point_tolerance(on.levels) &&
           is_usable(static_cast<float>(on.scale()));
  }

  auto write_activations(source from, const ptq::quantizer& by) -> std::string {
    if (!std::ranges::all_of(by.format.grids, is_linear)) {
      return write_float_quantizer(from, by);
    }
    return levels_of(by) > 256 ? write_quantizer<std::uint16_t>(from, by)
                               : write_quantizer<std::uint8_t>(from, by);
  }

  template <class Code>
  auto write_quantizer(source from, const ptq::quantizer& by) -> std::string {
    const std::string& name = model_.value_name(from);
    std::vector<float> scales;
    std::vector<Code> zero_points;
    for (const ptq::grid& each : by.format.grids) {
      scales.push_back(static_cast<float>(each.scale()));
      zero_points.push_back(static_cast<Code>(std::nearbyint(each.zero_point())));
    }
    std::string input = unclipped(from);
    if (levels_of(by) != std::int64_t{std::numeric_limits<Code>::max()} + 1) {
      input = bound(input, from, by);
    }
    const std::string scale = out_.add_numbers(name + "_scale", scales);
    const std::string zero_point = out_.add_numbers(name + "_zero_point", zero_points);
    const std::string codes = out_.free_name(name + "_quantized");
    const std::string result = out_.free_name(name + "_dequantized");
    onnx::NodeProto& quantize = out_.add_node("QuantizeLinear", {input, scale, zero_point}, codes);
    if (scales.size() != 1) {
      detail::set_integer(quantize, "axis", static_cast<std::int64_t>(by.format.axis.value_or(1)));
    }
    onnx::NodeProto& dequantize =
        out_.add_node("DequantizeLinear", {codes, scale, zero_point}, result);
    if (scales.size() != 1) {
      detail::set_integer(
          dequantize, "axis", static_cast<std::int64_t>(by.format.axis.value_or(1))
      );
    }
    return result;
  }

  template <class Limit>
  auto along_channels(
      const std::string& suffix, source from, const ptq::quantizer& by, const Limit& limit
  ) -> std::string {
    std::vector<float> values;
    for (const ptq::grid& each : by.format.grids) {
      values.push_back(limit(each));
    }
    return add_along_axis(
        model_.value_name(from) + suffix,
        values,
        by.format.axis.value_or(0),
        shape_of_value(from).size()
    );
  }

  /// The input between the limits of its grid.
  auto bound(const std::string& input, source from, const ptq::quantizer& by) -> std::string {
    const std::string& name = model_.value_name(from);
    const std::string low =
        along_channels("_low", from, by, [](const ptq::grid& on) { return on.in_low; });
    const std::string high =
        along_channels("_high", from, by, [](const ptq::grid& on) { return on.in_high; });
    const std::string raised = out_.apply("Max", {input, low}, name + "_raised");
    return out_.apply("Min", {raised, high}, name + "_bounded");
  }

  /// `round((x - in_low) / (in_high - in_low) * L) / L * (out_high - out_low) + out_low`, with the
  /// operations and the roundings of OpenVINO's FakeQuantize: any shortcut decides ties otherwise.
  auto write_float_quantizer(source from, const ptq::quantizer& by) -> std::string {
    const std::string& name = model_.value_name(from);
    const std::string last =
        out_.add_numbers(name + "_last", std::vector{static_cast<float>(levels_of(by) - 1)});
    std::string value = bound(unclipped(from), from, by);
    const auto apply = [&](const char* type, const char* suffix, const std::string& other) {
      value = out_.apply(
          type, other.empty() ? std::vector{value} : std::vector{value, other}, name + suffix
      );
    };
    const auto numbers = [&](const char* suffix, const auto& limit) {
      return along_channels(suffix, from, by, limit);
    };
    apply("Sub", "_from_low", numbers("_in_low", [](const ptq::grid& on) { return on.in_low; }));
    apply("Div", "_share", numbers("_in_width", [](const ptq::grid& on) {
            return on.in_high > on.in_low ? on.in_high - on.in_low : 1.0F;
          }));
    apply("Mul", "_in_steps", last);
    apply("Round", "_rounded", {});
    apply("Div", "_rounded_share", last);
    apply("Mul", "_widened", numbers("_out_width", [](const ptq::grid& on) {
            return on.out_high - on.out_low;
          }));
    apply("Add", "_fake_quantized", numbers("_out_low", [](const ptq::grid& on) {
            return on.out_low;
          }));
    return value;
  }

  /// Is `id` a Clip or Relu that its reader's codes imply, on a way that stays in integers without
  /// it?
  auto implied_clip(node_id id) const -> bool {
    const node& of = model_.nodes[id];
    const auto* bounds = std::get_if<clip_bounds>(&of.form);
    if ((bounds == nullptr && of.kind != operation::relu) || resolved_.input(id, 0) != nullptr ||
        std::ranges::find(model_.outputs, source{id, 0}) != model_.outputs.end()) {
      return false;
    }
    const auto readers = model_.readers.find({id, 0});
    if (readers == model_.readers.end()) {
      return false;
    }
    const ptq::quantizer* by = nullptr;
    for (const port reader : readers->second) {
      const ptq::quantizer* each = resolved_.input(reader.node, reader.index);
      if (each == nullptr || each->format.grids.size() != 1 || (by != nullptr && by != each)) {
        return false;
      }
      by = each;
    }
    const ptq::grid& grid = by->format.grids.front();
    const float low = bounds == nullptr ? 0 : bounds->low;
    const float high = bounds == nullptr ? std::numeric_limits<float>::infinity() : bounds->high;
    const auto slack = static_cast<float>(grid.scale() * zero_point_tolerance(grid.levels));
    return grid.in_low >= low - slack && grid.in_high <= high + slack;
  }

  const model& model_;
  const ptq::plan& plan_;
  onnx_options how_;
  ptq::resolved_plan<node_id> resolved_;
  lowered_map lowered_;
  std::vector<std::vector<shape>> shapes_;
  detail::onnx_file out_;
  std::set<node_id> used_;
  std::map<std::pair<source, const ptq::quantizer*>, std::string> written_;
};

} // namespace

void write_int8_onnx(
    const graph& of,
    const ptq::plan& under,
    const std::filesystem::path& file,
    const onnx_options& how
) {
  writer(of, under, how).run(file);
}

} // namespace engine
