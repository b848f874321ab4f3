// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/algorithm/tuning_space.hpp>
#include <ptq/correction/exact_bias.hpp>
#include <ptq/correction/fast_bias.hpp>
#include <ptq/correction/full_bias.hpp>
#include <ptq/correction/sequential_bias.hpp>
#include <ptq/correction/verified_bias.hpp>
#include <ptq/range/one_of.hpp>
#include <ptq/range/tuned_ranges.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace ptq {

namespace detail {

template <class C>
inline constexpr bool corrects_biases =
    std::same_as<C, correction::fast_bias> || std::same_as<C, correction::full_bias> ||
    std::same_as<C, correction::exact_bias> || std::same_as<C, correction::sequential_bias> ||
    std::same_as<C, correction::verified_bias>;
template <class... C>
inline constexpr bool corrects_biases<one_of<C...>> = (corrects_biases<C> || ...);

template <class Variant>
struct one_of_alternatives;

template <class... Policies>
struct one_of_alternatives<std::variant<Policies...>> {
  using type = one_of<Policies...>;
};

/// A correction of biases, or POT's two.
template <class C>
struct tuned_bias {
  using type = typename one_of_alternatives<
      distinct_variant<C, correction::fast_bias, correction::full_bias>>::type;

  static auto of(const C& policy) -> type { return policy; }
};

template <class... C>
struct tuned_bias<one_of<C...>> {
  using type = typename one_of_alternatives<
      distinct_variant<C..., correction::fast_bias, correction::full_bias>>::type;

  static auto of(const one_of<C...>& policy) -> type {
    return std::visit([](const auto& chosen) -> type { return chosen; }, policy.chosen());
  }
};

template <class C>
struct tuned_correction {
  using type = C;

  static auto of(const C& policy) -> type { return policy; }
};

template <class C>
  requires corrects_biases<C>
struct tuned_correction<C> : tuned_bias<C> {};

template <class Corrections>
struct tuned_corrections;

template <class... C>
struct tuned_corrections<corrections<C...>> {
  using type = corrections<typename tuned_correction<C>::type...>;
  static constexpr bool any = (corrects_biases<C> || ...);

  static auto of(const corrections<C...>& each) -> type {
    type result;
    result.each = std::apply(
        [](const C&... policy) {
          return std::tuple<typename tuned_correction<C>::type...>(tuned_correction<C>::of(policy
          )...);
        },
        each.each
    );
    return result;
  }
};

/// Replaces each correction of biases. One that was switched off stays so.
template <class Correction, class... C>
void set_bias_correction(corrections<C...>& in, const Correction& by) {
  const auto set = [&by]<class Each>(Each& each) {
    if constexpr (corrects_biases<Each>) {
      const bool on = std::visit(
          []<class Chosen>(const Chosen&) { return corrects_biases<Chosen>; }, each.chosen()
      );
      if (on && !std::holds_alternative<Correction>(each.chosen())) {
        each = by;
      }
    }
  };
  std::apply([&set](auto&... each) { (set(each), ...); }, in.each);
}

/// An algorithm whose ranges and corrections of biases can be replaced at run time.
template <class Base>
struct tuned_algorithm {
  static constexpr bool possible = false;
};

template <class Preset, class Device, class Ranges, class Schemes, class Corrections>
struct tuned_algorithm<default_quantization<Preset, Device, Ranges, Schemes, Corrections>> {
  static constexpr bool possible = true;
  using before = default_quantization<Preset, Device, Ranges, Schemes, Corrections>;
  using type = default_quantization<
      Preset,
      Device,
      tuned_ranges<Ranges>,
      Schemes,
      typename tuned_corrections<Corrections>::type>;

  static auto of(const before& base) -> type {
    return {
        .stat_subset_size = base.stat_subset_size,
        .weights = base.weights,
        .activations = base.activations,
        .preset = base.preset,
        .device = base.device,
        .ranges = {.own = base.ranges, .replaced = {}, .operations = {}},
        .schemes = base.schemes,
        .corrections = tuned_corrections<Corrections>::of(base.corrections),
        .ignored = base.ignored,
        .model_type = base.model_type,
        .where = base.where,
        .patterns = base.patterns,
        .operations = base.operations
    };
  }
};

} // namespace detail

/// The other settings that POT tries of an algorithm, and the algorithm as it is: ten ranges, and
/// then, with the best of them, two corrections of biases.
///
/// | stage | axis | choices |
/// |---|---|---|
/// | 0 | `weights.range_estimator` | min and max |
/// | 0 | `activations.range_estimator` | low end min, or quantile 1e-3 or 1e-4; high end max, or
/// the same quantiles | | 1 | `bias_correction` | fast, full |
///
/// Extremes are aggregated by min and max, quantiles by mean. Whatever else the user set stays:
/// bits, modes, granularities. An algorithm that corrects no biases has no such axis.
/// @param runs_plans  Is there an engine for the full correction? Else it is left out.
/// @see POT, AccuracyAwareQuantization, `tune_hyperparams`
template <class Base>
[[nodiscard]] auto hyperparameters_of(const Base& base, bool runs_plans = true) {
  static_assert(
      detail::tuned_algorithm<Base>::possible,
      "hyperparameters are those of a ptq::default_quantization<...>, as ptq::recipe::standard<> is"
  );
  using algorithm = typename detail::tuned_algorithm<Base>::type;
  tuning_space<algorithm> result{.base = detail::tuned_algorithm<Base>::of(base), .axes = {}};
  result.axes.push_back(
      {.name = "weights.range_estimator",
       .choices = {{"min to max", [](algorithm& of) { of.ranges.replaced.weights = tuned_ends{}; }}}
      }
  );
  const std::pair<const char*, tuned_end> lows[] = {
      {"min", {min{}, aggregate::min{}}},
      {"quantile 1e-3", {quantile{1e-3}, aggregate::mean{}}},
      {"quantile 1e-4", {quantile{1e-4}, aggregate::mean{}}}
  };
  const std::pair<const char*, tuned_end> highs[] = {
      {"max", {max{}, aggregate::max{}}}, lows[1], lows[2]
  };
  tuning_axis<algorithm> activations{.name = "activations.range_estimator"};
  for (const auto& [low_name, low] : lows) {
    for (const auto& [high_name, high] : highs) {
      activations.choices.push_back(
          {std::string(low_name) + " to " + high_name,
           [ends = tuned_ends{low, high}](algorithm& of) { of.ranges.replaced.activations = ends; }}
      );
    }
  }
  result.axes.push_back(std::move(activations));
  using corrections_type = decltype(base.corrections);
  if constexpr (detail::tuned_corrections<std::remove_cvref_t<corrections_type>>::any) {
    tuning_axis<algorithm> biases{.name = "bias_correction", .stage = 1};
    biases.choices.push_back({"fast", [](algorithm& of) {
                                detail::set_bias_correction(
                                    of.corrections, correction::fast_bias{}
                                );
                              }});
    if (runs_plans) {
      biases.choices.push_back({"full", [](algorithm& of) {
                                  detail::set_bias_correction(
                                      of.corrections, correction::full_bias{}
                                  );
                                }});
    }
    result.axes.push_back(std::move(biases));
  }
  return result;
}

} // namespace ptq
