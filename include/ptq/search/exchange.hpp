// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/search/closing.hpp>
#include <ptq/search/context.hpp>
#include <ptq/search/detail/additive_drops.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace ptq::search {

/// Tries to quantize each reverted group again; then tries other sets of groups that revert fewer
/// operations, the one of which a model of the drops promises most first.
///
/// @par Definition The model: the square root of a plan's drop is the sum of a share of each group
/// that is quantized. It is fitted to what was seen of all candidates so far, the nearest to the
/// limit counting most.
/// @par Complexity A candidate for each group that is reverted, then `tries` behind the last set
/// that fits.
struct exchange {
  /// Sets of one group fewer that do not fit, after which it ends; half as many where each is
  /// measured on all samples.
  std::size_t tries = 6;

  [[nodiscard]] auto
  operator()(search_context& in, const group_set& ranked, group_set reverted) const -> group_set {
    reverted = in.fewer(requantize{}(in, ranked, std::move(reverted)));
    const std::size_t most = in.stops_early() ? tries : (tries + 1) / 2;
    while (reverted.size() > 1 && failed(in, reverted) < most) {
      const std::optional<group_set> next =
          detail::additive_drops(in).promising(in, reverted.size() - 1, reverted);
      if (!next) {
        break;
      }
      if (in.judge(*next).fits) {
        in.decide("exchanged", "fewer operations hold the accuracy");
        reverted = *next;
      }
    }
    return reverted;
  }

  friend constexpr auto operator==(const exchange&, const exchange&) -> bool = default;

private:
  /// How many sets of one group fewer do not fit, beside those that the closing pass tries. Counted
  /// from what is known, so that a search that is called again does not begin anew.
  static auto failed(const search_context& in, const group_set& reverted) -> std::size_t {
    return static_cast<std::size_t>(std::ranges::count_if(in.verdicts(), [&](const auto& entry) {
      const auto& [set, known] = entry;
      return !known.fits && set.size() + 1 == reverted.size() &&
             !std::ranges::includes(reverted, set);
    }));
  }
};

} // namespace ptq::search
