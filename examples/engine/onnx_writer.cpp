// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "onnx_writer.hpp"

#include <ptq/correction/fake_quantized.hpp>
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
#include "detail/onnx_quantizers.hpp"
#include "evaluator.hpp"

namespace engine {
namespace {

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
    // As QuantizeLinear rounds, and as the plan's run does.
    const ptq::lowering_options how{.ties = ptq::rounding::half_even};
    for (const auto& each : ptq::lower(of, plan, how)) {
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

  /// Does a node read lists of whole numbers that its form has too?
  static auto reads_lists(operation kind) -> bool {
    switch (kind) {
    case operation::clip:
    case operation::reduce_mean:
    case operation::squeeze:
    case operation::unsqueeze:
    case operation::split:
    case operation::slice:
    case operation::resize:
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
    const bool adds_bias = has_large_bias(id);
    const std::size_t count = reads_lists(of.kind) ? 1 : adds_bias ? 2 : of.inputs.size();
    for (std::uint32_t i = 0; i != count; ++i) {
      inputs.push_back(of.inputs[i].is_absent() ? std::string{} : read(id, i));
    }
    const source first = of.inputs.at(0);
    const auto write = [&](const node& each) {
      detail::write_operator(
          out_,
          each,
          std::move(inputs),
          first.is_absent() ? shape{} : shape_of_value(first),
          shapes_[id]
      );
    };
    if (!adds_bias) {
      write(of);
      return;
    }
    node unbiased = of;
    unbiased.outputs = {out_.free_name(of.outputs[0] + "_unbiased")};
    write(unbiased);
    out_.add_node("Add", {unbiased.outputs[0], write_bias(id)}, of.outputs[0]);
  }

  /// Is the bias of a convolution or Gemm on codes too large for int32 in units of input scale
  /// times weight scale? ONNX Runtime makes such codes of any bias between quantizers, and lets
  /// them overflow: it must not find this one.
  [[nodiscard]] auto has_large_bias(node_id id) const -> bool {
    const node& of = model_.nodes[id];
    if ((of.kind != operation::convolution && of.kind != operation::gemm) || of.inputs.size() < 3 ||
        of.inputs[2].is_absent() || constant_of(model_, of.inputs[2].node) == nullptr) {
      return false;
    }
    const ptq::quantizer* input = resolved_.input(id, 0);
    const ptq::quantizer* weights = resolved_.input(id, 1);
    const std::vector<float> bias = value_of(of.inputs[2]).values;
    if (input == nullptr || weights == nullptr || resolved_.input(id, 2) != nullptr ||
        shape_of_value(of.inputs[2]).size() != 1) {
      return false;
    }
    const auto& by = weights->format.grids;
    for (std::size_t c = 0; c != bias.size(); ++c) {
      const double scale =
          input->format.grids.front().scale() * by[by.size() == bias.size() ? c : 0].scale();
      if (!(std::abs(static_cast<double>(bias[c])) <
            scale * static_cast<double>(std::numeric_limits<std::int32_t>::max()))) {
        return true;
      }
    }
    return false;
  }

  /// A bias that is added to the result.
  auto write_bias(node_id id) -> std::string {
    const node& of = model_.nodes[id];
    ptq::tensor_data bias = value_of(of.inputs[2]);
    if (of.kind == operation::convolution) {
      bias.shape = {bias.values.size(), 1, 1};
    } else {
      for (float& each : bias.values) {
        each *= std::get<gemm_form>(of.form).beta;
      }
    }
    const std::string name = out_.free_name(model_.value_name(of.inputs[2]) + "_added");
    return out_.add_constant<float>(name, bias.shape, bias.values);
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
        place = by == nullptr ? model_.value_name(from)
                              : detail::write_activations(
                                    out_,
                                    model_.value_name(from),
                                    unclipped(from),
                                    shape_of_value(from),
                                    *by,
                                    has_to_be_apart(from, *by)
                                );
      }
    }
    return place;
  }

  /// Behind anything but a Clip or Relu, which runtimes do not run on codes, a quantizer by channel
  /// is kept apart.
  [[nodiscard]] auto has_to_be_apart(source from, const ptq::quantizer& by) const -> bool {
    const operation above = model_.nodes[from.node].kind;
    return by.format.grids.size() != 1 && above != operation::clip && above != operation::relu;
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
    if (weights != nullptr && detail::can_write_weights(*weights)) {
      const bool packed = weights->bits == 4 && how_.four_bit_types;
      return detail::write_weights(out_, model_.value_name(from), *weights, packed);
    }
    return write_float_weights(from, by);
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
    const auto slack = static_cast<float>(grid.scale() * detail::zero_point_tolerance(grid.levels));
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
