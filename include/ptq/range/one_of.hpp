// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/range/concept.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace ptq {

namespace detail {

// Distinct alternatives only: std::variant of a repeated type cannot be assigned from it.
template <class Variant, class... Rest>
struct distinct {
  using type = Variant;
};

template <class... Kept, class First, class... Rest>
struct distinct<std::variant<Kept...>, First, Rest...> : distinct<
                                                             std::conditional_t<
                                                                 (std::same_as<First, Kept> || ...),
                                                                 std::variant<Kept...>,
                                                                 std::variant<Kept..., First>>,
                                                             Rest...> {};

template <class... Types>
using distinct_variant = typename distinct<std::variant<>, Types...>::type;

template <class Policy, class... Arguments>
concept asks =
    requires(const Policy& policy, Arguments&... arguments) { policy.request(arguments...); };

template <class Policy, class Values, class Target>
concept ranges_for_a_target =
    requires(const Policy& policy, const Values& of, const Target& target) {
      policy.range(of, target);
    };

template <class Policy, class Target>
concept ranges_values_for_a_target =
    requires(const Policy& policy, std::span<const float> values, const Target& target) {
      policy.range(values, values, target);
    };

template <class Policy, class... Arguments>
concept prepares =
    requires(const Policy& policy, const Arguments&... arguments) { policy.prepare(arguments...); };

template <class Policy>
concept has_rules = requires(const Policy& policy) { policy.rules(); };
template <class Policy>
concept has_traits = requires(const Policy& policy) { policy.traits(); };

template <class Policy, class Kind>
concept has_a_preference =
    requires(const Policy& policy, Kind kind) { policy.prefers_accuracy(kind); };

template <class Policy, class Ranges, class Request>
concept makes_grids = requires(const Policy& policy, const Ranges& ranges, const Request& wanted) {
  policy.grids(ranges, wanted);
};

} // namespace detail

/// A policy chosen at run time: a variant of `Policies` that models the same concept as they do. It
/// converts from each of them and does what the chosen one does, bit for bit.
template <class... Policies>
class one_of {
public:
  one_of() = default;

  template <class Policy>
    requires(std::same_as<std::remove_cvref_t<Policy>, Policies> || ...)
  constexpr one_of(Policy&& policy) : chosen_(std::forward<Policy>(policy)) {}

  [[nodiscard]] constexpr auto chosen() const noexcept -> const std::variant<Policies...>& {
    return chosen_;
  }

  /// Of range estimators: an estimation of the chosen one.
  template <class T>
    requires(range_estimator<Policies, T> && ...)
  [[nodiscard]] auto start() const {
    using states = detail::distinct_variant<detail::estimation_of<Policies, T>...>;
    return estimation<T, states>{
        std::visit([](const auto& policy) { return states(policy.template start<T>()); }, chosen_)
    };
  }

  template <class State>
    requires requires { typename State::element; }
  [[nodiscard]] auto range(const State& of) const -> value_range<typename State::element> {
    using element = typename State::element;
    return std::visit(
        [&of](const auto& policy) {
          using policy_type = std::remove_cvref_t<decltype(policy)>;
          return range_of<element>(
              policy, std::get<detail::estimation_of<policy_type, element>>(of.state)
          );
        },
        chosen_
    );
  }

  [[nodiscard]] auto key() const -> std::string
    requires(range_estimator<Policies> && ...)
  {
    return std::visit([](const auto& policy) { return key_of(policy); }, chosen_);
  }

  /// Of distribution estimators, and of those of constants: the range of the chosen one.
  template <class Values, class Target>
    requires(detail::ranges_for_a_target<Policies, Values, Target> && ...)
  [[nodiscard]] auto range(const Values& of, const Target& target) const -> value_range<float> {
    return std::visit([&](const auto& policy) { return policy.range(of, target); }, chosen_);
  }

  template <class Target>
    requires(detail::ranges_values_for_a_target<Policies, Target> && ...)
  [[nodiscard]] auto
  range(std::span<const float> values, std::span<const float> masses, const Target& target) const
      -> value_range<float> {
    return std::visit(
        [&](const auto& policy) { return policy.range(values, masses, target); }, chosen_
    );
  }

  /// Of aggregators, schemes, corrections: what the chosen one answers.
  template <class... Arguments>
    requires(std::invocable<const Policies&, Arguments...> && ...)
  constexpr auto operator()(Arguments&&... arguments) const
      -> std::common_type_t<std::invoke_result_t<const Policies&, Arguments...>...> {
    using result = std::common_type_t<std::invoke_result_t<const Policies&, Arguments...>...>;
    return std::visit(
        [&](const auto& policy) -> result {
          return static_cast<result>(policy(std::forward<Arguments>(arguments)...));
        },
        chosen_
    );
  }

  /// Of corrections: what the chosen one needs of the statistics.
  template <class... Arguments>
    requires(detail::asks<Policies, Arguments...> || ...)
  void request(Arguments&... arguments) const {
    std::visit(
        [&](const auto& policy) {
          if constexpr (detail::asks<std::remove_cvref_t<decltype(policy)>, Arguments...>) {
            policy.request(arguments...);
          }
        },
        chosen_
    );
  }

  /// Of corrections: the model as the chosen one prepares it.
  template <class Context, class Preparation>
    requires(detail::prepares<Policies, Context, Preparation> || ...)
  [[nodiscard]] auto prepare(const Context& context, const Preparation& before) const
      -> Preparation {
    return std::visit(
        [&](const auto& policy) -> Preparation {
          if constexpr (detail::
                            prepares<std::remove_cvref_t<decltype(policy)>, Context, Preparation>) {
            return policy.prepare(context, before);
          } else {
            return before;
          }
        },
        chosen_
    );
  }

  /// Of devices.
  [[nodiscard]] constexpr auto rules() const
    requires(detail::has_rules<Policies> && ...)
  {
    using view = std::common_type_t<decltype(std::declval<const Policies&>().rules())...>;
    return std::visit([](const auto& policy) -> view { return policy.rules(); }, chosen_);
  }

  [[nodiscard]] constexpr auto traits() const
    requires(detail::has_traits<Policies> && ...)
  {
    return std::visit([](const auto& policy) { return policy.traits(); }, chosen_);
  }

  [[nodiscard]] constexpr auto saturates() const -> bool
    requires(detail::has_rules<Policies> && ...)
  {
    return std::visit(
        [](const auto& policy) -> bool {
          if constexpr (requires { policy.saturates(); }) {
            return policy.saturates();
          } else {
            return false;
          }
        },
        chosen_
    );
  }

  /// Of policies with options.
  void check_options() const {
    std::visit(
        [](const auto& policy) {
          if constexpr (requires { policy.check_options(); }) {
            policy.check_options();
          }
        },
        chosen_
    );
  }

  /// Of presets.
  template <class Kind>
    requires(detail::has_a_preference<Policies, Kind> && ...)
  [[nodiscard]] constexpr auto prefers_accuracy(Kind kind) const -> bool {
    return std::visit(
        [kind](const auto& policy) -> bool { return policy.prefers_accuracy(kind); }, chosen_
    );
  }

  /// Of schemes.
  template <class Ranges, class Request>
    requires(detail::makes_grids<Policies, Ranges, Request> && ...)
  [[nodiscard]] auto grids(const Ranges& ranges, const Request& wanted) const {
    return std::visit([&](const auto& policy) { return policy.grids(ranges, wanted); }, chosen_);
  }

  friend constexpr auto operator==(const one_of&, const one_of&) -> bool
    requires(std::equality_comparable<Policies> && ...)
  = default;

private:
  template <class T, class States>
  struct estimation {
    using element = T;
    States state;

    void expect(std::size_t count) {
      std::visit([count](auto& active) { detail::expect_values(active, count); }, state);
    }

    void observe(std::span<const T> values) {
      std::visit([values](auto& active) { active.observe(values); }, state);
    }
  };

  std::variant<Policies...> chosen_{};
};

} // namespace ptq
