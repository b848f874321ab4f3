// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "onnx_writer.hpp"

#include <ptq/kernel/fake_quantize.hpp>
#include <ptq/lowering/lower.hpp>
#include <ptq/plan/resolve.hpp>
#include <ptq/statistics/file.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <system_error>

#include <onnx/onnx_pb.h>

#include "evaluator.hpp"

namespace engine {
namespace {

constexpr double zero_point_tolerance = 1e-3;

class writer {
public:
  writer(const graph& of, const ptq::plan& under)
      : model_(of.source()),
        plan_(under),
        resolved_(ptq::resolve(of, plan_)),
        out_(*proto_.mutable_graph()) {
    for (const auto& each : ptq::lower(of, plan_)) {
      lowered_.emplace(std::pair(each.name, each.node), each);
    }
    for (const node& each : model_.nodes) {
      names_.insert(each.name);
      names_.insert(each.outputs.begin(), each.outputs.end());
    }
  }

  auto run() -> onnx::ModelProto {
    constexpr std::int64_t ir_version = 7;
    constexpr std::int64_t operator_set = 13;
    proto_.set_ir_version(ir_version);
    proto_.set_producer_name("ptq");
    proto_.add_opset_import()->set_version(operator_set);
    out_.set_name(model_.name);
    const auto shapes = infer_shapes(model_, 1);
    declare(*out_.add_input(), {model_.input, 0}, model_.input_shape);
    for (const source output : model_.outputs) {
      declare(*out_.add_output(), output, shapes[output.node][output.output]);
    }
    find_used();
    for (node_id id = 0; id != model_.nodes.size(); ++id) {
      const operation kind = model_.nodes[id].kind;
      if (used_.contains(id) && kind != operation::input && kind != operation::constant) {
        write_node(id);
      }
    }
    return std::move(proto_);
  }

private:
  void declare(onnx::ValueInfoProto& value, source of, const shape& extents_of) {
    value.set_name(model_.value_name(of));
    auto& type = *value.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto_DataType_FLOAT);
    for (std::size_t axis = 0; axis != extents_of.size(); ++axis) {
      auto& dim = *type.mutable_shape()->add_dim();
      if (axis == 0 && !model_.fixed_batch) {
        dim.set_dim_param("N");
      } else {
        dim.set_dim_value(static_cast<std::int64_t>(extents_of[axis]));
      }
    }
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

  auto free_name(const std::string& wanted) -> std::string {
    std::string name = wanted;
    while (!names_.insert(name).second) {
      name += "_";
    }
    return name;
  }

  auto add_node(
      const std::string& type, const std::vector<std::string>& inputs, const std::string& output
  ) -> onnx::NodeProto& {
    onnx::NodeProto& made = *out_.add_node();
    made.set_op_type(type);
    made.set_name(output);
    for (const std::string& input : inputs) {
      made.add_input(input);
    }
    made.add_output(output);
    return made;
  }

  static void set_integer(onnx::NodeProto& of, const char* name, std::int64_t value) {
    onnx::AttributeProto& made = *of.add_attribute();
    made.set_name(name);
    made.set_type(onnx::AttributeProto_AttributeType_INT);
    made.set_i(value);
  }

  static void set_number(onnx::NodeProto& of, const char* name, float value) {
    onnx::AttributeProto& made = *of.add_attribute();
    made.set_name(name);
    made.set_type(onnx::AttributeProto_AttributeType_FLOAT);
    made.set_f(value);
  }

  static void
  set_integers(onnx::NodeProto& of, const char* name, std::span<const std::size_t> values) {
    onnx::AttributeProto& made = *of.add_attribute();
    made.set_name(name);
    made.set_type(onnx::AttributeProto_AttributeType_INTS);
    for (const std::size_t value : values) {
      made.add_ints(static_cast<std::int64_t>(value));
    }
  }

  template <class T>
  auto add_constant(const std::string& name, const shape& extents_of, std::span<const T> values)
      -> std::string {
    onnx::TensorProto& made = *out_.add_initializer();
    made.set_name(name);
    for (const std::size_t extent : extents_of) {
      made.add_dims(static_cast<std::int64_t>(extent));
    }
    using dtype = onnx::TensorProto_DataType;
    made.set_data_type(
        std::is_same_v<T, float>          ? dtype::TensorProto_DataType_FLOAT
        : std::is_same_v<T, std::int8_t>  ? dtype::TensorProto_DataType_INT8
        : std::is_same_v<T, std::uint8_t> ? dtype::TensorProto_DataType_UINT8
        : std::is_same_v<T, std::int32_t> ? dtype::TensorProto_DataType_INT32
                                          : dtype::TensorProto_DataType_INT64
    );
    made.set_raw_data(values.data(), values.size_bytes());
    return name;
  }

  /// One number, or one for each channel: then as a vector.
  template <class T>
  auto add_parameters(const std::string& name, const std::vector<T>& values) -> std::string {
    const shape extents_of = values.size() == 1 ? shape{} : shape{values.size()};
    return add_constant<T>(free_name(name), extents_of, values);
  }

  /// One number for each channel, shaped to be broadcast along `axis` of a tensor of `rank` axes.
  auto add_along_axis(
      const std::string& name, const std::vector<float>& values, std::size_t axis, std::size_t rank
  ) -> std::string {
    shape extents_of(values.size() == 1 ? 0 : rank, 1);
    if (values.size() != 1) {
      extents_of[axis] = values.size();
    }
    return add_constant<float>(free_name(name), extents_of, values);
  }

  void write_node(node_id id) {
    const node& of = model_.nodes[id];
    if (implied_clip(id)) {
      return;
    }
    std::vector<std::string> inputs;
    for (std::uint32_t i = 0; i != of.inputs.size(); ++i) {
      inputs.push_back(of.inputs[i].is_absent() ? std::string{} : read(id, i));
    }
    if (of.kind == operation::clip) {
      inputs.resize(1);
      const auto& bounds = std::get<clip_bounds>(of.form);
      inputs.push_back(add_parameters<float>(of.name + ".min", {bounds.low}));
      inputs.push_back(add_parameters<float>(of.name + ".max", {bounds.high}));
    }
    onnx::NodeProto& made = add_node(of.op_type, inputs, of.outputs[0]);
    made.set_name(of.name);
    std::visit([&](const auto& form) { set_form(made, of, form); }, of.form);
  }

  static void set_form(onnx::NodeProto&, const node&, std::monostate) {}

  static void set_form(onnx::NodeProto&, const node&, const clip_bounds&) {}

  static void set_form(onnx::NodeProto& made, const node& of, const window& form) {
    set_integers(made, "kernel_shape", form.kernel);
    set_integers(made, "strides", form.strides);
    const std::array<std::size_t, 4> pads{
        form.pads_begin[0], form.pads_begin[1], form.pads_end[0], form.pads_end[1]
    };
    set_integers(made, "pads", pads);
    if (of.kind != operation::average_pool) {
      set_integers(made, "dilations", form.dilations);
    }
    if (of.kind == operation::convolution) {
      set_integer(made, "group", static_cast<std::int64_t>(form.groups));
    } else {
      set_integer(made, "ceil_mode", form.ceil_mode ? 1 : 0);
    }
    if (of.kind == operation::average_pool) {
      set_integer(made, "count_include_pad", form.count_include_pad ? 1 : 0);
    }
  }

  static void set_form(onnx::NodeProto& made, const node&, const gemm_form& form) {
    set_number(made, "alpha", form.alpha);
    set_number(made, "beta", form.beta);
    set_integer(made, "transB", form.transpose_b ? 1 : 0);
  }

  static void set_form(onnx::NodeProto& made, const node&, const axis_form& form) {
    set_integer(made, "axis", form.axis);
  }

  static void set_form(onnx::NodeProto& made, const node&, const reshape_form& form) {
    if (form.allow_zero) {
      throw error("a Reshape with allowzero cannot be said in operator set 13");
    }
    static_cast<void>(made);
  }

  template <class Form>
  static void set_form(onnx::NodeProto&, const node& of, const Form&) {
    throw error("node '" + of.name + "' (" + of.op_type + "): it cannot be written yet");
  }

  static void set_form(onnx::NodeProto& made, const node&, const normalization_form& form) {
    set_number(made, "epsilon", form.epsilon);
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
      return add_constant<std::int64_t>(
          name, shape_of(*integers), std::span(integers->data(), integers->size())
      );
    }
    const ptq::tensor_data values = value_of(from);
    return add_constant<float>(name, values.shape, values.values);
  }

  [[nodiscard]] auto value_of(source from) const -> ptq::tensor_data {
    const tensor& stored = std::get<tensor>(model_.nodes[from.node].value);
    if (const auto* replaced = resolved_.constant(from.node)) {
      return {shape_of(stored), replaced->values};
    }
    return {shape_of(stored), {stored.data(), stored.data() + stored.size()}};
  }

  auto write_weights(source from, const ptq::quantizer& by) -> std::string {
    const std::string& name = model_.value_name(from);
    const ptq::lowered_tensor* weights = nullptr;
    for (const ptq::port_name& reader : by.consumers) {
      const auto found = lowered_.find({by.tensor, reader.node});
      weights = found != lowered_.end() && weights == nullptr ? &found->second : weights;
    }
    const auto* codes =
        weights == nullptr ? nullptr : std::get_if<std::vector<std::int8_t>>(&weights->codes);
    const auto is_usable = [](float scale) { return scale >= std::numeric_limits<float>::min(); };
    if (codes == nullptr || !std::ranges::all_of(weights->scales, is_usable)) {
      return write_float_weights(from, by);
    }
    std::vector<std::int8_t> zero_points;
    std::vector<float> offsets;
    bool whole = true;
    for (std::size_t c = 0; c != weights->zero_points.size(); ++c) {
      const float nearest = std::nearbyint(weights->zero_points[c]);
      whole =
          whole && nearest >= -128 && nearest <= 127 &&
          std::abs(static_cast<double>(weights->zero_points[c] - nearest)) <= zero_point_tolerance;
      zero_points.push_back(static_cast<std::int8_t>(whole ? nearest : 0));
      offsets.push_back(-weights->zero_points[c] * weights->scales[c]);
    }
    if (!whole) {
      std::ranges::fill(zero_points, std::int8_t{0});
    }
    const std::string stored =
        add_constant<std::int8_t>(free_name(name + "_quantized"), weights->shape, *codes);
    const std::string result = free_name(name + "_dequantized");
    onnx::NodeProto& made = add_node(
        "DequantizeLinear",
        {stored,
         add_parameters(name + "_scale", weights->scales),
         add_parameters(name + "_zero_point", zero_points)},
        result
    );
    if (weights->scales.size() != 1) {
      set_integer(made, "axis", static_cast<std::int64_t>(weights->axis.value_or(0)));
    }
    if (whole) {
      return result;
    }
    const std::string shifted = free_name(name + "_shifted");
    add_node(
        "Add",
        {result,
         add_along_axis(name + "_offset", offsets, weights->axis.value_or(0), weights->shape.size())
        },
        shifted
    );
    return shifted;
  }

  auto write_float_weights(source from, const ptq::quantizer& by) -> std::string {
    ptq::tensor_data values = value_of(from);
    if (by.format.axis) {
      const ptq::tensor_data original = values;
      ptq::fake_quantize(
          original.view(), values.values, {.axis = *by.format.axis, .grids = by.format.grids}
      );
    } else {
      ptq::fake_quantize(std::span<const float>(values.values), values.values, by.format.grids[0]);
    }
    const std::string name = free_name(model_.value_name(from) + "_fake_quantized");
    return add_constant<float>(name, values.shape, values.values);
  }

  /// The quantizer's input: what the Clip reads where the Clip is dropped.
  auto unclipped(source from) -> std::string {
    return implied_clip(from.node) ? read(from.node, 0) : model_.value_name(from);
  }

  auto write_activations(source from, const ptq::quantizer& by) -> std::string {
    const std::string& name = model_.value_name(from);
    std::vector<float> lows;
    std::vector<float> highs;
    std::vector<float> scales;
    std::vector<std::uint8_t> zero_points;
    bool in_codes = true;
    bool saturates = true;
    for (const ptq::grid& each : by.format.grids) {
      const double zero = std::nearbyint(each.zero_point());
      in_codes = in_codes && each.levels <= 256 && each.in_low == each.out_low &&
                 each.in_high == each.out_high && zero >= 0 && zero <= 255 &&
                 std::abs(zero - each.zero_point()) <= zero_point_tolerance &&
                 static_cast<float>(each.scale()) >= std::numeric_limits<float>::min();
      saturates = saturates && each.levels == 256;
      lows.push_back(each.in_low);
      highs.push_back(each.in_high);
      scales.push_back(static_cast<float>(each.scale()));
      zero_points.push_back(static_cast<std::uint8_t>(in_codes ? zero : 0));
    }
    if (!in_codes) {
      return write_float_quantizer(from, by);
    }
    std::string input = unclipped(from);
    if (!saturates) {
      input = bound(input, name, by, lows, highs);
    }
    const std::string scale = add_parameters(name + "_scale", scales);
    const std::string zero_point = add_parameters(name + "_zero_point", zero_points);
    const std::string codes = free_name(name + "_quantized");
    const std::string result = free_name(name + "_dequantized");
    onnx::NodeProto& quantize = add_node("QuantizeLinear", {input, scale, zero_point}, codes);
    if (scales.size() != 1) {
      set_integer(quantize, "axis", static_cast<std::int64_t>(by.format.axis.value_or(1)));
    }
    onnx::NodeProto& dequantize = add_node("DequantizeLinear", {codes, scale, zero_point}, result);
    if (scales.size() != 1) {
      set_integer(dequantize, "axis", static_cast<std::int64_t>(by.format.axis.value_or(1)));
    }
    return result;
  }

  auto rank_of(const std::string& tensor) const -> std::size_t {
    const auto shapes = infer_shapes(model_, 1);
    for (node_id id = 0; id != model_.nodes.size(); ++id) {
      if (model_.nodes[id].outputs[0] == tensor) {
        return shapes[id][0].size();
      }
    }
    return 0;
  }

  auto bound(
      const std::string& input,
      const std::string& name,
      const ptq::quantizer& by,
      const std::vector<float>& lows,
      const std::vector<float>& highs
  ) -> std::string {
    const std::size_t rank = rank_of(by.tensor);
    const std::size_t axis = by.format.axis.value_or(0);
    const std::string raised = free_name(name + "_raised");
    const std::string bounded = free_name(name + "_bounded");
    add_node("Max", {input, add_along_axis(name + "_low", lows, axis, rank)}, raised);
    add_node("Min", {raised, add_along_axis(name + "_high", highs, axis, rank)}, bounded);
    return bounded;
  }

  /// `round((x - in_low) / (in_high - in_low) * L) / L * (out_high - out_low) + out_low`, with the
  /// operations and the roundings of OpenVINO's FakeQuantize: any shortcut decides ties otherwise.
  auto write_float_quantizer(source from, const ptq::quantizer& by) -> std::string {
    const std::string& name = model_.value_name(from);
    const std::size_t rank = rank_of(by.tensor);
    const std::size_t axis = by.format.axis.value_or(0);
    std::vector<float> lows;
    std::vector<float> highs;
    std::vector<float> widths;
    std::vector<float> out_widths;
    std::vector<float> offsets;
    for (const ptq::grid& each : by.format.grids) {
      lows.push_back(each.in_low);
      highs.push_back(each.in_high);
      widths.push_back(each.in_high > each.in_low ? each.in_high - each.in_low : 1.0F);
      out_widths.push_back(each.out_high - each.out_low);
      offsets.push_back(each.out_low);
    }
    const std::vector<float> last{static_cast<float>(by.format.grids.front().levels - 1)};
    std::string value = bound(unclipped(from), name, by, lows, highs);
    const auto apply = [&](const char* type, const char* suffix, const std::vector<float>* other) {
      std::vector<std::string> inputs{value};
      if (other != nullptr) {
        inputs.push_back(add_along_axis(name + suffix + "_by", *other, axis, rank));
      }
      value = free_name(name + suffix);
      add_node(type, inputs, value);
    };
    apply("Sub", "_from_low", &lows);
    apply("Div", "_share", &widths);
    apply("Mul", "_in_steps", &last);
    apply("Round", "_rounded", nullptr);
    apply("Div", "_rounded_share", &last);
    apply("Mul", "_widened", &out_widths);
    apply("Add", "_fake_quantized", &offsets);
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
    const auto slack = static_cast<float>(grid.scale() * zero_point_tolerance);
    return grid.in_low >= low - slack && grid.in_high <= high + slack;
  }

  const model& model_;
  const ptq::plan& plan_;
  ptq::resolved_plan<node_id> resolved_;
  std::map<std::pair<std::string, std::string>, ptq::lowered_tensor> lowered_;
  onnx::ModelProto proto_;
  onnx::GraphProto& out_;
  std::set<std::string> names_;
  std::set<node_id> used_;
  std::map<std::pair<source, const ptq::quantizer*>, std::string> written_;
};

} // namespace

void write_int8_onnx(const graph& of, const ptq::plan& under, const std::filesystem::path& file) {
  const onnx::ModelProto proto = writer(of, under).run();
  const std::filesystem::path partial = [&] {
    try {
      return ptq::new_file_beside(file.string());
    } catch (const ptq::error&) {
      throw error(file.string() + ": the file cannot be written");
    }
  }();
  std::ofstream stream(partial, std::ios::binary);
  const bool written = stream && proto.SerializeToOstream(&stream);
  stream.close();
  std::error_code problem;
  if (written && stream) {
    std::filesystem::rename(partial, file, problem);
  }
  if (!written || !stream || problem) {
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    throw error(file.string() + ": the file cannot be written");
  }
}

} // namespace engine
