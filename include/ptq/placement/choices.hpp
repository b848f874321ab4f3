// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/device/table.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ptq {

/// The codes of a choice: from `low` to `high`, both included.
struct code_range {
  std::int64_t low = 0;
  std::int64_t high = 0;

  friend constexpr auto operator==(const code_range&, const code_range&) -> bool = default;
};

/// The codes of a choice: explicit ones, or those that follow from its bits. Symmetric weights
/// leave out the least, so that the codes are symmetric, too.
[[nodiscard]] constexpr auto codes_of(tensor_kind kind, const quantization_choice& choice)
    -> code_range {
  const std::int64_t half = (std::int64_t{1} << choice.bits) / 2;
  const bool narrow = kind == tensor_kind::weights && choice.mode == symmetric;
  return {
      choice.level_low.value_or(narrow ? 1 - half : -half), choice.level_high.value_or(half - 1)
  };
}

/// How many codes a choice has.
/// @see POT, `levels` of FakeQuantize
[[nodiscard]] constexpr auto levels_of(tensor_kind kind, const quantization_choice& choice)
    -> std::int64_t {
  const code_range codes = codes_of(kind, choice);
  const auto magnitude = [](std::int64_t code) { return code < 0 ? -code : code; };
  return magnitude(codes.low) + magnitude(codes.high) + 1;
}

/// Are the codes signed whatever the values are? Otherwise the values decide.
[[nodiscard]] constexpr auto is_signed(const quantization_choice& choice) -> bool {
  return choice.level_low && choice.level_high && *choice.level_low < 0;
}

/// What the user wants of weights or activations, whatever the device would choose. What is left
/// empty is the device's to choose.
struct tensor_options {
  std::optional<int> bits{};
  std::optional<ptq::mode> mode{};
  std::optional<ptq::granularity> granularity{};
  std::optional<std::int64_t> level_low{}; ///< The least code. Explicit codes fix the sign.
  std::optional<std::int64_t> level_high{};

  friend auto operator==(const tensor_options&, const tensor_options&) -> bool = default;
};

/// What is wanted of one operation, over what is wanted of all.
[[nodiscard]] inline auto over(const tensor_options& all, const tensor_options& one)
    -> tensor_options {
  return {
      .bits = one.bits ? one.bits : all.bits,
      .mode = one.mode ? one.mode : all.mode,
      .granularity = one.granularity ? one.granularity : all.granularity,
      .level_low = one.level_low ? one.level_low : all.level_low,
      .level_high = one.level_high ? one.level_high : all.level_high
  };
}

using choice_list = std::vector<quantization_choice>;

/// The choices that agree with what the user wants; if there are none, the device's choices with
/// the user's wishes put in.
[[nodiscard]] inline auto with_options(
    std::span<const quantization_choice> offered,
    const tensor_options& wanted,
    tensor_kind kind = tensor_kind::activations
) -> choice_list {
  const auto agrees = [&](const quantization_choice& choice) {
    const code_range codes = codes_of(kind, choice);
    return choice.bits == wanted.bits.value_or(choice.bits) &&
           choice.mode == wanted.mode.value_or(choice.mode) &&
           choice.granularity == wanted.granularity.value_or(choice.granularity) &&
           codes.low == wanted.level_low.value_or(codes.low) &&
           codes.high == wanted.level_high.value_or(codes.high);
  };
  const auto put_in = [&](quantization_choice choice) {
    if (wanted.bits.value_or(choice.bits) != choice.bits ||
        wanted.mode.value_or(choice.mode) != choice.mode) {
      choice.level_low.reset();
      choice.level_high.reset();
    }
    choice.bits = wanted.bits.value_or(choice.bits);
    choice.mode = wanted.mode.value_or(choice.mode);
    choice.granularity = wanted.granularity.value_or(choice.granularity);
    choice.unified_zero_point =
        choice.unified_zero_point && choice.mode == asymmetric && choice.granularity == per_channel;
    if (wanted.level_low || wanted.level_high) {
      const code_range codes = codes_of(kind, choice);
      choice.level_low = wanted.level_low.value_or(codes.low);
      choice.level_high = wanted.level_high.value_or(codes.high);
    }
    return choice;
  };
  choice_list result;
  const bool any_agrees = std::ranges::any_of(offered, agrees);
  for (const quantization_choice& choice : offered) {
    // Where the codes agree, explicit ones still fix the sign.
    const quantization_choice taken = put_in(choice);
    if ((!any_agrees || agrees(choice)) &&
        (any_agrees || std::ranges::find(result, taken) == result.end())) {
      result.push_back(taken);
    }
  }
  return result;
}

namespace detail {

inline auto matching(const choice_list& left, const choice_list& right, int primary_bits)
    -> choice_list {
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
    const auto weaker = [item](mode how, granularity of) {
      quantization_choice copy = *item;
      copy.mode = how;
      copy.granularity = of;
      copy.unified_zero_point = false;
      return copy;
    };
    if (item->granularity == per_channel) {
      put_first(weaker(item->mode, per_tensor));
    }
    if (item->mode == asymmetric) {
      put_first(weaker(symmetric, item->granularity));
    }
    if (item->granularity == per_channel && item->mode == asymmetric) {
      put_first(weaker(symmetric, per_tensor));
    }
  }
  return result;
}

} // namespace detail

/// The choices that two consumers of one tensor have in common, in the order of `left`; where there
/// are none, what per channel implies per tensor and asymmetric implies symmetric. Empty only if
/// one of the lists is.
/// @param primary_bits  Preferred where the two differ in their bits; then fewer are.
/// @see POT, intersection of quantization configurations
[[nodiscard]] inline auto
common_choices(const choice_list& left, const choice_list& right, int primary_bits = 8)
    -> choice_list {
  choice_list result = detail::matching(left, right, primary_bits);
  return result.empty()
             ? detail::matching(detail::extended(left), detail::extended(right), primary_bits)
             : result;
}

} // namespace ptq
