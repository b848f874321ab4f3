// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/range/detail/natural_log.hpp>
#include <ptq/ranking/question.hpp>
#include <ptq/search/configuration.hpp>
#include <ptq/search/random.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace ptq::search {

/// A tree-structured Parzen estimator: draws configurations like those that were good, and takes of
/// them the one that is least like the others.
///
/// Of the trials so far a share is good. On each axis, good and other trials have a distribution of
/// choices, `(n(c) + prior_weight / k) / (n + prior_weight)` for k choices; on ordered axes a trial
/// counts half for the choices beside its own. Candidates are drawn from that of the good ones, and
/// the one with the largest sum over the axes of `log(good / other)` is suggested.
///
/// @par Determinism The same for the same seed and trials, on every machine.
/// @see Bergstra et al., Algorithms for Hyper-Parameter Optimization, 2011; POT, TPE optimizer
struct tpe {
  std::size_t max_trials = 200;    ///< Beside the algorithm as it is.
  std::size_t startup_trials = 10; ///< Drawn evenly before the first estimate.
  double gamma = 0.3;              ///< The share of good trials, of which there are up to 25.
  std::size_t candidates = 24;     ///< To draw for each suggestion. At least 1.
  std::uint64_t seed = 0;

  void check_options() const {
    if (!(gamma > 0.0) || gamma >= 1.0) {
      throw error("the share is above 0 and below 1", {}, "gamma");
    }
    if (candidates == 0) {
      throw error("at least one candidate is needed", {}, "candidates");
    }
  }

  [[nodiscard]] auto suggest(std::span<const search_axis> axes, std::span<const trial> so_far) const
      -> std::optional<configuration> {
    if (so_far.size() > max_trials) {
      return std::nullopt;
    }
    const random evenly{.max_trials = max_trials, .seed = seed};
    if (so_far.size() <= std::max<std::size_t>(startup_trials, 1)) {
      return evenly.suggest(axes, so_far);
    }
    std::vector<const trial*> sorted;
    for (const trial& each : so_far) {
      sorted.push_back(&each);
    }
    std::ranges::sort(sorted, [](const trial* a, const trial* b) {
      return a->score < b->score || (a->score == b->score && a < b);
    });
    const auto share =
        static_cast<std::size_t>(std::ceil(gamma * static_cast<double>(sorted.size())));
    const std::size_t good_count = std::clamp<std::size_t>(share, 1, 25);
    const std::span good(sorted.data(), good_count);
    const std::span other = std::span(sorted).subspan(good_count);
    std::vector<weights> likes;
    std::vector<weights> unlikes;
    for (std::size_t a = 0; a != axes.size(); ++a) {
      likes.push_back(weights_of(axes[a], good, a));
      unlikes.push_back(weights_of(axes[a], other, a));
    }
    std::optional<configuration> best;
    double most = 0.0;
    for (std::size_t draw = 0; draw != candidates; ++draw) {
      configuration at;
      double gain = 0.0;
      for (std::size_t a = 0; a != axes.size(); ++a) {
        const std::uint64_t index = (so_far.size() * candidates + draw) * axes.size() + a;
        const std::size_t chosen = likes[a].drawn_by(ranking::drawn(seed + 1, index));
        gain += ptq::detail::natural_log(likes[a].share_of(chosen)) -
                ptq::detail::natural_log(unlikes[a].share_of(chosen));
        at.push_back(chosen);
      }
      if ((!best || gain > most) && !ptq::detail::was_tried(so_far, at)) {
        best = std::move(at);
        most = gain;
      }
    }
    return best ? best : evenly.suggest(axes, so_far);
  }

  friend constexpr auto operator==(const tpe&, const tpe&) -> bool = default;

private:
  // Whole numbers, so that every machine draws the same.
  struct weights {
    std::vector<std::uint64_t> of_choice{};
    std::uint64_t total = 0;

    [[nodiscard]] auto drawn_by(std::uint64_t lot) const -> std::size_t {
      std::uint64_t left = lot % total;
      std::size_t choice = 0;
      while (left >= of_choice[choice]) {
        left -= of_choice[choice++];
      }
      return choice;
    }

    [[nodiscard]] auto share_of(std::size_t choice) const -> double {
      return static_cast<double>(of_choice[choice]) / static_cast<double>(total);
    }
  };

  /// In units of a half of a k-th of a trial.
  static auto weights_of(const search_axis& axis, std::span<const trial* const> of, std::size_t a)
      -> weights {
    const std::size_t k = axis.choices.size();
    weights result{.of_choice = std::vector<std::uint64_t>(k, 2)};
    for (const trial* const each : of) {
      const std::size_t chosen = each->at[a];
      result.of_choice[chosen] += 2 * k;
      if (axis.ordered && chosen != 0) {
        result.of_choice[chosen - 1] += k;
      }
      if (axis.ordered && chosen + 1 != k) {
        result.of_choice[chosen + 1] += k;
      }
    }
    for (const std::uint64_t weight : result.of_choice) {
      result.total += weight;
    }
    return result;
  }
};

} // namespace ptq::search
