// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>

#include "detail/draft.hpp"

namespace engine::detail {
namespace {

class folding {
public:
  explicit folding(model& of) : model_(of) {}

  void run() {
    const std::size_t count = model_.nodes.size();
    std::vector<bool> folded(count, false);
    for (node_id id = 0; id != count; ++id) {
      if (model_.nodes[id].kind == operation::batch_normalization && can_fold(id)) {
        fold(id);
        folded[id] = true;
      }
    }
    rebuild(folded);
  }

private:
  [[nodiscard]] auto can_fold(node_id normalization) const -> bool {
    const source from = model_.nodes[normalization].inputs[0];
    return model_.nodes[from.node].kind == operation::convolution &&
           model_.readers.at(from).size() == 1 &&
           std::ranges::find(model_.outputs, from) == model_.outputs.end();
  }

  auto parameter(node_id of, std::size_t index) const -> const tensor& {
    return std::get<tensor>(model_.nodes[model_.nodes[of].inputs[index].node].value);
  }

  void fold(node_id normalization) {
    const node_id convolution = model_.nodes[normalization].inputs[0].node;
    const float epsilon = std::get<normalization_form>(model_.nodes[normalization].form).epsilon;
    const tensor& scale = parameter(normalization, 1);
    const tensor& shift = parameter(normalization, 2);
    const tensor& mean = parameter(normalization, 3);
    const tensor& variance = parameter(normalization, 4);

    tensor weights = parameter(convolution, 1);
    const std::size_t channels = weights.shape()[0];
    const std::size_t inner = weights.size() / channels;
    const source old_bias = model_.nodes[convolution].inputs.size() > 2
                                ? model_.nodes[convolution].inputs[2]
                                : source{};
    auto bias = tensor::from_shape({channels});
    for (std::size_t c = 0; c != channels; ++c) {
      const double factor =
          static_cast<double>(scale.data()[c]) /
          std::sqrt(static_cast<double>(variance.data()[c]) + static_cast<double>(epsilon));
      for (std::size_t i = 0; i != inner; ++i) {
        float& weight = weights.data()[c * inner + i];
        weight = static_cast<float>(static_cast<double>(weight) * factor);
      }
      const double before =
          old_bias.is_absent()
              ? 0.0
              : static_cast<double>(std::get<tensor>(model_.nodes[old_bias.node].value).data()[c]);
      bias.data()[c] = static_cast<float>(
          (before - static_cast<double>(mean.data()[c])) * factor +
          static_cast<double>(shift.data()[c])
      );
    }
    const std::string& name = model_.nodes[convolution].name;
    const source new_weights =
        replace(model_.nodes[convolution].inputs[1], std::move(weights), name + ".weight");
    const source new_bias = replace(old_bias, std::move(bias), name + ".bias");
    node& target = model_.nodes[convolution];
    target.inputs = {target.inputs[0], new_weights, new_bias};
    // The value that others know is the one behind the normalization.
    target.outputs = model_.nodes[normalization].outputs;
    for (source& output : model_.outputs) {
      output = output == source{normalization, 0} ? source{convolution, 0} : output;
    }
    for (node& each : model_.nodes) {
      for (source& input : each.inputs) {
        input = input == source{normalization, 0} ? source{convolution, 0} : input;
      }
    }
  }

  /// In place where nobody else reads the constant, otherwise as a new one.
  auto replace(source old, tensor value, const std::string& name) -> source {
    if (!old.is_absent() && model_.readers.at(old).size() == 1) {
      model_.nodes[old.node].value = std::move(value);
      return old;
    }
    node made;
    made.name = name;
    while (std::ranges::any_of(model_.nodes, [&](const node& each) {
      return each.name == made.name ||
             std::ranges::find(each.outputs, made.name) != each.outputs.end();
    })) {
      made.name += "_";
    }
    made.kind = operation::constant;
    made.outputs = {made.name};
    made.value = std::move(value);
    model_.nodes.push_back(std::move(made));
    return {static_cast<node_id>(model_.nodes.size() - 1), 0};
  }

  /// Drops the folded nodes and the constants that only they read; new constants go to the front.
  void rebuild(const std::vector<bool>& folded) {
    std::vector<bool> kept(model_.nodes.size(), true);
    std::vector<bool> read(model_.nodes.size(), false);
    for (node_id id = 0; id != model_.nodes.size(); ++id) {
      if (id < folded.size() && folded[id]) {
        kept[id] = false;
        continue;
      }
      for (const source input : model_.nodes[id].inputs) {
        if (!input.is_absent()) {
          read[input.node] = true;
        }
      }
    }
    for (node_id id = 0; id != folded.size(); ++id) {
      if (folded[id]) {
        for (std::size_t i = 1; i != model_.nodes[id].inputs.size(); ++i) {
          const node_id constant = model_.nodes[id].inputs[i].node;
          kept[constant] = read[constant];
        }
      }
    }
    std::vector<node_id> order;
    for (node_id id = static_cast<node_id>(folded.size()); id != model_.nodes.size(); ++id) {
      order.push_back(id);
    }
    for (node_id id = 0; id != folded.size(); ++id) {
      if (kept[id]) {
        order.push_back(id);
      }
    }
    std::vector<node_id> place(model_.nodes.size());
    std::vector<node> nodes;
    for (const node_id id : order) {
      place[id] = static_cast<node_id>(nodes.size());
      nodes.push_back(std::move(model_.nodes[id]));
    }
    for (node& each : nodes) {
      for (source& input : each.inputs) {
        input.node = input.is_absent() ? input.node : place[input.node];
      }
    }
    for (source& output : model_.outputs) {
      output.node = place[output.node];
    }
    model_.input = place[model_.input];
    model_.nodes = std::move(nodes);
  }

  model& model_;
};

} // namespace

void fold_batch_normalization(model& of) {
  folding(of).run();
}

} // namespace engine::detail
