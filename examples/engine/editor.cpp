// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "detail/editor.hpp"

#include <algorithm>
#include <cmath>

#include "detail/draft.hpp"

namespace engine::detail {

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

editor::editor(model& of) : model_(of), removed_(of.nodes.size(), false) {
  find_readers(model_);
}

auto editor::made_by(source of, operation kind) const -> const node* {
  const bool fits = !of.is_absent() && model_.nodes[of.node].kind == kind;
  return fits ? &model_.nodes[of.node] : nullptr;
}

auto editor::only_reader(source of) const -> std::optional<port> {
  const auto found = model_.readers.find(of);
  if (found == model_.readers.end() || found->second.size() != 1 ||
      std::ranges::find(model_.outputs, of) != model_.outputs.end()) {
    return std::nullopt;
  }
  return found->second.front();
}

auto editor::only_reader(source of, operation kind) const -> std::optional<node_id> {
  const auto reader = only_reader(of);
  if (!reader || model_.nodes[reader->node].kind != kind) {
    return std::nullopt;
  }
  return reader->node;
}

auto editor::constant(source of) const -> const tensor* {
  return of.is_absent() ? nullptr : std::get_if<tensor>(&model_.nodes[of.node].value);
}

auto editor::number(source of, std::size_t rank) const -> std::optional<float> {
  const tensor* values = constant(of);
  if (values == nullptr || values->size() != 1 || values->dimension() > rank) {
    return std::nullopt;
  }
  return values->data()[0];
}

auto editor::other_than(const node& of, float wanted) const -> std::optional<source> {
  constexpr float tolerance = 1e-5F;
  for (const std::size_t i : {1U, 0U}) {
    const auto found = number(of.inputs[i]);
    if (found && std::abs(*found - wanted) <= tolerance * std::abs(wanted)) {
      return of.inputs[1 - i];
    }
  }
  return std::nullopt;
}

void editor::set_constant(port at, tensor value, const std::string& name) {
  const auto& inputs = model_.nodes[at.node].inputs;
  const source old = at.index < inputs.size() ? inputs[at.index] : source{};
  if (!old.is_absent() && model_.readers.at(old).size() == 1) {
    model_.nodes[old.node].value = std::move(value);
    return;
  }
  node made;
  made.name = free_name(name);
  made.kind = operation::constant;
  made.outputs = {made.name};
  made.value = std::move(value);
  const node_id id = add(std::move(made));
  auto& reading = model_.nodes[at.node].inputs;
  reading.resize(std::max<std::size_t>(reading.size(), at.index + 1));
  reading[at.index] = {id, 0};
  if (!old.is_absent()) {
    std::erase(model_.readers[old], at);
  }
  model_.readers[{id, 0}] = {at};
}

auto editor::add(node made) -> node_id {
  model_.nodes.push_back(std::move(made));
  removed_.push_back(false);
  return size() - 1;
}

auto editor::free_name(std::string wanted) -> std::string {
  if (names_.empty()) {
    for (const node& each : model_.nodes) {
      names_.insert(each.name);
      names_.insert(each.outputs.begin(), each.outputs.end());
    }
  }
  while (!names_.insert(wanted).second) {
    wanted += "_";
  }
  return wanted;
}

void editor::redirect(source old, source now) {
  for (source& output : model_.outputs) {
    output = output == old ? now : output;
  }
  const auto found = model_.readers.find(old);
  if (found == model_.readers.end()) {
    return;
  }
  const std::vector<port> moved = std::move(found->second);
  model_.readers.erase(found);
  auto& readers = model_.readers[now];
  for (const port reader : moved) {
    model_.nodes[reader.node].inputs[reader.index] = now;
    readers.push_back(reader);
  }
}

void editor::place(node_id id, std::vector<node_id>& order, std::vector<bool>& placed) const {
  if (placed[id] || removed_[id]) {
    return;
  }
  placed[id] = true;
  for (const source input : model_.nodes[id].inputs) {
    if (!input.is_absent()) {
      place(input.node, order, placed);
    }
  }
  order.push_back(id);
}

void editor::finish() {
  std::vector<bool> lost(model_.nodes.size(), false);
  for (const bool by_removed : {true, false}) {
    for (node_id id = 0; id != size(); ++id) {
      for (const source input : model_.nodes[id].inputs) {
        if (!input.is_absent() && removed_[id] == by_removed &&
            model_.nodes[input.node].kind == operation::constant) {
          lost[input.node] = by_removed;
        }
      }
    }
  }
  for (node_id id = 0; id != size(); ++id) {
    removed_[id] = removed_[id] || lost[id];
  }
  std::vector<node_id> order;
  std::vector<bool> placed(model_.nodes.size(), false);
  for (node_id id = 0; id != size(); ++id) {
    place(id, order, placed);
  }
  std::vector<node_id> number_of(model_.nodes.size(), 0);
  std::vector<node> nodes;
  for (const node_id id : order) {
    number_of[id] = static_cast<node_id>(nodes.size());
    nodes.push_back(std::move(model_.nodes[id]));
  }
  for (node& each : nodes) {
    for (source& input : each.inputs) {
      input.node = input.is_absent() ? input.node : number_of[input.node];
    }
  }
  for (source& output : model_.outputs) {
    output.node = number_of[output.node];
  }
  model_.input = number_of[model_.input];
  model_.nodes = std::move(nodes);
  removed_.assign(model_.nodes.size(), false);
  find_readers(model_);
}

} // namespace engine::detail
