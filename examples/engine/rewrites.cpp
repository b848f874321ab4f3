// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "detail/rewrites.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace engine::detail {
namespace {

/// Is `number` the one that is meant, as far as float rounding goes?
auto is(std::optional<float> number, float meant) -> bool {
  constexpr float tolerance = 1e-5F;
  return number && std::abs(*number - meant) <= tolerance * std::max(std::abs(meant), 1e-3F);
}

/// Of a node with two inputs, the one that is not `known`; null if neither is.
auto beside(const node& of, source known) -> std::optional<source> {
  if (of.inputs[0] == known) {
    return of.inputs[1];
  }
  return of.inputs[1] == known ? std::optional(of.inputs[0]) : std::nullopt;
}

/// `x` if the node is `x / by` or `x (1 / by)`.
auto quotient(const editor& in, const node& of, float by) -> std::optional<source> {
  if (of.kind == operation::divide && is(in.number(of.inputs[1]), by)) {
    return of.inputs[0];
  }
  return of.kind == operation::multiply ? in.other_than(of, 1 / by) : std::nullopt;
}

/// The node that alone reads `of` and divides it by a number.
auto divided_behind(editor& in, source of, float by) -> std::optional<node_id> {
  const auto reader = in.only_reader(of);
  if (!reader || quotient(in, in.at(reader->node), by) != of) {
    return std::nullopt;
  }
  return reader->node;
}

/// Makes `last` the function of `x` that the nodes `between` and it computed.
void become(
    editor& in,
    node_id last,
    operation kind,
    node_form form,
    const char* type,
    source x,
    std::initializer_list<node_id> between
) {
  for (const node_id each : between) {
    in.remove(each);
  }
  node& made = in.at(last);
  made.kind = kind;
  made.op_type = type;
  made.form = std::move(form);
  made.inputs = {x};
}

/// The constant factors of a convolution's channels that a tensor beside its result holds.
auto factors_of_channels(const tensor& from, std::size_t channels)
    -> std::optional<std::vector<float>> {
  if (from.size() == 1 && from.dimension() <= 4) {
    return std::vector<float>(channels, from.data()[0]);
  }
  const shape extents_of = shape_of(from);
  const bool fits = from.size() == channels &&
                    (extents_of == shape{channels, 1, 1} || extents_of == shape{1, channels, 1, 1});
  return fits ? std::optional(std::vector<float>(from.data(), from.data() + channels))
              : std::nullopt;
}

/// The value that the product reads keeps its name behind the new node, if only the product reads
/// it.
void put_factor_place(editor& in, node_id product, const std::string& name) {
  const source right = in.at(product).inputs[1];
  node& above = in.at(right.node);
  node made;
  made.name = in.free_name(name + ".factor");
  made.op_type = "Identity";
  made.kind = operation::factor_place;
  made.inputs = {right};
  if (in.only_reader(right) && above.kind != operation::input) {
    const std::string value = above.outputs[right.output];
    above.outputs[right.output] = in.free_name(value + "_passed");
    made.outputs = {value};
  } else {
    made.outputs = {made.name};
  }
  const node_id place = in.add(std::move(made));
  in.at(product).inputs[1] = {place, 0};
}

auto scaled(const tensor& from, const std::vector<float>& factors) -> tensor {
  tensor result = from;
  const std::size_t inner = from.size() / factors.size();
  for (std::size_t i = 0; i != result.size(); ++i) {
    result.data()[i] *= factors[i / inner];
  }
  return result;
}

} // namespace

void split_layer_normalization(model& of) {
  editor in(of);
  const node_id count = in.size();
  for (node_id id = 0; id != count; ++id) {
    if (in.at(id).kind != operation::layer_normalization) {
      continue;
    }
    const auto made_of = [&](operation kind, const char* type, const char* part) {
      node made;
      made.name = in.free_name(in.at(id).name + part);
      made.op_type = type;
      made.kind = kind;
      made.outputs = {made.name};
      return made;
    };
    node normalised =
        made_of(operation::mean_variance_normalization, "MeanVarianceNormalization", ".normalized");
    normalised.form = in.at(id).form;
    normalised.inputs = {in.at(id).inputs[0]};
    source value{in.add(std::move(normalised)), 0};
    const bool shifted = in.at(id).inputs.size() > 2 && !in.at(id).inputs[2].is_absent();
    if (shifted) {
      node product = made_of(operation::multiply, "Mul", ".scaled");
      product.inputs = {value, in.at(id).inputs[1]};
      value = {in.add(std::move(product)), 0};
    }
    node& last = in.at(id);
    last.kind = shifted ? operation::add : operation::multiply;
    last.op_type = shifted ? "Add" : "Mul";
    last.form = {};
    last.inputs = {value, last.inputs[shifted ? 2 : 1]};
  }
  in.finish();
}

void find_mean_variance_normalization(model& of) {
  editor in(of);
  for (node_id id = 0; id != in.size(); ++id) {
    const node& last = in.at(id);
    if (last.kind != operation::divide) {
      continue;
    }
    const source difference = last.inputs[0];
    const source root = last.inputs[1];
    const node* sqrt = in.made_by(root, operation::sqrt);
    const node* subtract = in.made_by(difference, operation::subtract);
    if (sqrt == nullptr || subtract == nullptr || !in.only_reader(root)) {
      continue;
    }
    const source x = subtract->inputs[0];
    const source middle = subtract->inputs[1];
    const node* add = in.made_by(sqrt->inputs[0], operation::add);
    const node* mean = in.made_by(middle, operation::reduce_mean);
    if (add == nullptr || mean == nullptr || mean->inputs[0] != x ||
        !in.only_reader(sqrt->inputs[0]) || !in.only_reader(middle)) {
      continue;
    }
    const std::size_t at = in.number(add->inputs[1]) ? 1 : 0;
    const auto epsilon = in.number(add->inputs[at]);
    const source variance = add->inputs[1 - at];
    const node* variance_of = in.made_by(variance, operation::reduce_mean);
    if (!epsilon || variance_of == nullptr || !in.only_reader(variance)) {
      continue;
    }
    const source square = variance_of->inputs[0];
    const node* power = in.made_by(square, operation::power);
    const node* product = in.made_by(square, operation::multiply);
    const bool squares =
        power != nullptr
            ? power->inputs[0] == difference && in.number(power->inputs[1]) == 2.0F
            : product != nullptr && product->inputs == std::vector<source>{difference, difference};
    const auto& axes = std::get<axes_form>(mean->form);
    const bool over_the_last = axes.keep && axes.axes == std::vector<std::int64_t>{-1};
    // Nobody else may look at the difference: the quotient and the square do.
    const std::size_t own = power != nullptr ? 2 : 3;
    if (!squares || !over_the_last || !(std::get<axes_form>(variance_of->form) == axes) ||
        !in.only_reader(square) || of.readers.at(difference).size() != own ||
        std::ranges::find(of.outputs, difference) != of.outputs.end()) {
      continue;
    }
    become(
        in,
        id,
        operation::mean_variance_normalization,
        mean_variance_form{-1, *epsilon},
        "MeanVarianceNormalization",
        x,
        {difference.node, root.node, sqrt->inputs[0].node, middle.node, variance.node, square.node}
    );
  }
  in.finish();
}

void find_gelu(model& of) {
  editor in(of);
  for (node_id id = 0; id != in.size(); ++id) {
    if (in.at(id).kind != operation::erf) {
      continue;
    }
    const source inner = in.at(id).inputs[0];
    if (!in.only_reader(inner)) {
      continue;
    }
    const auto x = quotient(in, in.at(inner.node), std::numbers::sqrt2_v<float>);
    const auto add = in.only_reader({id, 0}, operation::add);
    if (!x || !add || !in.other_than(in.at(*add), 1)) {
      continue;
    }
    const auto product = in.only_reader({*add, 0}, operation::multiply);
    if (!product) {
      continue;
    }
    const auto factor = beside(in.at(*product), {*add, 0});
    if (factor == x) {
      if (const auto half = divided_behind(in, {*product, 0}, 2)) {
        become(
            in, *half, operation::gelu, gelu_form{}, "Gelu", *x, {inner.node, id, *add, *product}
        );
      }
    } else if (factor && !factor->is_absent() && in.only_reader(*factor) &&
               quotient(in, in.at(factor->node), 2) == x) {
      become(
          in,
          *product,
          operation::gelu,
          gelu_form{},
          "Gelu",
          *x,
          {inner.node, id, *add, factor->node}
      );
    }
  }
  in.finish();
}

void find_hard_swish(model& of) {
  editor in(of);
  for (node_id id = 0; id != in.size(); ++id) {
    const auto* bounds = std::get_if<clip_bounds>(&in.at(id).form);
    if (bounds == nullptr || bounds->low != 0 || bounds->high != 6) {
      continue;
    }
    const source shifted = in.at(id).inputs[0];
    const node* add = in.made_by(shifted, operation::add);
    const auto x = add == nullptr ? std::nullopt : in.other_than(*add, 3);
    if (!x || !in.only_reader(shifted)) {
      continue;
    }
    const source clipped{id, 0};
    if (const auto share = divided_behind(in, clipped, 6)) {
      const auto product = in.only_reader({*share, 0}, operation::multiply);
      if (product && beside(in.at(*product), {*share, 0}) == x) {
        become(
            in, *product, operation::hard_swish, {}, "HardSwish", *x, {shifted.node, id, *share}
        );
      }
      continue;
    }
    const auto product = in.only_reader(clipped, operation::multiply);
    if (!product || beside(in.at(*product), clipped) != x) {
      continue;
    }
    if (const auto share = divided_behind(in, {*product, 0}, 6)) {
      become(in, *share, operation::hard_swish, {}, "HardSwish", *x, {shifted.node, id, *product});
    }
  }
  in.finish();
}

void find_swish(model& of) {
  editor in(of);
  for (node_id id = 0; id != in.size(); ++id) {
    if (in.at(id).kind != operation::sigmoid) {
      continue;
    }
    const source x = in.at(id).inputs[0];
    const auto product = in.only_reader({id, 0}, operation::multiply);
    if (product && beside(in.at(*product), {id, 0}) == x) {
      become(in, *product, operation::swish, {}, "Swish", x, {id});
    }
  }
  in.finish();
}

void divide_by_multiplying(model& of) {
  editor in(of);
  const node_id count = in.size();
  for (node_id id = 0; id != count; ++id) {
    const operation kind = in.at(id).kind;
    if (kind != operation::divide && kind != operation::subtract) {
      continue;
    }
    const tensor* by = in.constant(in.at(id).inputs[1]);
    if (by == nullptr) {
      continue;
    }
    tensor inverse = *by;
    std::ranges::transform(inverse, inverse.begin(), [&](float each) {
      return kind == operation::divide ? 1 / each : -each;
    });
    in.set_constant({id, 1}, std::move(inverse), in.at(id).name + ".inverse");
    in.at(id).kind = kind == operation::divide ? operation::multiply : operation::add;
    in.at(id).op_type = kind == operation::divide ? "Mul" : "Add";
  }
  in.finish();
}

void move_factors_into_products(model& of) {
  editor in(of);
  const node_id count = in.size();
  for (node_id id = 0; id != count; ++id) {
    if (in.at(id).kind != operation::multiply) {
      continue;
    }
    const std::size_t at = in.constant(in.at(id).inputs[1]) != nullptr ? 1 : 0;
    const source factor = in.at(id).inputs[at];
    const source from = in.at(id).inputs[1 - at];
    const tensor* by = in.constant(factor);
    if (by == nullptr || from.is_absent() || !in.only_reader(from)) {
      continue;
    }
    const node& product = in.at(from.node);
    const std::string name = product.name;
    if (product.kind == operation::convolution) {
      const tensor& weights = *in.constant(product.inputs[1]);
      const auto factors = factors_of_channels(*by, weights.shape()[0]);
      if (!factors) {
        continue;
      }
      tensor changed = scaled(weights, *factors);
      if (product.inputs.size() > 2 && !product.inputs[2].is_absent()) {
        tensor bias = scaled(*in.constant(product.inputs[2]), *factors);
        in.set_constant({from.node, 2}, std::move(bias), name + ".bias");
      }
      in.set_constant({from.node, 1}, std::move(changed), name + ".weight");
      in.at(from.node).outputs = in.at(id).outputs;
      in.redirect({id, 0}, from);
      in.remove(id);
      continue;
    }
    const auto number = in.number(factor, 2);
    if (product.kind != operation::matmul || !number) {
      continue;
    }
    const source right = product.inputs[1];
    if (const tensor* weights = in.constant(right)) {
      in.set_constant({from.node, 1}, scaled(*weights, {*number}), name + ".weight");
      in.at(from.node).outputs = in.at(id).outputs;
      in.redirect({id, 0}, from);
      in.remove(id);
      continue;
    }
    put_factor_place(in, from.node, name);
    in.at(id).kind = operation::factor;
    in.at(id).inputs = {from, factor};
  }
  in.finish();
}

void rewrite(model& of) {
  fold_batch_normalization(of);
  split_layer_normalization(of);
  find_mean_variance_normalization(of);
  find_gelu(of);
  find_hard_swish(of);
  find_swish(of);
  divide_by_multiplying(of);
  move_factors_into_products(of);
}

} // namespace engine::detail
