// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../model.hpp"

namespace engine::detail {

/// Changes a model that is still being made. Nodes keep their numbers until `finish`.
class editor {
public:
  explicit editor(model& of);

  [[nodiscard]] auto size() const -> node_id { return static_cast<node_id>(model_.nodes.size()); }

  [[nodiscard]] auto at(node_id id) -> node& { return model_.nodes[id]; }

  /// The node that makes a value, if it is of that kind; null otherwise.
  [[nodiscard]] auto made_by(source of, operation kind) const -> const node*;

  /// The input that alone reads `of`; null if there are more or it is an output of the model.
  [[nodiscard]] auto only_reader(source of) const -> std::optional<port>;

  /// The node that alone reads `of`, if it is of that kind; null otherwise.
  [[nodiscard]] auto only_reader(source of, operation kind) const -> std::optional<node_id>;

  [[nodiscard]] auto constant(source of) const -> const tensor*;

  /// The number that a constant holds, which has at most `rank` axes.
  [[nodiscard]] auto number(source of, std::size_t rank = 8) const -> std::optional<float>;

  /// Of two inputs, one of which is a number close to `wanted`: the other.
  [[nodiscard]] auto other_than(const node& of, float wanted) const -> std::optional<source>;

  /// A constant in place of what is at an input: the one there if nobody else reads it, else a new
  /// one.
  void set_constant(port at, tensor value, const std::string& name);

  auto add(node made) -> node_id;

  /// A name that no node and no value has.
  [[nodiscard]] auto free_name(std::string wanted) -> std::string;

  /// All that reads `old` reads `now`.
  void redirect(source old, source now);

  void remove(node_id id) { removed_[id] = true; }

  /// Puts the nodes in order again, without those that were removed and constants that only they
  /// read.
  void finish();

private:
  void place(node_id id, std::vector<node_id>& order, std::vector<bool>& placed) const;

  model& model_;
  std::vector<bool> removed_;
  std::set<std::string> names_; ///< Filled when the first name is asked for.
};

} // namespace engine::detail
