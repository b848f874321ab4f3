// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/device/table.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace ptq {

/// What the user wants of weights or activations, whatever the device would choose. What is left
/// empty is the device's to choose.
struct tensor_options {
  std::optional<int> bits{};
  std::optional<ptq::mode> mode{};
  std::optional<ptq::granularity> granularity{};

  friend auto operator==(const tensor_options&, const tensor_options&) -> bool = default;
};

using choice_list = std::vector<quantization_choice>;

/// The choices that agree with what the user wants; if there are none, the device's choices with
/// the user's wishes put in.
[[nodiscard]] inline auto
with_options(std::span<const quantization_choice> offered, const tensor_options& wanted)
    -> choice_list {
  const auto agrees = [&wanted](const quantization_choice& choice) {
    return choice.bits == wanted.bits.value_or(choice.bits) &&
           choice.mode == wanted.mode.value_or(choice.mode) &&
           choice.granularity == wanted.granularity.value_or(choice.granularity);
  };
  choice_list result;
  std::ranges::copy_if(offered, std::back_inserter(result), agrees);
  if (!result.empty()) {
    return result;
  }
  for (quantization_choice choice : offered) {
    choice.bits = wanted.bits.value_or(choice.bits);
    choice.mode = wanted.mode.value_or(choice.mode);
    choice.granularity = wanted.granularity.value_or(choice.granularity);
    if (std::ranges::find(result, choice) == result.end()) {
      result.push_back(choice);
    }
  }
  return result;
}

namespace detail {

inline constexpr int primary_bits = 8;

inline auto matching(const choice_list& left, const choice_list& right) -> choice_list {
  choice_list result;
  auto start = right.begin();
  for (const quantization_choice& mine : left) {
    const auto found = std::find_if(start, right.end(), [&mine](const quantization_choice& other) {
      return other.mode == mine.mode && other.granularity == mine.granularity;
    });
    if (found == right.end()) {
      continue;
    }
    start = found;
    const bool keep_mine =
        mine.bits == primary_bits || (found->bits != primary_bits && mine.bits <= found->bits);
    result.push_back(keep_mine ? mine : *found);
  }
  return result;
}

// Each choice brings the weaker ones that it implies: what can be had per channel can be had per
// tensor, what can be had asymmetric can be had symmetric.
inline auto extended(const choice_list& list) -> choice_list {
  choice_list result;
  const auto put_first = [&result](const quantization_choice& choice) {
    if (std::ranges::find(result, choice) == result.end()) {
      result.insert(result.begin(), choice);
    }
  };
  for (auto item = list.rbegin(); item != list.rend(); ++item) {
    put_first(*item);
    if (item->granularity == per_channel) {
      put_first({item->bits, item->mode, per_tensor});
    }
    if (item->mode == asymmetric) {
      put_first({item->bits, symmetric, item->granularity});
    }
    if (item->granularity == per_channel && item->mode == asymmetric) {
      put_first({item->bits, symmetric, per_tensor});
    }
  }
  return result;
}

} // namespace detail

/// The choices that two consumers of one tensor have in common, in the order of `left`; where there
/// are none, what per channel implies per tensor and asymmetric implies symmetric. Empty only if
/// one of the lists is.
/// @see POT, intersection of quantization configurations
[[nodiscard]] inline auto common_choices(const choice_list& left, const choice_list& right)
    -> choice_list {
  choice_list result = detail::matching(left, right);
  return result.empty() ? detail::matching(detail::extended(left), detail::extended(right))
                        : result;
}

} // namespace ptq
