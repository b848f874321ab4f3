// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <set>

#include "detail/draft.hpp"

namespace engine::detail {
namespace {

/// Puts the nodes of a draft in order, one after the other, by what they read.
class assembly {
public:
  explicit assembly(draft& from) : from_(from) {}

  auto run() -> model {
    model_.name = from_.name;
    check_node_names();
    add_input();
    for (auto& [name, values] : from_.initializers) {
      node made;
      made.name = free_name(name, "Constant:");
      made.kind = operation::constant;
      made.value = std::move(values);
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
    for (std::size_t axis = 1; axis != input.dims->size(); ++axis) {
      if (!(*input.dims)[axis]) {
        throw error(
            where + "the extent of axis " + std::to_string(axis) +
            " is not fixed; only axis 0 may be"
        );
      }
      model_.input_shape.push_back(*(*input.dims)[axis]);
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
    for (const std::string& input : each.inputs) {
      const source from = input.empty() ? source{} : read(input);
      made.inputs.push_back(from);
      const bool constant =
          !from.is_absent() && model_.nodes[from.node].kind == operation::constant;
      constants.push_back(constant ? &model_.nodes[from.node].value : nullptr);
    }
    interpret(each, from_.opset, constants, made);
    add(std::move(made));
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

  draft& from_;
  model model_;
  std::set<std::string> names_;
  std::map<std::string, source> producers_;
};

void find_readers(model& of) {
  of.readers.clear();
  for (node_id id = 0; id != of.nodes.size(); ++id) {
    for (std::uint32_t i = 0; i != of.nodes[id].inputs.size(); ++i) {
      if (!of.nodes[id].inputs[i].is_absent()) {
        of.readers[of.nodes[id].inputs[i]].push_back({id, i});
      }
    }
  }
}

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

auto keeps_samples_apart(const model& of, const limits& allowed) -> bool {
  try {
    const auto shapes = infer_shapes(of, 2, allowed);
    return std::ranges::all_of(of.outputs, [&](source from) {
      const shape& each = shapes[from.node][from.output];
      return !each.empty() && each[0] == 2;
    });
  } catch (const error&) {
    return false;
  }
}

} // namespace

auto assemble(draft from, const limits& allowed) -> model {
  model result = assembly(from).run();
  find_readers(result);
  static_cast<void>(infer_shapes(result, 1, allowed));
  fold_batch_normalization(result);
  find_readers(result);
  check_outputs(result, from.outputs);
  result.fixed_batch = result.fixed_batch || !keeps_samples_apart(result, allowed);
  return result;
}

} // namespace engine::detail
