// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ptq {

/// An axis of choice, as a search over configurations sees it. Choice 0 leaves an algorithm as it
/// is.
struct search_axis {
  std::string name{};
  std::vector<std::string> choices{}; ///< At least one.
  bool ordered = false;               ///< Are neighbouring choices alike, as bits are?
  std::size_t stage = 0;              ///< For searches that change one axis at a time.

  friend auto operator==(const search_axis&, const search_axis&) -> bool = default;
};

/// The index of a choice on each axis.
using configuration = std::vector<std::size_t>;

/// How good a configuration is: compared member by member, the less the better.
struct tuning_score {
  double excess = 0.0; ///< `worst_excess` over the limits; 0 within them, or where none counts.
  double cost = 0.0;   ///< The user's; 0 without.
  double drop = 0.0;   ///< The largest of the metrics, each as a share of its baseline.
  double finer = 0.0;  ///< By a continuous metric of the same measurement; 0 without.

  friend auto operator<=>(const tuning_score&, const tuning_score&) = default;
};

/// A configuration that was measured.
struct trial {
  configuration at{};
  tuning_score score{};
  std::uint64_t plan = 0; ///< The `fingerprint` of its plan.

  friend auto operator==(const trial&, const trial&) -> bool = default;
};

/// The first of the best. @pre not empty
[[nodiscard]] inline auto best_trial(std::span<const trial> of) -> const trial& {
  return *std::ranges::min_element(of, std::less{}, &trial::score);
}

/// Configurations of an algorithm, and the plan of each.
struct plan_space {
  std::vector<search_axis> axes{};
  std::function<plan(const configuration&)> plan_of{};

  /// The algorithm as it is.
  [[nodiscard]] auto start() const -> configuration { return configuration(axes.size()); }

  /// What a configuration changes: `weights.bits 4, bias_correction full`.
  [[nodiscard]] auto text_of(const configuration& at) const -> std::string {
    std::string result;
    for (std::size_t a = 0; a != axes.size(); ++a) {
      if (at.at(a) != 0) {
        result += (result.empty() ? "" : ", ") + axes[a].name + " " + axes[a].choices.at(at[a]);
      }
    }
    return result.empty() ? "as given" : result;
  }
};

/// How many configurations there are; the largest number if there are more than that.
[[nodiscard]] inline auto configurations_of(std::span<const search_axis> axes) -> std::size_t {
  std::size_t result = 1;
  for (const search_axis& each : axes) {
    const std::size_t most = std::numeric_limits<std::size_t>::max() / each.choices.size();
    result = result > most ? std::numeric_limits<std::size_t>::max() : result * each.choices.size();
  }
  return result;
}

/// @throws error for a configuration that is none of these axes.
inline void check_configuration(std::span<const search_axis> axes, const configuration& at) {
  if (at.size() != axes.size()) {
    throw error(
        "a configuration of " + std::to_string(at.size()) + " choices for " +
        std::to_string(axes.size()) + " axes"
    );
  }
  for (std::size_t a = 0; a != axes.size(); ++a) {
    if (at[a] >= axes[a].choices.size()) {
      throw error(
          "choice " + std::to_string(at[a]) + " of " + std::to_string(axes[a].choices.size()),
          axes[a].name
      );
    }
  }
}

namespace detail {

template <class S>
concept suggests_configurations =
    requires(const S& policy, std::span<const search_axis> axes, std::span<const trial> so_far) {
      { policy.suggest(axes, so_far) } -> std::convertible_to<std::optional<configuration>>;
    };

/// Was it measured?
inline auto was_tried(std::span<const trial> so_far, const configuration& at) -> bool {
  return std::ranges::find(so_far, at, &trial::at) != so_far.end();
}

} // namespace detail

/// Chooses which configuration to measure next: `suggest(std::span<const ptq::search_axis>,
/// std::span<const ptq::trial>) const -> std::optional<ptq::configuration>`, empty to end.
///
/// @par Laws
/// - The same axes and trials give the same answer, on every machine: whatever it draws follows
///   from a seed and the trials.
/// - It ends: no configuration is suggested twice.
template <class S>
concept configuration_search = std::copy_constructible<S> && detail::suggests_configurations<S>;

/// Is `configuration_search<S>`, but fails to compile with a sentence.
template <class S>
consteval auto explain_configuration_search() -> bool {
  static_assert(
      detail::suggests_configurations<S>,
      "a search over configurations provides `suggest(std::span<const ptq::search_axis>, "
      "std::span<const ptq::trial>) const -> std::optional<ptq::configuration>`"
  );
  static_assert(std::copy_constructible<S>, "a search over configurations can be copied");
  return configuration_search<S>;
}

} // namespace ptq
