// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/range/aggregate.hpp>
#include <ptq/range/ends.hpp>
#include <ptq/range/extremes.hpp>
#include <ptq/range/hodges_lehmann.hpp>
#include <ptq/range/median.hpp>
#include <ptq/range/no_outliers.hpp>
#include <ptq/range/one_of.hpp>
#include <ptq/range/quantile.hpp>
#include <ptq/range/quantile_ranges.hpp>
#include <ptq/range/ranges.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace ptq {

/// One end of a range, chosen at run time.
struct tuned_end {
  using estimators = one_of<min, max, abs_max, quantile, abs_quantile>;
  using aggregators = one_of<
      aggregate::mean,
      aggregate::max,
      aggregate::min,
      aggregate::median,
      aggregate::mean_no_outliers,
      aggregate::median_no_outliers,
      aggregate::hl_estimator>;

  estimators estimator{};
  aggregators aggregator{}; ///< Of activations; weights have no samples.

  friend auto operator==(const tuned_end&, const tuned_end&) -> bool = default;
};

/// Both ends of a range, chosen at run time.
struct tuned_ends {
  tuned_end low{min{}, aggregate::min{}};
  tuned_end high{max{}, aggregate::max{}};
  bool by_quantiles = false; ///< As `quantile_ranges` has them, whatever the ends are.

  friend auto operator==(const tuned_ends&, const tuned_ends&) -> bool = default;
};

/// Which ends replace those of an algorithm; empty: none.
struct tuned_kinds {
  std::optional<tuned_ends> weights{};
  std::optional<tuned_ends> activations{};

  friend auto operator==(const tuned_kinds&, const tuned_kinds&) -> bool = default;
};

namespace detail {

template <class Ranges>
inline constexpr bool estimates_before_rules =
    requires { requires Ranges::estimates_before_rules; };

} // namespace detail

/// Ranges as a policy has them, but for what is replaced at run time: for all tensors, or for those
/// that single operations read.
///
/// An end that is replaced keeps the granularity that it has by default.
template <class Own>
struct tuned_ranges {
  static constexpr bool estimates_before_rules = detail::estimates_before_rules<Own>;

  Own own{};
  tuned_kinds replaced{};
  std::map<std::string, tuned_kinds> operations{}; ///< By name; what is empty is as for all.

  using side = range_side<tuned_end::estimators, tuned_end::aggregators>;
  using replaced_weights = ends<tuned_end::estimators, tuned_end::estimators>;
  using replaced_sides = range_sides<side, side>;

  [[nodiscard]] auto of_weights(mode wanted) const {
    using usual = std::remove_cvref_t<decltype(own.of_weights(wanted))>;
    using choice = detail::distinct_variant<usual, replaced_weights>;
    if (!replaced.weights) {
      return choice(own.of_weights(wanted));
    }
    return choice(
        replaced_weights{replaced.weights->low.estimator, replaced.weights->high.estimator}
    );
  }

  [[nodiscard]] auto of_activations(mode wanted, granularity of) const {
    using usual = std::remove_cvref_t<decltype(own.of_activations(wanted, of))>;
    using choice = detail::distinct_variant<usual, replaced_sides>;
    if (!replaced.activations) {
      return choice(own.of_activations(wanted, of));
    }
    const auto by_default = quantile_ranges{}.of_activations(wanted, of);
    const auto [low, high, by_quantiles] = *replaced.activations;
    if (by_quantiles) {
      return choice(replaced_sides{usual_side(by_default.low), usual_side(by_default.high)});
    }
    return choice(replaced_sides{
        {low.estimator, low.aggregator, by_default.low.granularity},
        {high.estimator, high.aggregator, by_default.high.granularity}
    });
  }

  /// The ranges of the tensors that an operation reads.
  [[nodiscard]] auto for_operation(std::string_view name) const -> tuned_ranges {
    tuned_ranges result{.own = own, .replaced = replaced, .operations = {}};
    const auto found = operations.find(std::string(name));
    if (found != operations.end()) {
      const auto& [weights, activations] = found->second;
      result.replaced.weights = weights ? weights : result.replaced.weights;
      result.replaced.activations = activations ? activations : result.replaced.activations;
    }
    return result;
  }

  [[nodiscard]] auto clipping_of(tensor_kind kind) const
    requires requires(const Own& policy) { policy.clipping_of(kind); }
  {
    return own.clipping_of(kind);
  }

  [[nodiscard]] auto clips() const
    requires requires(const Own& policy) { policy.clips(); }
  {
    return own.clips();
  }

  void check_options() const {
    detail::check_options_of(own);
    check(replaced);
    for (const auto& [name, each] : operations) {
      check(each);
    }
  }

  friend auto operator==(const tuned_ranges&, const tuned_ranges&) -> bool = default;

private:
  template <class Wider, class... Policies>
  static auto widened(const one_of<Policies...>& policy) -> Wider {
    return std::visit([](const auto& chosen) -> Wider { return chosen; }, policy.chosen());
  }

  template <class Side>
  static auto usual_side(const Side& of) -> side {
    return {
        widened<tuned_end::estimators>(of.estimator),
        widened<tuned_end::aggregators>(of.aggregator),
        of.granularity
    };
  }

  static void check(const tuned_kinds& of) {
    for (const std::optional<tuned_ends>* kind : {&of.weights, &of.activations}) {
      if (*kind) {
        (*kind)->low.estimator.check_options();
        (*kind)->high.estimator.check_options();
      }
    }
  }
};

} // namespace ptq
