// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "detail/axes.hpp"
#include "detail/node_reader.hpp"

namespace engine::detail {
namespace {

/// Exporters compute target shapes: lists of a few numbers, no more.
constexpr std::size_t most_values = 4096;

using numbers = std::vector<const integer_tensor*>;

auto list_of(const std::vector<std::int64_t>& values) -> integer_tensor {
  auto result = integer_tensor::from_shape({values.size()});
  std::ranges::copy(values, result.data());
  return result;
}

auto reshaped(const integer_tensor& from, const shape& to) -> integer_tensor {
  auto result = integer_tensor::from_shape(to);
  std::copy(from.begin(), from.end(), result.data());
  return result;
}

/// Wraps around where the result does not fit, as ONNX leaves open.
auto calculate(node_reader& from, std::string_view type, std::int64_t a, std::int64_t b)
    -> std::int64_t {
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  if (type == "Add") {
    return static_cast<std::int64_t>(x + y);
  }
  if (type == "Sub") {
    return static_cast<std::int64_t>(x - y);
  }
  if (type == "Mul") {
    return static_cast<std::int64_t>(x * y);
  }
  if (b == 0 || (b == -1 && a == std::numeric_limits<std::int64_t>::min())) {
    from.fail("it divides by " + std::to_string(b));
  }
  return a / b;
}

auto arithmetic(node_reader& from, std::string_view type, const numbers& inputs) -> integer_tensor {
  from.arity(2, 2);
  const integer_tensor& a = *inputs[0];
  const integer_tensor& b = *inputs[1];
  const bool a_is_one = a.size() == 1 && b.dimension() >= a.dimension();
  const bool b_is_one = b.size() == 1 && a.dimension() >= b.dimension();
  if (!a_is_one && !b_is_one && a.shape() != b.shape()) {
    from.fail(
        "integers of shape " + text(shape_of(a)) + " and " + text(shape_of(b)) + " do not fit"
    );
  }
  auto result = integer_tensor::from_shape(shape_of(b_is_one ? a : b));
  for (std::size_t i = 0; i != result.size(); ++i) {
    result.data()[i] = calculate(
        from, type, a.data()[a_is_one && a.size() == 1 ? 0 : i], b.data()[b_is_one ? 0 : i]
    );
  }
  return result;
}

auto concatenated(node_reader& from, const numbers& inputs) -> integer_tensor {
  const auto axis = from.take<std::int64_t>("axis");
  if (axis != 0 && axis != -1) {
    from.fail("integers are joined along axis 0 only");
  }
  std::vector<std::int64_t> result;
  for (const integer_tensor* each : inputs) {
    if (each->dimension() != 1) {
      from.fail("integers of shape " + text(shape_of(*each)) + " are no list");
    }
    result.insert(result.end(), each->begin(), each->end());
  }
  return list_of(result);
}

auto gathered(node_reader& from, const numbers& inputs) -> integer_tensor {
  from.arity(2, 2);
  if (from.integer("axis", 0) != 0 || inputs[0]->dimension() != 1) {
    from.fail("integers are gathered from a list only");
  }
  auto result = integer_tensor::from_shape(shape_of(*inputs[1]));
  for (std::size_t i = 0; i != result.size(); ++i) {
    const auto at = resolved(inputs[1]->data()[i], inputs[0]->size());
    if (!at) {
      from.fail(
          "index " + std::to_string(inputs[1]->data()[i]) + " in a list of " +
          std::to_string(inputs[0]->size())
      );
    }
    result.data()[i] = inputs[0]->data()[*at];
  }
  return result;
}

auto sliced(node_reader& from, const integer_tensor& of, const slice_form& form) -> integer_tensor {
  const auto cuts = cuts_of(form, shape_of(of));
  if (of.dimension() != 1 || !cuts) {
    from.fail("integers are sliced as a list only");
  }
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i != cuts->front().count; ++i) {
    const auto at = cuts->front().start + static_cast<std::int64_t>(i) * cuts->front().step;
    result.push_back(of.data()[at]);
  }
  return list_of(result);
}

auto squeezed(node_reader& from, const integer_tensor& of) -> integer_tensor {
  const auto axes = resolved(
      from.list("axes", 1, 13, "the axes").value_or(std::vector<std::int64_t>{}), of.dimension()
  );
  if (of.size() != 1 || !axes) {
    from.fail("only a single integer is squeezed");
  }
  return reshaped(of, shape(axes->empty() ? 0 : of.dimension() - axes->size(), 1));
}

auto unsqueezed(node_reader& from, const integer_tensor& of) -> integer_tensor {
  const auto axes = from.list("axes", 1, 13, "the axes");
  if (of.size() != 1 || !axes || of.dimension() + axes->size() > 8 ||
      !resolved(*axes, of.dimension() + axes->size())) {
    from.fail("only a single integer is unsqueezed");
  }
  return reshaped(of, shape(of.dimension() + axes->size(), 1));
}

enum element_type : std::int64_t { float32 = 1, int32 = 6, int64 = 7 };

auto cast(node_reader& from, const constant_value& value) -> constant_value {
  from.arity(1, 1);
  const auto to = from.integer("to", 0);
  if (to != float32 && to != int32 && to != int64) {
    from.fail("a Cast to element type " + std::to_string(to) + " is not supported");
  }
  if (const auto* integers = std::get_if<integer_tensor>(&value)) {
    if (to != float32) {
      return *integers;
    }
    auto result = tensor::from_shape(shape_of(*integers));
    std::ranges::transform(*integers, result.data(), [](std::int64_t each) {
      return static_cast<float>(each);
    });
    return result;
  }
  const auto& floats = std::get<tensor>(value);
  if (to == float32) {
    return floats;
  }
  auto result = integer_tensor::from_shape(shape_of(floats));
  std::ranges::transform(floats, result.data(), [&](float each) {
    constexpr float limit = 9.2e18F;
    if (!(std::abs(each) < limit)) {
      from.fail("a number that no integer can hold");
    }
    return static_cast<std::int64_t>(each);
  });
  return result;
}

auto shape_as_list(node_reader& from, std::int64_t opset, const shape& of) -> integer_tensor {
  from.arity(1, 1);
  const auto rank = static_cast<std::int64_t>(of.size());
  std::int64_t first = 0;
  std::int64_t last = rank;
  if (opset >= 15) {
    const auto inside = [&](std::int64_t at) {
      return std::clamp<std::int64_t>(at < 0 && at >= -rank ? at + rank : at, 0, rank);
    };
    first = inside(from.integer("start", 0));
    last = std::max(first, inside(from.integer("end", rank)));
  }
  std::vector<std::int64_t> result;
  for (std::int64_t axis = first; axis != last; ++axis) {
    result.push_back(static_cast<std::int64_t>(of[static_cast<std::size_t>(axis)]));
  }
  return list_of(result);
}

} // namespace

auto fold_integers(
    const draft_node& from,
    std::int64_t opset,
    const std::vector<const constant_value*>& inputs,
    const std::vector<const shape*>& shapes
) -> std::optional<constant_value> {
  node_reader reader(from, opset, inputs);
  const auto done = [&](auto value) {
    reader.finish();
    return std::optional<constant_value>(std::move(value));
  };
  const std::string_view type = from.op_type;
  if (type == "Shape" && !shapes.empty()) {
    return done(shape_as_list(reader, opset, *shapes.front()));
  }
  if (inputs.empty() || inputs.front() == nullptr || from.outputs.size() != 1) {
    return std::nullopt;
  }
  if (type == "Cast") {
    return done(cast(reader, *inputs.front()));
  }
  numbers values;
  for (const constant_value* each : inputs) {
    const auto* integers = each == nullptr ? nullptr : std::get_if<integer_tensor>(each);
    if (integers == nullptr || integers->size() > most_values) {
      return std::nullopt;
    }
    values.push_back(integers);
  }
  if (type == "Concat") {
    return done(concatenated(reader, values));
  }
  if (type == "Gather") {
    return done(gathered(reader, values));
  }
  if (type == "Slice") {
    const slice_form form = read_slice_form(reader);
    return done(sliced(reader, *values.front(), form));
  }
  if (type == "Squeeze") {
    return done(squeezed(reader, *values.front()));
  }
  if (type == "Unsqueeze") {
    return done(unsqueezed(reader, *values.front()));
  }
  if (type == "Add" || type == "Sub" || type == "Mul" || type == "Div") {
    return done(arithmetic(reader, type, values));
  }
  return std::nullopt;
}

} // namespace engine::detail
