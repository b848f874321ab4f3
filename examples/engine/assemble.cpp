// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <optional>
#include <set>

#include "detail/axes.hpp"
#include "detail/draft.hpp"
#include "detail/rewrites.hpp"
#include "program.hpp"

namespace engine::detail {
namespace {

/// Puts the nodes of a draft in order, one after the other, by what they read. What depends on
/// nothing but constants and shapes is worked out on the way.
class assembly {
public:
  /// @param batch For which shapes are worked out.
  assembly(const draft& from, const shape& sample, std::size_t batch, const limits& allowed)
      : from_(from), sample_(sample), batch_(batch), allowed_(allowed) {}

  /// Was the shape of a tensor asked for?
  [[nodiscard]] auto reads_shapes() const -> bool { return reads_shapes_; }

  auto run() -> model {
    model_.name = from_.name;
    check_node_names();
    add_input();
    for (const auto& [name, values] : from_.initializers) {
      node made;
      made.name = free_name(name, "Constant:");
      made.kind = operation::constant;
      made.value = values;
      made.outputs = {name};
      add(std::move(made));
    }
    add_nodes();
    for (const draft_value& output : from_.outputs) {
      const auto found = producers_.find(output.name);
      if (found == producers_.end()) {
        throw error("model output '" + output.name + "': nothing produces it");
      }
      model_.outputs.push_back(found->second);
    }
    if (model_.outputs.empty()) {
      throw error("the model has no output");
    }
    return std::move(model_);
  }

private:
  void check_node_names() {
    for (const draft_node& each : from_.nodes) {
      if (!names_.insert(each.name).second) {
        throw error("two nodes are called '" + each.name + "'");
      }
    }
  }

  /// Values and nodes have separate names in ONNX; here a node's name wins.
  auto free_name(const std::string& value, const char* prefix) -> std::string {
    std::string name = value;
    while (!names_.insert(name).second) {
      name.insert(0, prefix);
    }
    return name;
  }

  void add_input() {
    if (from_.inputs.size() != 1) {
      throw error(
          "the model has " + std::to_string(from_.inputs.size()) +
          " inputs; this engine runs models with one"
      );
    }
    const draft_value& input = from_.inputs.front();
    const std::string where = "model input '" + input.name + "': ";
    if (!input.dims || input.dims->empty()) {
      throw error(where + "its shape is not declared");
    }
    model_.fixed_batch = input.dims->front().has_value();
    if (input.dims->front().value_or(1) != 1) {
      throw error(where + "its batch is fixed to another number than 1");
    }
    model_.input_shape.push_back(1);
    const std::size_t rank = input.dims->size();
    if (!sample_.empty() && sample_.size() + 1 != rank) {
      throw error(
          where + "it has " + std::to_string(rank) + " axes, which samples of shape " +
          text(sample_) + " do not fit"
      );
    }
    for (std::size_t axis = 1; axis != rank; ++axis) {
      const std::optional<std::size_t> declared = (*input.dims)[axis];
      const std::size_t said = sample_.empty() ? 0 : sample_[axis - 1];
      if (declared.value_or(said) == 0) {
        throw error(
            where + "the extent of axis " + std::to_string(axis) +
            " is not fixed; only axis 0 may be, unless the shape of a sample is given"
        );
      }
      if (!sample_.empty() && declared.value_or(said) != said) {
        throw error(
            where + "the extent of axis " + std::to_string(axis) + " is " +
            std::to_string(*declared) + ", which samples of shape " + text(sample_) + " do not fit"
        );
      }
      model_.input_shape.push_back(declared.value_or(said));
    }
    node made;
    made.name = free_name(input.name, "Input:");
    made.kind = operation::input;
    made.outputs = {input.name};
    add(std::move(made));
  }

  void add(node made) {
    const auto id = static_cast<node_id>(model_.nodes.size());
    for (std::uint32_t i = 0; i != made.outputs.size(); ++i) {
      if (!producers_.emplace(made.outputs[i], source{id, i}).second) {
        throw error("value '" + made.outputs[i] + "' is produced twice");
      }
    }
    model_.nodes.push_back(std::move(made));
  }

  /// A node is added once all that it reads is there; among those that are ready, the first in the
  /// file comes first.
  void add_nodes() {
    std::map<std::string, std::size_t> produced_by;
    for (std::size_t i = 0; i != from_.nodes.size(); ++i) {
      for (const std::string& output : from_.nodes[i].outputs) {
        if (output.empty() || producers_.contains(output) ||
            !produced_by.emplace(output, i).second) {
          throw error(
              "node '" + from_.nodes[i].name + "': its output '" + output + "' is produced twice"
          );
        }
      }
    }
    std::vector<std::set<std::size_t>> waits_for(from_.nodes.size());
    std::vector<std::vector<std::size_t>> readers(from_.nodes.size());
    std::set<std::size_t> ready;
    for (std::size_t i = 0; i != from_.nodes.size(); ++i) {
      for (const std::string& input : from_.nodes[i].inputs) {
        if (input.empty() || producers_.contains(input)) {
          continue;
        }
        const auto found = produced_by.find(input);
        if (found == produced_by.end()) {
          throw error(
              "node '" + from_.nodes[i].name + "': it reads '" + input + "', which nothing produces"
          );
        }
        if (waits_for[i].insert(found->second).second) {
          readers[found->second].push_back(i);
        }
      }
      if (waits_for[i].empty()) {
        ready.insert(i);
      }
    }
    std::size_t added = 0;
    for (; !ready.empty(); ++added) {
      const std::size_t next = *ready.begin();
      ready.erase(ready.begin());
      add_node(from_.nodes[next]);
      for (const std::size_t reader : readers[next]) {
        waits_for[reader].erase(next);
        if (waits_for[reader].empty()) {
          ready.insert(reader);
        }
      }
    }
    if (added != from_.nodes.size()) {
      const auto stuck =
          std::ranges::find_if(waits_for, [](const auto& set) { return !set.empty(); });
      throw error(
          "node '" + from_.nodes[static_cast<std::size_t>(stuck - waits_for.begin())].name +
          "': it lies on or behind a cycle, it waits for its own result"
      );
    }
  }

  void add_node(const draft_node& each) {
    node made;
    made.name = each.name;
    made.op_type = each.op_type;
    made.outputs = each.outputs;
    std::vector<const constant_value*> constants;
    bool known = !each.inputs.empty();
    for (const std::string& input : each.inputs) {
      const source from = input.empty() ? source{} : read(input);
      made.inputs.push_back(from);
      const bool constant = !from.is_absent() && is_constant(from);
      constants.push_back(constant ? &model_.nodes[from.node].value : nullptr);
      known = known && (constant || from.is_absent());
    }
    if (auto value = fold_integers(each, from_.opset, constants, shapes_for(each, made.inputs))) {
      add_known(made, 0, std::move(*value));
      return;
    }
    interpret(each, from_.opset, constants, made);
    if (known && made.kind != operation::identity) {
      work_out(made);
    } else {
      add(std::move(made));
    }
  }

  void add_known(const node& from, std::size_t output, constant_value value) {
    node made;
    made.name = output == 0 ? from.name : free_name(from.outputs[output], "Constant:");
    made.op_type = from.op_type;
    made.kind = operation::constant;
    made.outputs = {from.outputs[output]};
    made.value = std::move(value);
    add(std::move(made));
  }

  /// The shapes of the inputs of a node that asks for them.
  auto shapes_for(const draft_node& each, const std::vector<source>& inputs)
      -> std::vector<const shape*> {
    if (each.op_type != "Shape" || inputs.empty() || inputs.front().is_absent()) {
      return {};
    }
    reads_shapes_ = true;
    infer_more_shapes(model_, batch_, allowed_, shapes_);
    return {&shapes_[inputs.front().node][inputs.front().output]};
  }

  /// Runs a node that reads constants only, in a model of its own.
  void work_out(node of) {
    model alone;
    alone.name = from_.name;
    for (source& input : of.inputs) {
      if (!input.is_absent()) {
        alone.nodes.push_back(model_.nodes[input.node]);
        input = {static_cast<node_id>(alone.nodes.size() - 1), 0};
      }
    }
    alone.nodes.push_back(of);
    const auto id = static_cast<node_id>(alone.nodes.size() - 1);
    const auto shapes = infer_shapes(alone, 1, allowed_);
    for (const shape& each : shapes[id]) {
      worked_out_ += static_cast<double>(extents(each));
    }
    if (worked_out_ > static_cast<double>(allowed_.values_per_sample)) {
      throw error("node '" + of.name + "': its constants are too large to work out");
    }
    const changes none;
    program run(alone, 1, none);
    run.run(nullptr);
    for (std::uint32_t i = 0; i != shapes[id].size(); ++i) {
      add_known(of, i, run.copy_of({id, i}));
    }
  }

  /// Exporters put Identity nodes between a shared constant and its readers: they are looked
  /// through.
  auto read(const std::string& value) -> source {
    source from = producers_.at(value);
    while (model_.nodes[from.node].kind == operation::identity &&
           is_constant(model_.nodes[from.node].inputs[0])) {
      from = model_.nodes[from.node].inputs[0];
    }
    return from;
  }

  [[nodiscard]] auto is_constant(source of) const -> bool {
    return model_.nodes[of.node].kind == operation::constant;
  }

  const draft& from_;
  const shape& sample_;
  std::size_t batch_;
  const limits& allowed_;
  bool reads_shapes_ = false;
  double worked_out_ = 0;
  std::vector<std::vector<shape>> shapes_;
  model model_;
  std::set<std::string> names_;
  std::map<std::string, source> producers_;
};

void check_outputs(const model& of, const std::vector<draft_value>& declared) {
  const auto shapes = infer_shapes(of, 1);
  for (std::size_t i = 0; i != declared.size(); ++i) {
    const source from = of.outputs[i];
    const shape& found = shapes[from.node][from.output];
    const std::string where = "model output '" + declared[i].name + "': ";
    if (std::holds_alternative<integer_tensor>(of.nodes[from.node].value)) {
      throw error(where + "it is not float32");
    }
    if (!declared[i].dims) {
      continue;
    }
    const auto& dims = *declared[i].dims;
    bool agrees = dims.size() == found.size();
    for (std::size_t axis = 0; agrees && axis != dims.size(); ++axis) {
      agrees = !dims[axis] || *dims[axis] == found[axis];
    }
    if (!agrees) {
      throw error(where + "its declared shape is not the shape " + text(found) + " that it gets");
    }
  }
}

auto put_together(const draft& from, const limits& allowed, const shape& sample) -> model {
  assembly one(from, sample, 1, allowed);
  model result = one.run();
  if (one.reads_shapes() && !result.fixed_batch) {
    try {
      result.fixed_batch = !free_of_batch(result, assembly(from, sample, 2, allowed).run());
    } catch (const error&) {
      result.fixed_batch = true;
    }
    if (result.fixed_batch) {
      result = assembly(from, sample, 1, allowed).run();
      result.fixed_batch = true;
    }
  }
  return result;
}

} // namespace

auto assemble(const draft& from, const limits& allowed, const shape& sample) -> model {
  model result = put_together(from, allowed, sample);
  find_readers(result);
  static_cast<void>(infer_shapes(result, 1, allowed));
  rewrite(result);
  check_outputs(result, from.outputs);
  result.fixed_batch = result.fixed_batch || !keeps_samples_apart(result, allowed);
  return result;
}

} // namespace engine::detail
