// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "draft.hpp"

namespace engine::detail {

/// Hands out the attributes of one node, remembers which were asked for, and knows the constants
/// at its inputs.
class node_reader {
public:
  node_reader(
      const draft_node& of, std::int64_t opset, const std::vector<const constant_value*>& constants
  )
      : of_(of), opset_(opset), constants_(constants), left_(of.attributes) {}

  [[noreturn]] void fail(const std::string& problem) const {
    throw error("node '" + of_.name + "' (" + of_.op_type + "): " + problem);
  }

  [[nodiscard]] auto opset() const -> std::int64_t { return opset_; }

  template <class T>
  [[nodiscard]] auto take(const char* name) -> std::optional<T> {
    const auto found = left_.find(name);
    if (found == left_.end()) {
      return std::nullopt;
    }
    auto* value = std::get_if<T>(&found->second);
    if (value == nullptr) {
      fail("attribute '" + std::string(name) + "' has the wrong type");
    }
    std::optional<T> result = std::move(*value);
    left_.erase(found);
    return result;
  }

  auto integer(const char* name, std::int64_t otherwise) -> std::int64_t {
    return take<std::int64_t>(name).value_or(otherwise);
  }

  auto flag(const char* name, bool otherwise) -> bool {
    const auto value = integer(name, otherwise ? 1 : 0);
    if (value != 0 && value != 1) {
      fail("attribute '" + std::string(name) + "' is neither 0 nor 1");
    }
    return value == 1;
  }

  auto number(const char* name, float otherwise) -> float {
    return take<float>(name).value_or(otherwise);
  }

  /// A list of `Count` numbers between `least` and 2^20.
  template <std::size_t Count>
  auto sizes(const char* name, std::size_t otherwise, std::int64_t least)
      -> std::array<std::size_t, Count> {
    std::array<std::size_t, Count> result{};
    result.fill(otherwise);
    const auto list = take<std::vector<std::int64_t>>(name);
    if (!list) {
      return result;
    }
    if (list->size() != Count) {
      fail(
          "attribute '" + std::string(name) + "' has " + std::to_string(list->size()) +
          " numbers where two spatial axes need " + std::to_string(Count)
      );
    }
    for (std::size_t i = 0; i != Count; ++i) {
      if ((*list)[i] < least || (*list)[i] > (std::int64_t{1} << 20U)) {
        fail("attribute '" + std::string(name) + "' holds " + std::to_string((*list)[i]));
      }
      result[i] = static_cast<std::size_t>((*list)[i]);
    }
    return result;
  }

  void finish() const {
    if (!left_.empty()) {
      fail("attribute '" + left_.begin()->first + "' is not supported");
    }
  }

  [[nodiscard]] auto has_input(std::size_t index) const -> bool {
    return index < of_.inputs.size() && !of_.inputs[index].empty();
  }

  /// A list of integers at an input; empty if nothing is connected there.
  [[nodiscard]] auto integers_at(std::size_t index, const char* what) const
      -> std::optional<std::vector<std::int64_t>> {
    if (!has_input(index)) {
      return std::nullopt;
    }
    const auto& values = constant<integer_tensor>(index, what);
    if (values.dimension() > 1 || values.size() > most_listed) {
      fail(std::string(what) + " is no list of at most 1024 numbers");
    }
    return std::vector<std::int64_t>(values.data(), values.data() + values.size());
  }

  /// A list that is an attribute before operator set `moved`, and an input from then on.
  [[nodiscard]] auto
  list(const char* attribute, std::size_t input, std::int64_t moved, const char* what)
      -> std::optional<std::vector<std::int64_t>> {
    return opset_ < moved ? take<std::vector<std::int64_t>>(attribute) : integers_at(input, what);
  }

  template <class T>
  [[nodiscard]] auto constant(std::size_t index, const char* what) const -> const T& {
    const constant_value* value = index < constants_.size() ? constants_[index] : nullptr;
    if (value == nullptr) {
      fail(std::string(what) + " must be a constant");
    }
    const T* result = std::get_if<T>(value);
    if (result == nullptr) {
      fail(std::string(what) + " has the wrong element type");
    }
    return *result;
  }

  [[nodiscard]] auto output_count() const -> std::size_t { return of_.outputs.size(); }

  [[nodiscard]] auto input_count() const -> std::size_t {
    return std::max<std::size_t>(of_.inputs.size(), 1);
  }

  void arity(std::size_t least, std::size_t most) const {
    const std::size_t count = of_.inputs.size();
    bool complete = count >= least && count <= most;
    for (std::size_t i = 0; complete && i != least; ++i) {
      complete = has_input(i);
    }
    if (!complete) {
      fail(
          std::to_string(count) + " inputs, " + std::to_string(least) +
          (least == most ? "" : " to " + std::to_string(most)) + " are needed"
      );
    }
  }

private:
  static constexpr std::size_t most_listed = 1024;

  const draft_node& of_;
  std::int64_t opset_;
  const std::vector<const constant_value*>& constants_;
  std::map<std::string, attribute_value> left_;
};

/// The numbers of a Slice, from attributes or from inputs.
[[nodiscard]] auto read_slice_form(node_reader& from) -> slice_form;

} // namespace engine::detail
