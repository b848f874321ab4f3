// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/request.hpp>
#include <ptq/correction/preparation.hpp>
#include <ptq/correction/run_access.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/placement/place.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/scheme/concept.hpp>
#include <ptq/statistics/statistics.hpp>

#include <concepts>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace ptq {

/// What a correction may look at.
struct correction_context {
  const topology& nodes;
  const placement& sites;
  const statistics& collected; ///< Of the prepared model.
  bool sums_saturate = false;  ///< Can the device's u8 x s8 sums overflow 16 bits?
  const observers& tell;
  const preparation* prepared =
      nullptr;                     ///< The float model that the plan quantizes; null: as it came.
  const run_access* run = nullptr; ///< Null where the algorithm was given statistics alone.
};

namespace detail {

template <class C>
concept changes_a_plan =
    requires(const C& policy, const correction_context& context, const plan& before) {
      { policy(context, before) } -> std::same_as<plan>;
    };

template <class C>
concept prepares_the_model =
    requires(const C& policy, const preparation_context& context, const preparation& before) {
      { policy.prepare(context, before) } -> std::same_as<preparation>;
    };

template <class C>
concept asks_for_statistics = requires(
    const C& policy, const topology& nodes, const placement& sites, statistics_request& request
) { policy.request(nodes, sites, request); };

struct has_request {
  void request();
};

template <class C>
struct also_has_request : C, has_request {};

struct has_prepare {
  void prepare();
};

template <class C>
struct also_has_prepare : C, has_prepare {};

template <class C>
concept mentions_prepare = std::is_class_v<C> && !std::is_final_v<C> && !is_one_of<C> &&
                           !requires { &also_has_prepare<C>::prepare; };

// `request` is there, under whatever signature, iff its name is ambiguous with that of another
// base. A `one_of` has the names whatever its alternatives.
template <class C>
concept mentions_request = std::is_class_v<C> && !std::is_final_v<C> && !is_one_of<C> &&
                           !requires { &also_has_request<C>::request; };

} // namespace detail

/// Improves a plan: `operator()(const correction_context&, const plan&) const -> plan`. One that
/// needs statistics says so in `request(const topology&, const placement&, statistics_request&)
/// const`, so that they are collected in the one pass over the samples.
///
/// A correction that replaces constants of the float model before any range is taken has, as well
/// or instead, `prepare(const preparation_context&, const preparation&) const -> preparation`.
template <class C>
concept plan_correction =
    std::regular<C> && (detail::changes_a_plan<C> || detail::prepares_the_model<C>);

/// Is `plan_correction<C>`, but fails to compile with a sentence.
template <class C>
consteval auto explain_plan_correction() -> bool {
  static_assert(
      std::regular<C>,
      "a correction is a regular value: default constructible, copyable and equality comparable"
  );
  static_assert(
      detail::changes_a_plan<C> || detail::prepares_the_model<C> || detail::mentions_prepare<C>,
      "a correction provides `operator()(const ptq::correction_context&, const ptq::plan&) const "
      "-> "
      "ptq::plan`"
  );
  static_assert(
      detail::prepares_the_model<C> || !detail::mentions_prepare<C>,
      "`prepare` is there, but not as `prepare(const ptq::preparation_context&, const "
      "ptq::preparation&) const -> ptq::preparation`"
  );
  static_assert(
      detail::asks_for_statistics<C> || !detail::mentions_request<C>,
      "`request` is there, but not as `request(const ptq::topology&, const ptq::placement&, "
      "ptq::statistics_request&) const`"
  );
  return plan_correction<C>;
}

/// Corrections, applied in this order.
template <class... Each>
struct corrections {
  static_assert((explain_plan_correction<Each>() && ...));

  std::tuple<Each...> each{};

  constexpr corrections() = default;

  constexpr explicit(false) corrections(Each... policies)
    requires(sizeof...(Each) != 0)
      : each(std::move(policies)...) {}

  void
  request(const topology& nodes, const placement& sites, statistics_request& request_to) const {
    const auto ask = [&](const auto& policy) {
      if constexpr (detail::asks_for_statistics<std::remove_cvref_t<decltype(policy)>>) {
        policy.request(nodes, sites, request_to);
      }
    };
    std::apply([&ask](const auto&... policy) { (ask(policy), ...); }, each);
    static_cast<void>(ask);
  }

  [[nodiscard]] auto prepare(const preparation_context& context, preparation before) const
      -> preparation {
    const auto apply = [&](const auto& policy) {
      if constexpr (detail::prepares_the_model<std::remove_cvref_t<decltype(policy)>>) {
        before = policy.prepare(context, before);
      }
    };
    std::apply([&apply](const auto&... policy) { (apply(policy), ...); }, each);
    static_cast<void>(apply);
    return before;
  }

  [[nodiscard]] auto operator()(const correction_context& context, plan before) const -> plan {
    const auto apply = [&](const auto& policy) {
      if constexpr (detail::changes_a_plan<std::remove_cvref_t<decltype(policy)>>) {
        before = policy(context, before);
      }
    };
    std::apply([&apply](const auto&... policy) { (apply(policy), ...); }, each);
    static_cast<void>(apply);
    return before;
  }

  void check_options() const {
    std::apply([](const auto&... policy) { (detail::check_options_of(policy), ...); }, each);
  }

  friend auto operator==(const corrections&, const corrections&) -> bool = default;
};

template <class... Each>
inline constexpr bool runs_the_model<corrections<Each...>> = (runs_the_model<Each> || ...);

/// Is `plan_correction<C>` or a `corrections<...>`, but fails to compile with a sentence.
template <class C>
consteval auto explain_correction_policy() -> bool {
  constexpr bool applies = requires(
      const C& policy,
      const correction_context& context,
      plan before,
      const topology& nodes,
      const placement& sites,
      statistics_request& request,
      const preparation_context& first,
      preparation model
  ) {
    { policy(context, before) } -> std::same_as<plan>;
    { policy.prepare(first, model) } -> std::same_as<preparation>;
    policy.request(nodes, sites, request);
  };
  static_assert(
      applies,
      "the corrections of an algorithm are ptq::corrections<...>, with any number of corrections"
  );
  return applies;
}

} // namespace ptq
