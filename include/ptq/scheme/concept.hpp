// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/core/detail/check_options.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/value_range.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace ptq {

namespace detail {

/// A limit of a grid as binary32: finite, though the arithmetic went beyond the largest float.
[[nodiscard]] inline auto limit_of(double value) -> float {
  constexpr auto most = static_cast<double>(std::numeric_limits<float>::max());
  return static_cast<float>(std::clamp(value, -most, most));
}

} // namespace detail

/// For what a scheme makes grids.
struct scheme_request {
  tensor_kind kind = tensor_kind::activations;
  int bits = 8;
  std::int64_t levels = 256;
  bool has_negative = true;        ///< Was any value of the tensor below zero in any sample?
  bool is_signed = false;          ///< Has the grid both signs, whatever the values were?
  bool unified_zero_point = false; ///< Of asymmetric weights: one zero point for all channels.

  friend constexpr auto operator==(const scheme_request&, const scheme_request&) -> bool = default;
};

/// Turns the ranges of a tensor's channels, or the one range of a tensor, into as many grids:
/// `grids(std::span<const value_range<float>>, const scheme_request&) const -> std::vector<grid>`.
///
/// @par Laws
/// One grid for each range, with `levels` as requested; the limits are finite and `in_low <=
/// in_high`, whatever finite ranges come in.
template <class S>
concept quantization_scheme =
    std::regular<S> &&
    requires(
        const S& policy, std::span<const value_range<float>> ranges, const scheme_request& request
    ) {
      { policy.grids(ranges, request) } -> std::same_as<std::vector<grid>>;
    };

/// Is `quantization_scheme<S>`, but fails to compile with a sentence.
template <class S>
consteval auto explain_quantization_scheme() -> bool {
  static_assert(
      std::regular<S>,
      "a scheme is a regular value: default constructible, copyable and equality comparable"
  );
  static_assert(
      quantization_scheme<S>,
      "a scheme provides `grids(std::span<const ptq::value_range<float>>, const "
      "ptq::scheme_request&) const -> std::vector<ptq::grid>`"
  );
  return quantization_scheme<S>;
}

/// When quantizers that must have one range get it.
enum class unification : std::uint8_t {
  of_grids,  ///< Last, as in POT: the least and the greatest limit of their grids.
  of_ranges, ///< First: one grid is made for the least and the greatest end of their ranges.
};

/// Which scheme makes the symmetric grids and which the asymmetric ones.
template <class Symmetric, class Asymmetric>
struct schemes {
  static_assert(explain_quantization_scheme<Symmetric>());
  static_assert(explain_quantization_scheme<Asymmetric>());

  Symmetric symmetric{};
  Asymmetric asymmetric{};
  ptq::unification unification = ptq::unification::of_grids;

  [[nodiscard]] auto grids(
      mode wanted, std::span<const value_range<float>> ranges, const scheme_request& request
  ) const -> std::vector<grid> {
    return wanted == mode::symmetric ? symmetric.grids(ranges, request)
                                     : asymmetric.grids(ranges, request);
  }

  void check_options() const {
    detail::check_options_of(symmetric);
    detail::check_options_of(asymmetric);
  }

  friend auto operator==(const schemes&, const schemes&) -> bool = default;
};

/// Makes the grids of either mode: `grids(mode, ranges, request) const -> std::vector<grid>`.
template <class S>
concept scheme_policy = std::regular<S> && requires(
                                               const S& policy,
                                               mode wanted,
                                               std::span<const value_range<float>> ranges,
                                               const scheme_request& request
                                           ) {
  { policy.grids(wanted, ranges, request) } -> std::same_as<std::vector<grid>>;
};

/// Is `scheme_policy<S>`, but fails to compile with a sentence.
template <class S>
consteval auto explain_scheme_policy() -> bool {
  static_assert(
      scheme_policy<S>,
      "the schemes of an algorithm are ptq::schemes<Symmetric, Asymmetric>: one scheme for each "
      "mode"
  );
  return scheme_policy<S>;
}

} // namespace ptq
