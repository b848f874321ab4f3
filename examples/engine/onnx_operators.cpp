// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "detail/onnx_operators.hpp"

#include <array>
#include <numbers>
#include <utility>

#include "detail/axes.hpp"

namespace engine::detail {
namespace {

class operator_writer {
public:
  operator_writer(
      onnx_file& into,
      const node& of,
      std::vector<std::string> inputs,
      const shape& from,
      const std::vector<shape>& to
  )
      : into_(into), of_(of), inputs_(std::move(inputs)), from_(from), to_(to) {}

  void run() {
    switch (of_.kind) {
    case operation::swish:
      finish("Mul", {x(), apply("Sigmoid", {x()}, "sigmoid")});
      return;
    case operation::hard_swish:
      return hard_swish();
    case operation::gelu:
      return gelu();
    case operation::mean_variance_normalization:
      return mean_variance(std::get<mean_variance_form>(of_.form));
    case operation::clip: {
      const auto& bounds = std::get<clip_bounds>(of_.form);
      finish("Clip", {x(), number(bounds.low, "min"), number(bounds.high, "max")});
      return;
    }
    case operation::reduce_mean:
      return mean(std::get<axes_form>(of_.form));
    case operation::squeeze:
    case operation::unsqueeze:
      return rank(std::get<axes_form>(of_.form));
    case operation::split:
      return split(std::get<split_form>(of_.form));
    case operation::slice:
      return slice(std::get<slice_form>(of_.form));
    case operation::resize:
      return resize(std::get<resize_form>(of_.form));
    default:
      break;
    }
    onnx::NodeProto& made = finish(of_.op_type, inputs_);
    std::visit([&](const auto& form) { attributes(made, form); }, of_.form);
  }

private:
  [[nodiscard]] auto x() const -> const std::string& { return inputs_.at(0); }

  auto number(float value, const char* part) -> std::string {
    return into_.add_numbers<float>(of_.name + "." + part, {value});
  }

  auto list(const std::vector<std::int64_t>& values, const char* part) -> std::string {
    return into_.add_list(of_.name + "." + part, values);
  }

  auto apply(const char* type, const std::vector<std::string>& inputs, const char* part)
      -> std::string {
    return into_.apply(type, inputs, of_.name + "." + part);
  }

  auto finish(const std::string& type, const std::vector<std::string>& inputs) -> onnx::NodeProto& {
    onnx::NodeProto& made = into_.add_node(type, inputs, of_.outputs[0]);
    made.set_name(of_.name);
    return made;
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw error("node '" + of_.name + "' (" + of_.op_type + "): " + problem);
  }

  void hard_swish() {
    if (into_.opset() >= 14) {
      finish("HardSwish", {x()});
      return;
    }
    const std::string raised = apply("Add", {x(), number(3, "three")}, "raised");
    const std::string cut = apply("Clip", {raised, number(0, "low"), number(6, "high")}, "cut");
    const std::string product = apply("Mul", {x(), cut}, "product");
    finish("Div", {product, number(6, "six")});
  }

  void gelu() {
    const std::string share =
        apply("Div", {x(), number(std::numbers::sqrt2_v<float>, "root")}, "share");
    const std::string raised =
        apply("Add", {apply("Erf", {share}, "erf"), number(1, "one")}, "raised");
    const std::string product = apply("Mul", {x(), raised}, "product");
    finish("Mul", {product, number(0.5F, "half")});
  }

  void mean_variance(const mean_variance_form& form) {
    const auto first = resolved(form.axis, from_.size());
    if (!first) {
      fail("its axis does not exist");
    }
    std::vector<std::int64_t> axes;
    for (std::size_t axis = *first; axis != from_.size(); ++axis) {
      axes.push_back(static_cast<std::int64_t>(axis));
    }
    const auto mean_of = [&](const std::string& value, const char* part) {
      const std::string name = into_.free_name(of_.name + "." + part);
      set_mean(add_mean(value, axes, name), axes, true);
      return name;
    };
    const std::string distance = apply("Sub", {x(), mean_of(x(), "mean")}, "distance");
    const std::string square = apply("Mul", {distance, distance}, "square");
    const std::string raised = apply(
        "Add", {mean_of(square, "variance"), number(form.epsilon, "epsilon")}, "raised_variance"
    );
    finish("Div", {distance, apply("Sqrt", {raised}, "deviation")});
  }

  auto
  add_mean(const std::string& value, const std::vector<std::int64_t>& axes, const std::string& name)
      -> onnx::NodeProto& {
    const bool as_input = into_.opset() >= 18 && !axes.empty();
    return into_.add_node(
        "ReduceMean", as_input ? std::vector{value, list(axes, "axes")} : std::vector{value}, name
    );
  }

  void set_mean(onnx::NodeProto& made, const std::vector<std::int64_t>& axes, bool keep) const {
    if (into_.opset() < 18 && !axes.empty()) {
      set_integers(made, "axes", axes);
    }
    set_integer(made, "keepdims", keep ? 1 : 0);
  }

  void mean(const axes_form& form) {
    onnx::NodeProto& made = add_mean(x(), form.axes, of_.outputs[0]);
    made.set_name(of_.name);
    set_mean(made, form.axes, form.keep);
  }

  void rank(const axes_form& form) {
    std::vector<std::string> inputs{x()};
    if (!form.axes.empty()) {
      inputs.push_back(list(form.axes, "axes"));
    }
    finish(of_.kind == operation::squeeze ? "Squeeze" : "Unsqueeze", inputs);
  }

  void split(const split_form& form) {
    const auto axis = resolved(form.axis, from_.size());
    if (!axis) {
      fail("its axis does not exist");
    }
    std::vector<std::int64_t> extents;
    for (const shape& each : to_) {
      extents.push_back(static_cast<std::int64_t>(each[*axis]));
    }
    onnx::NodeProto& made = finish("Split", {x(), list(extents, "extents")});
    for (std::size_t i = 1; i != of_.outputs.size(); ++i) {
      made.add_output(of_.outputs[i]);
    }
    set_integer(made, "axis", form.axis);
  }

  void slice(const slice_form& form) {
    finish(
        "Slice",
        {x(),
         list(form.starts, "starts"),
         list(form.ends, "ends"),
         list(form.axes, "axes"),
         list(form.steps, "steps")}
    );
  }

  void resize(const resize_form& form) {
    const auto scales = [&] { return into_.add_numbers<float>(of_.name + ".scales", form.scales); };
    onnx::NodeProto& made = form.sizes.empty()
                                ? finish("Resize", {x(), "", scales()})
                                : finish("Resize", {x(), "", "", list(form.sizes, "sizes")});
    constexpr std::array places{"asymmetric", "half_pixel", "align_corners"};
    constexpr std::array nearest{"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"};
    set_text(made, "mode", "nearest");
    set_text(
        made, "coordinate_transformation_mode", places.at(static_cast<std::size_t>(form.place))
    );
    set_text(made, "nearest_mode", nearest.at(static_cast<std::size_t>(form.nearest)));
  }

  static void attributes(onnx::NodeProto&, std::monostate) {}

  void attributes(onnx::NodeProto& made, const window& form) const {
    set_integers(made, "kernel_shape", form.kernel);
    set_integers(made, "strides", form.strides);
    const std::array<std::size_t, 4> pads{
        form.pads_begin[0], form.pads_begin[1], form.pads_end[0], form.pads_end[1]
    };
    set_integers(made, "pads", pads);
    if (of_.kind != operation::average_pool) {
      set_integers(made, "dilations", form.dilations);
    }
    if (of_.kind == operation::transposed_convolution) {
      set_integers(made, "output_padding", form.output_padding);
    }
    if (of_.kind == operation::convolution || of_.kind == operation::transposed_convolution) {
      set_integer(made, "group", static_cast<std::int64_t>(form.groups));
    } else {
      set_integer(made, "ceil_mode", form.ceil_mode ? 1 : 0);
    }
    if (of_.kind == operation::average_pool) {
      set_integer(made, "count_include_pad", form.count_include_pad ? 1 : 0);
    }
  }

  void attributes(onnx::NodeProto& made, const linear_form& form) const {
    set_number(made, "alpha", form.alpha);
    if (of_.kind == operation::hard_sigmoid) {
      set_number(made, "beta", form.beta);
    }
  }

  static void attributes(onnx::NodeProto& made, const gemm_form& form) {
    set_number(made, "alpha", form.alpha);
    set_number(made, "beta", form.beta);
    set_integer(made, "transB", form.transpose_b ? 1 : 0);
  }

  static void attributes(onnx::NodeProto& made, const axis_form& form) {
    set_integer(made, "axis", form.axis);
  }

  /// Of a Transpose.
  static void attributes(onnx::NodeProto& made, const axes_form& form) {
    if (!form.axes.empty()) {
      set_integers(made, "perm", form.axes);
    }
  }

  void attributes(onnx::NodeProto& made, const softmax_form& form) const {
    const auto axis = resolved(form.axis, from_.size());
    if (form.and_behind && axis && *axis + 1 != from_.size()) {
      fail("a Softmax over several axes cannot be said in operator set 13");
    }
    set_integer(made, "axis", form.axis);
  }

  static void attributes(onnx::NodeProto& made, const gather_form& form) {
    set_integer(made, "axis", form.axis);
  }

  void attributes(onnx::NodeProto& made, const reshape_form& form) const {
    if (form.allow_zero && into_.opset() < 14) {
      fail("a Reshape with allowzero cannot be said in operator set 13");
    }
    if (form.allow_zero) {
      set_integer(made, "allowzero", 1);
    }
  }

  static void attributes(onnx::NodeProto& made, const normalization_form& form) {
    set_number(made, "epsilon", form.epsilon);
  }

  // Written by `run` as operations of their own.
  static void attributes(onnx::NodeProto&, const clip_bounds&) {}

  static void attributes(onnx::NodeProto&, const split_form&) {}

  static void attributes(onnx::NodeProto&, const slice_form&) {}

  static void attributes(onnx::NodeProto&, const resize_form&) {}

  static void attributes(onnx::NodeProto&, const mean_variance_form&) {}

  static void attributes(onnx::NodeProto&, const gelu_form&) {}

  onnx_file& into_;
  const node& of_;
  std::vector<std::string> inputs_;
  const shape& from_;
  const std::vector<shape>& to_;
};

} // namespace

void write_operator(
    onnx_file& into,
    const node& of,
    std::vector<std::string> inputs,
    const shape& from,
    const std::vector<shape>& to
) {
  operator_writer(into, of, std::move(inputs), from, to).run();
}

} // namespace engine::detail
