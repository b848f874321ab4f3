// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/config/names.hpp>
#include <ptq/config/range_options.hpp>
#include <ptq/core/choices.hpp>
#include <ptq/core/error.hpp>
#include <ptq/range/clipped.hpp>
#include <ptq/range/detail/outlier_prob.hpp>
#include <ptq/range/ends.hpp>
#include <ptq/range/in_batches.hpp>
#include <ptq/range/one_of.hpp>
#include <ptq/range/ranges.hpp>

#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace ptq::config {

namespace detail {

/// A policy as one of more alternatives than it was one of.
template <class Wider, class Policy>
[[nodiscard]] auto widened(const Policy& policy) -> Wider {
  return policy;
}

template <class Wider, class... Policies>
[[nodiscard]] auto widened(const one_of<Policies...>& policy) -> Wider {
  return std::visit([](const auto& chosen) -> Wider { return chosen; }, policy.chosen());
}

template <class Policy>
concept has_outlier_prob = requires(Policy& policy) { policy.outlier_prob = 0.01; };

template <class... Policies>
[[nodiscard]] auto takes_outlier_prob(const one_of<Policies...>& policy) -> bool {
  return std::visit(
      [](const auto& chosen) { return has_outlier_prob<std::remove_cvref_t<decltype(chosen)>>; },
      policy.chosen()
  );
}

/// The same choice with another share of outliers, if it has one.
template <class... Policies>
[[nodiscard]] auto with_outlier_prob(const one_of<Policies...>& policy, double outlier_prob)
    -> one_of<Policies...> {
  return std::visit(
      [outlier_prob](auto chosen) -> one_of<Policies...> {
        if constexpr (has_outlier_prob<decltype(chosen)>) {
          chosen.outlier_prob = outlier_prob;
        }
        return chosen;
      },
      policy.chosen()
  );
}

} // namespace detail

/// Range estimators chosen by name: each side as the preset has it, but for what is said otherwise.
///
/// A quantile without an `outlier_prob` has the preset's, else 1e-4.
/// @see POT, `range_estimator`
class named_ranges {
public:
  using estimators = chosen<range_estimators>;
  using some_aggregator = chosen<aggregators>;
  /// As POT's.
  static constexpr bool estimates_before_rules = true;
  using side = range_side<estimators, aggregate::in_batches<some_aggregator, some_aggregator>>;

  named_ranges() = default;

  /// @throws error, with the option, for an unknown name and for what does not go together
  explicit named_ranges(range_options options) : options_(std::move(options)) { check_options(); }

  [[nodiscard]] auto of_weights(mode wanted) const -> ends<estimators, estimators> {
    const range_estimator_options& of = options_of(tensor_kind::weights);
    auto result = std::visit(
        [wanted](const auto& preset) { return both_of(preset.of_weights(wanted)); },
        choose<range_presets>(of.preset, "preset").chosen()
    );
    override_estimator(result.low, of.min);
    override_estimator(result.high, of.max);
    return result;
  }

  /// @throws error for a side per channel of a range per tensor
  [[nodiscard]] auto of_activations(mode wanted, granularity of_site) const
      -> range_sides<side, side> {
    const range_estimator_options& of = options_of(tensor_kind::activations);
    return std::visit(
        [&](const auto& preset) {
          const auto usual = preset.of_activations(wanted, of_site);
          return range_sides<side, side>{
              side_of(usual.low, of.min, of_site, true), side_of(usual.high, of.max, of_site, false)
          };
        },
        choose<range_presets>(of.preset, "preset").chosen()
    );
  }

  [[nodiscard]] auto clipping_of(tensor_kind kind) const -> clipping_values {
    const range_estimator_options& of = options_of(kind);
    return {of.min.clipping_value, of.max.clipping_value};
  }

  [[nodiscard]] auto clips() const -> clip_at { return options_.clip; }

  [[nodiscard]] auto options() const noexcept -> const range_options& { return options_; }

  void check_options() const {
    check(options_.range_estimator, "range_estimator");
    if (options_.weights) {
      check(*options_.weights, "weights.range_estimator");
      refuse_samples_of_weights(options_.weights->min, "weights.range_estimator.min");
      refuse_samples_of_weights(options_.weights->max, "weights.range_estimator.max");
    }
    if (options_.activations) {
      check(*options_.activations, "activations.range_estimator");
    }
    if (options_.stat_batch_size == 0) {
      throw error("a batch has at least one sample", {}, "stat_batch_size");
    }
    ptq::clipped<default_ranges>{
        .weights = clipping_of(tensor_kind::weights),
        .activations = clipping_of(tensor_kind::activations)
    }
        .check_options();
  }

  friend auto operator==(const named_ranges&, const named_ranges&) -> bool = default;

private:
  [[nodiscard]] auto options_of(tensor_kind kind) const -> const range_estimator_options& {
    const auto& own = kind == tensor_kind::weights ? options_.weights : options_.activations;
    return own ? *own : options_.range_estimator;
  }

  template <class Estimator>
  static auto both_of(const Estimator& of) -> ends<estimators, estimators> {
    if constexpr (std::is_same_v<Estimator, default_ranges::min_and_max>) {
      return {min{}, max{}};
    } else {
      return {of, of};
    }
  }

  template <class... Policies>
  static auto both_of(const one_of<Policies...>& of) -> ends<estimators, estimators> {
    return std::visit([](const auto& chosen) { return both_of(chosen); }, of.chosen());
  }

  static void override_estimator(estimators& estimator, const range_side_options& by) {
    if (by.type) {
      const bool had = detail::takes_outlier_prob(estimator);
      estimators wanted = choose<range_estimators>(*by.type, "type");
      if (had) {
        std::visit(
            [&wanted](const auto& before) {
              if constexpr (detail::has_outlier_prob<std::remove_cvref_t<decltype(before)>>) {
                wanted = detail::with_outlier_prob(wanted, before.outlier_prob);
              }
            },
            estimator.chosen()
        );
      }
      estimator = wanted;
    }
    if (by.outlier_prob) {
      estimator = detail::with_outlier_prob(estimator, *by.outlier_prob);
    }
  }

  template <class Usual>
  [[nodiscard]] auto
  side_of(const Usual& usual, const range_side_options& by, granularity of_site, bool is_low) const
      -> side {
    side result{
        .estimator = detail::widened<estimators>(usual.estimator),
        .granularity = by.granularity.value_or(usual.granularity)
    };
    if (result.granularity == per_channel && of_site == per_tensor) {
      throw error(
          "a side of a range has one end for each channel, and the range is of the whole tensor",
          {},
          "granularity"
      );
    }
    override_estimator(result.estimator, by);
    const auto aggregator = by.aggregator ? choose<aggregators>(*by.aggregator, "aggregator")
                                          : detail::widened<some_aggregator>(usual.aggregator);
    result.aggregator = in_batches(result, aggregator, is_low);
    return result;
  }

  /// In batches of one where the samples are aggregated in one go.
  [[nodiscard]] auto in_batches(const side& of, const some_aggregator& by, bool is_low) const
      -> aggregate::in_batches<some_aggregator, some_aggregator> {
    const auto is = [&of]<class Estimator>(std::type_identity<Estimator>) {
      return std::holds_alternative<Estimator>(of.estimator.chosen());
    };
    const bool of_extremes = !detail::takes_outlier_prob(of.estimator);
    if (options_.inplace_statistics && of_extremes && of.granularity == per_tensor) {
      const bool of_least =
          is(std::type_identity<min>{}) || (is_low && is(std::type_identity<abs_max>{}));
      if (of_least) {
        return {options_.stat_batch_size, by, aggregate::min{}};
      }
      return {options_.stat_batch_size, by, aggregate::max{}};
    }
    if (std::holds_alternative<aggregate::mean>(by.chosen())) {
      return {options_.stat_batch_size, by, aggregate::mean{}};
    }
    return {1, by, aggregate::mean{}};
  }

  static void check(const range_estimator_options& of, const std::string& option) {
    const auto preset = choose<range_presets>(of.preset, option + ".preset");
    const bool has_quantiles = std::holds_alternative<quantile_ranges>(preset.chosen());
    check(of.min, has_quantiles, option + ".min.");
    check(of.max, has_quantiles, option + ".max.");
  }

  static void check(const range_side_options& of, bool has_quantiles, const std::string& option) {
    if (of.type) {
      has_quantiles =
          detail::takes_outlier_prob(choose<range_estimators>(*of.type, option + "type"));
    }
    if (of.aggregator) {
      static_cast<void>(choose<aggregators>(*of.aggregator, option + "aggregator"));
    }
    if (of.outlier_prob) {
      if (!has_quantiles) {
        throw error(
            "only `quantile` and `abs_quantile` leave out outliers, not `" +
                of.type.value_or("default") + "`",
            {},
            option + "outlier_prob"
        );
      }
      ptq::detail::check_outlier_prob(*of.outlier_prob, option + "outlier_prob");
    }
  }

  static void refuse_samples_of_weights(const range_side_options& of, const std::string& option) {
    if (of.aggregator) {
      throw error(
          "weights have no samples to aggregate: their range is what the estimator yields",
          {},
          option + ".aggregator"
      );
    }
    if (of.granularity) {
      throw error(
          "the range of weights has the granularity of their grid", {}, option + ".granularity"
      );
    }
  }

  range_options options_{};
};

} // namespace ptq::config
