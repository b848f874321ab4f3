// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/range/aggregate.hpp>
#include <ptq/range/concept.hpp>
#include <ptq/range/distribution.hpp>
#include <ptq/range/extremes.hpp>
#include <ptq/range/one_of.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <variant>

namespace ptq {

/// One side of an activation range: which number of each sample, and how the samples' numbers
/// become one.
template <class Estimator, class Aggregator>
struct range_side {
  static_assert(explain_range_estimator<Estimator>());
  static_assert(explain_aggregator<Aggregator>());

  Estimator estimator{};
  Aggregator aggregator{};
  ptq::granularity granularity = per_tensor;

  friend auto operator==(const range_side&, const range_side&) -> bool = default;
};

/// Both sides of an activation range.
template <class Low, class High>
struct range_sides {
  Low low{};
  High high{};

  friend auto operator==(const range_sides&, const range_sides&) -> bool = default;
};

namespace detail {

template <class P>
void check_options_if_any(const P& policy) {
  if constexpr (requires { policy.check_options(); }) {
    policy.check_options();
  }
}

/// Is it no estimator over all samples? Fails to compile with a sentence.
template <class Estimator>
consteval auto sees_one_sample() -> bool {
  if constexpr (distribution_estimator<Estimator> && !range_estimator<Estimator>) {
    static_assert(
        !distribution_estimator<Estimator>,
        "a distribution estimator gives both ends, of all samples at once: write "
        "ptq::for_activations<ptq::both<...>>, without an aggregator"
    );
    return true;
  } else {
    return explain_range_estimator<Estimator>();
  }
}

/// Can it make a range of a constant? Fails to compile with a sentence.
template <class Estimator>
consteval auto makes_a_range_of_weights() -> bool {
  if constexpr (distribution_estimator<Estimator> || constant_estimator<Estimator>) {
    return true;
  } else {
    return explain_range_estimator<Estimator>();
  }
}

/// Did someone name an aggregator where there is nothing to aggregate?
template <class...>
inline constexpr bool nothing = false;
template <>
inline constexpr bool nothing<> = true;

} // namespace detail

/// The lower side of the activations' range: the `low` of what `Estimator` yields.
template <class Estimator, class Aggregator = aggregate::mean>
struct low {
  static_assert(detail::sees_one_sample<Estimator>());
  static_assert(explain_aggregator<Aggregator>());

  Estimator estimator{};
  Aggregator aggregator{};

  friend auto operator==(const low&, const low&) -> bool = default;
};

/// The upper side of the activations' range: the `high` of what `Estimator` yields.
template <class Estimator, class Aggregator = aggregate::mean>
struct high {
  static_assert(detail::sees_one_sample<Estimator>());
  static_assert(explain_aggregator<Aggregator>());

  Estimator estimator{};
  Aggregator aggregator{};

  friend auto operator==(const high&, const high&) -> bool = default;
};

/// Both ends of the activations' range: what `Estimator` makes of all samples.
template <class Estimator, class... Aggregators>
struct both {
  static_assert(explain_distribution_estimator<Estimator>());
  static_assert(
      detail::nothing<Aggregators...>,
      "ptq::both<...> takes a distribution estimator alone: it sees all samples at once, and "
      "leaves "
      "nothing to aggregate"
  );

  Estimator estimator{};

  friend auto operator==(const both&, const both&) -> bool = default;
};

/// An estimator over all samples at work on a tensor, or on each channel.
template <class Estimator>
struct distribution_side {
  Estimator estimator{};
  ptq::granularity granularity = per_tensor;

  friend auto operator==(const distribution_side&, const distribution_side&) -> bool = default;
};

/// The weights' range: both sides of what `Estimator` yields over the constant.
template <class Estimator>
struct for_weights {
  static_assert(detail::makes_a_range_of_weights<Estimator>());

  Estimator estimator{};

  friend auto operator==(const for_weights&, const for_weights&) -> bool = default;
};

namespace detail {

template <class Side>
inline constexpr bool is_low = false;
template <class Estimator, class Aggregator>
inline constexpr bool is_low<low<Estimator, Aggregator>> = true;
template <class Side>
inline constexpr bool is_high = false;
template <class Estimator, class Aggregator>
inline constexpr bool is_high<high<Estimator, Aggregator>> = true;

} // namespace detail

/// The activations' range: a side each, or both at once.
template <class... Sides>
struct for_activations {
  static_assert(
      !detail::nothing<> || sizeof...(Sides) == static_cast<std::size_t>(-1),
      "for_activations takes a ptq::low<...> and a ptq::high<...>, in this order, or a "
      "ptq::both<...> alone"
  );
};

template <class Low, class High>
  requires(detail::is_low<Low> && detail::is_high<High>)
struct for_activations<Low, High> {
  Low low{};
  High high{};

  [[nodiscard]] auto sides(granularity wanted) const {
    using low_side = range_side<decltype(low.estimator), decltype(low.aggregator)>;
    using high_side = range_side<decltype(high.estimator), decltype(high.aggregator)>;
    return range_sides<low_side, high_side>{
        {low.estimator, low.aggregator, wanted},
        {high.estimator, high.aggregator, wanted},
    };
  }

  void check_options() const {
    detail::check_options_if_any(low.estimator);
    detail::check_options_if_any(low.aggregator);
    detail::check_options_if_any(high.estimator);
    detail::check_options_if_any(high.aggregator);
  }

  friend auto operator==(const for_activations&, const for_activations&) -> bool = default;
};

template <class Estimator>
struct for_activations<ptq::both<Estimator>> {
  ptq::both<Estimator> both{};

  [[nodiscard]] auto sides(granularity wanted) const -> distribution_side<Estimator> {
    return {both.estimator, wanted};
  }

  void check_options() const { detail::check_options_if_any(both.estimator); }

  friend auto operator==(const for_activations&, const for_activations&) -> bool = default;
};

namespace detail {

template <class Part>
inline constexpr bool is_for_weights = false;
template <class Estimator>
inline constexpr bool is_for_weights<for_weights<Estimator>> = true;
template <class Part>
inline constexpr bool is_for_activations = false;
template <class... Sides>
inline constexpr bool is_for_activations<for_activations<Sides...>> = true;

} // namespace detail

/// How ranges are estimated, the same for every mode and granularity.
template <
    class Weights = for_weights<abs_max>,
    class Activations = for_activations<low<min>, high<max>>>
struct ranges {
  static_assert(
      detail::is_for_weights<Weights> && detail::is_for_activations<Activations>,
      "ranges<...> takes for_weights<...> and for_activations<...>, in this order"
  );

  Weights weights{};
  Activations activations{};

  [[nodiscard]] auto of_weights(mode) const { return weights.estimator; }

  [[nodiscard]] auto of_activations(mode, granularity wanted) const {
    return activations.sides(wanted);
  }

  /// @throws error that names an option which no run could use.
  void check_options() const {
    detail::check_options_if_any(weights.estimator);
    activations.check_options();
  }

  friend auto operator==(const ranges&, const ranges&) -> bool = default;
};

/// POT's defaults, which depend on mode and granularity.
///
/// | mode | granularity | low | high |
/// |---|---|---|---|
/// | symmetric | per tensor | min of min | mean of abs_max |
/// | asymmetric | per tensor | mean of min | mean of max |
/// | symmetric | per channel | min of min, of the whole tensor | max of abs_max |
/// | asymmetric | per channel | min of min | max of max |
///
/// Weights: abs_max where symmetric, else min and max.
/// @see POT, range estimator preset `default`
struct default_ranges {
  /// Where a rule of transformers makes a tensor symmetric, POT has chosen its estimator before.
  static constexpr bool estimates_before_rules = true;

  /// The least and the greatest value.
  struct min_and_max {
    template <class T>
    [[nodiscard]] auto start() const -> extremes_estimation<T> {
      return {};
    }

    template <class T>
    [[nodiscard]] auto range(const extremes_estimation<T>& of) const -> value_range<T> {
      return {of.low, of.high};
    }

    [[nodiscard]] constexpr auto key() const -> std::string_view { return extremes_key; }

    friend constexpr auto operator==(const min_and_max&, const min_and_max&) -> bool = default;
  };

  using aggregators = one_of<aggregate::mean, aggregate::max, aggregate::min>;
  using weights_estimator = one_of<abs_max, min_and_max>;
  using low_side = range_side<min, aggregators>;
  using high_side = range_side<one_of<max, abs_max>, aggregators>;

  [[nodiscard]] auto of_weights(mode wanted) const -> weights_estimator {
    return wanted == symmetric ? weights_estimator(abs_max{}) : weights_estimator(min_and_max{});
  }

  [[nodiscard]] auto of_activations(mode wanted, granularity of) const
      -> range_sides<low_side, high_side> {
    const aggregators mean = aggregate::mean{};
    const aggregators least = aggregate::min{};
    const aggregators most = aggregate::max{};
    if (wanted == symmetric) {
      return {
          {{}, least, per_tensor},
          {abs_max{}, of == per_channel ? most : mean, of},
      };
    }
    return {
        {{}, of == per_channel ? least : mean, of},
        {max{}, of == per_channel ? most : mean, of},
    };
  }

  friend constexpr auto operator==(const default_ranges&, const default_ranges&) -> bool = default;
};

namespace detail {

template <class Sides>
concept aggregates_two_sides = requires(const Sides& sides) {
  requires range_estimator<std::remove_cvref_t<decltype(sides.low.estimator)>>;
  requires range_estimator<std::remove_cvref_t<decltype(sides.high.estimator)>>;
  requires aggregator<std::remove_cvref_t<decltype(sides.low.aggregator)>>;
  requires aggregator<std::remove_cvref_t<decltype(sides.high.aggregator)>>;
};

template <class Sides>
concept sees_all_samples = requires(const Sides& sides) {
  requires distribution_estimator<std::remove_cvref_t<decltype(sides.estimator)>>;
};

template <class Sides>
inline constexpr bool are_alternatives = false;

template <class Sides>
concept tells_ranges_of_sides =
    aggregates_two_sides<Sides> || sees_all_samples<Sides> || are_alternatives<Sides>;

template <class P>
concept estimates_weight_ranges =
    range_estimator<P> || distribution_estimator<P> || constant_estimator<P>;

/// Of a choice at run time: can each alternative do it?
template <class P>
inline constexpr bool is_choice = false;
template <class... P>
inline constexpr bool is_choice<std::variant<P...>> = true;
template <class P>
inline constexpr bool all_tell_ranges = false;
template <class... Sides>
inline constexpr bool all_tell_ranges<std::variant<Sides...>> =
    (tells_ranges_of_sides<Sides> && ...);
template <class P>
inline constexpr bool all_estimate_weights = false;
template <class... P>
inline constexpr bool all_estimate_weights<std::variant<P...>> =
    (estimates_weight_ranges<P> && ...);

template <class Sides>
concept tells_activation_ranges = tells_ranges_of_sides<Sides> || all_tell_ranges<Sides>;

template <class P>
concept tells_weight_ranges = estimates_weight_ranges<P> || all_estimate_weights<P>;

template <class... Policies>
inline constexpr bool wants_masses<std::variant<Policies...>> = (wants_masses<Policies> || ...);

} // namespace detail

/// Tells, for a mode and a granularity, which estimators to use: `of_weights(mode)` and
/// `of_activations(mode, granularity)`, which gives `range_sides<...>` or `distribution_side<...>`.
/// A choice at run time is a `std::variant` of what it chooses from.
template <class R>
concept range_policy = std::regular<R> && requires(const R& policy, mode wanted, granularity of) {
  requires detail::tells_weight_ranges<decltype(policy.of_weights(wanted))>;
  requires detail::tells_activation_ranges<decltype(policy.of_activations(wanted, of))>;
};

/// Is `range_policy<R>`, but fails to compile with a sentence.
template <class R>
consteval auto explain_range_policy() -> bool {
  static_assert(
      range_policy<R>,
      "the ranges of an algorithm are ptq::ranges<for_weights<...>, for_activations<...>>, "
      "ptq::default_ranges, or a regular type with `of_weights(mode)` and `of_activations(mode, "
      "granularity)` like theirs"
  );
  return range_policy<R>;
}

} // namespace ptq
