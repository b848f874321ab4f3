// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/value_range.hpp>
#include <ptq/kernel/detail/quantile_kernel.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <xsimd/xsimd.hpp>

namespace ptq {

/// The greatest `wanted` of the values added, of which there may be any number.
///
/// What is not above `threshold()` cannot be among them, and need not be added.
/// @par Complexity
/// Memory for `2 wanted + 128` values.
template <class Arch = xsimd::default_arch>
class running_tail {
public:
  running_tail() = default;

  explicit running_tail(std::size_t wanted)
      : wanted_(wanted), threshold_(wanted == 0 ? infinity : -infinity) {}

  /// Values up to this one change nothing.
  [[nodiscard]] auto threshold() const noexcept -> float { return threshold_; }

  [[nodiscard]] auto wanted() const noexcept -> std::size_t { return wanted_; }

  /// @pre none is NaN
  void add(std::span<const float> values) {
    for (const float value : values) {
      if (value > threshold_) {
        kept_.push_back(value);
        if (kept_.size() == 2 * wanted_ + 128) {
          prune();
        }
      }
    }
  }

  /// The value with `rank` values above it, and the next greater one, which for rank 0 is the same.
  /// Minus infinity where fewer were added.
  /// @pre `rank < wanted()`
  [[nodiscard]] auto at(std::size_t rank) const -> value_range<float> {
    if (rank < kept_.size()) {
      return selected(rank);
    }
    return {threshold_, rank == kept_.size() && rank != 0 ? selected(rank - 1).low : threshold_};
  }

  friend auto operator==(const running_tail&, const running_tail&) -> bool = default;

private:
  static constexpr float infinity = std::numeric_limits<float>::infinity();

  [[nodiscard]] auto selected(std::size_t rank) const -> value_range<float> {
    std::vector<std::uint32_t> keys(kept_.size());
    std::ranges::transform(kept_, keys.begin(), [](float x) { return detail::key_of_float(x); });
    detail::ranked_keys found{};
    detail::rank_kernel{}(Arch{}, keys.data(), keys.size(), keys.size() - 1 - rank, found);
    return {detail::float_of_key(found.key), detail::float_of_key(found.next)};
  }

  void prune() {
    threshold_ = selected(wanted_ - 1).low;
    std::erase_if(kept_, [this](float value) { return !(value > threshold_); });
    kept_.resize(wanted_, threshold_);
  }

  std::size_t wanted_ = 0;
  float threshold_ = infinity;
  std::vector<float> kept_{};
};

} // namespace ptq
