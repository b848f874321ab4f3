// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/group.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// Groups by their index, ascending: those that are reverted.
using group_set = std::vector<std::size_t>;

[[nodiscard]] inline auto with_group(group_set set, std::size_t group) -> group_set {
  const auto at = std::ranges::lower_bound(set, group);
  if (at == set.end() || *at != group) {
    set.insert(at, group);
  }
  return set;
}

[[nodiscard]] inline auto without_group(group_set set, std::size_t group) -> group_set {
  std::erase(set, group);
  return set;
}

/// The plans among which a search chooses: one for each set of reverted groups.
class plan_variants {
public:
  using revert_function = std::function<plan(const plan&, const group&)>;

  /// @param revert  What a plan becomes when a group is reverted.
  plan_variants(plan start, std::vector<group> groups, revert_function revert)
      : groups_(std::move(groups)), revert_(std::move(revert)) {
    made_.emplace(group_set{}, std::move(start));
  }

  [[nodiscard]] auto groups() const noexcept -> const std::vector<group>& { return groups_; }

  /// All groups.
  [[nodiscard]] auto everything() const -> group_set {
    group_set result;
    for (std::size_t g = 0; g != groups_.size(); ++g) {
      result.push_back(g);
    }
    return result;
  }

  /// Those that are not in `reverted`.
  [[nodiscard]] auto quantized(const group_set& reverted) const -> group_set {
    group_set result;
    std::ranges::set_difference(everything(), reverted, std::back_inserter(result));
    return result;
  }

  /// The plan in which these groups are reverted. Plans share what they have in common.
  [[nodiscard]] auto of(const group_set& reverted) -> const plan& {
    const auto found = made_.find(reverted);
    if (found != made_.end()) {
      return found->second;
    }
    group_set before = reverted;
    before.pop_back();
    plan made = revert_(of(before), groups_.at(reverted.back()));
    return made_.emplace(reverted, std::move(made)).first->second;
  }

  /// The operations of these groups, in the order of the groups.
  [[nodiscard]] auto operations_of(const group_set& set) const -> std::vector<std::string> {
    std::vector<std::string> result;
    for (const std::size_t g : set) {
      const auto& names = groups_.at(g).operations;
      result.insert(result.end(), names.begin(), names.end());
    }
    return result;
  }

private:
  std::vector<group> groups_;
  revert_function revert_;
  std::map<group_set, plan> made_{};
};

} // namespace ptq
