// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/preset/presets.hpp>

#include <concepts>
#include <optional>

namespace ptq::detail {

/// The algorithm with the preset `mixed` in place of `performance`; none for any other.
template <class Base>
struct mixed_preset {
  static constexpr bool possible = false;
};

/// A user's own says which: an optional algorithm, empty if its preset is another.
template <class Base>
  requires requires(const Base& base) {
    { base.with_mixed_preset().has_value() } -> std::convertible_to<bool>;
  }
struct mixed_preset<Base> {
  static constexpr bool possible = true;

  static auto of(const Base& base) { return base.with_mixed_preset(); }
};

template <class Device, class Ranges, class Schemes, class Corrections>
struct mixed_preset<
    default_quantization<preset::performance, Device, Ranges, Schemes, Corrections>> {
  static constexpr bool possible = true;
  using before = default_quantization<preset::performance, Device, Ranges, Schemes, Corrections>;
  using after = default_quantization<preset::mixed, Device, Ranges, Schemes, Corrections>;

  /// Empty if the user's modes are not those of `performance`.
  static auto of(const before& base) -> std::optional<after> {
    const auto is = [](const tensor_options& of, mode wanted) {
      return of.mode && *of.mode == wanted;
    };
    if (is(base.weights, asymmetric) || is(base.activations, asymmetric)) {
      return std::nullopt;
    }
    after result{
        .stat_subset_size = base.stat_subset_size,
        .weights = base.weights,
        .activations = base.activations,
        .preset = {},
        .device = base.device,
        .ranges = base.ranges,
        .schemes = base.schemes,
        .corrections = base.corrections,
        .ignored = base.ignored,
        .model_type = base.model_type,
        .where = base.where,
        .patterns = base.patterns,
        .operations = base.operations
    };
    if (result.activations.mode) {
      result.activations.mode = asymmetric;
    }
    return result;
  }
};

} // namespace ptq::detail
