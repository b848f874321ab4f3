// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>

#include <concepts>

namespace ptq {

/// Picks among what a device offers: `prefers_accuracy(tensor_kind) const -> bool` takes the last
/// choice where true, the first where false.
template <class P>
concept quantization_preset = std::regular<P> && requires(const P& preset, tensor_kind kind) {
  { preset.prefers_accuracy(kind) } -> std::convertible_to<bool>;
};

/// Is `quantization_preset<P>`, but fails to compile with a sentence.
template <class P>
consteval auto explain_quantization_preset() -> bool {
  static_assert(
      quantization_preset<P>,
      "a preset is a regular value with `prefers_accuracy(ptq::tensor_kind) const -> bool`: "
      "ptq::preset::performance, mixed or accuracy"
  );
  return quantization_preset<P>;
}

namespace preset {

/// Symmetric weights and activations.
struct performance {
  [[nodiscard]] constexpr auto prefers_accuracy(tensor_kind) const -> bool { return false; }

  friend constexpr auto operator==(const performance&, const performance&) -> bool = default;
};

/// Symmetric weights, asymmetric activations.
struct mixed {
  [[nodiscard]] constexpr auto prefers_accuracy(tensor_kind kind) const -> bool {
    return kind == tensor_kind::activations;
  }

  friend constexpr auto operator==(const mixed&, const mixed&) -> bool = default;
};

/// Asymmetric weights and activations.
struct accuracy {
  [[nodiscard]] constexpr auto prefers_accuracy(tensor_kind) const -> bool { return true; }

  friend constexpr auto operator==(const accuracy&, const accuracy&) -> bool = default;
};

} // namespace preset

} // namespace ptq
