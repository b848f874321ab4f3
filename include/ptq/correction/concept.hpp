// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/request.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/correction/run.hpp>
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
  const statistics& collected;
  bool sums_saturate = false; ///< Can the device's u8 x s8 sums overflow 16 bits?
  const observers& tell;
  const run_ref* run = nullptr; ///< The engine, if there is one at hand that runs plans.
  samples calibration{};        ///< What the statistics are of, if there is an engine.
};

namespace detail {

template <class C>
concept changes_a_plan =
    requires(const C& policy, const correction_context& context, const plan& before) {
      { policy(context, before) } -> std::same_as<plan>;
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

// `request` is there, under whatever signature, iff its name is ambiguous with that of another
// base.
template <class C>
concept mentions_request =
    std::is_class_v<C> && !std::is_final_v<C> && !requires { &also_has_request<C>::request; };

} // namespace detail

/// Improves a plan: `operator()(const correction_context&, const plan&) const -> plan`. One that
/// needs statistics says so in `request(const topology&, const placement&, statistics_request&)
/// const`, so that they are collected in the one pass over the samples.
template <class C>
concept plan_correction = std::regular<C> && detail::changes_a_plan<C>;

/// Is `plan_correction<C>`, but fails to compile with a sentence.
template <class C>
consteval auto explain_plan_correction() -> bool {
  static_assert(
      std::regular<C>,
      "a correction is a regular value: default constructible, copyable and equality comparable"
  );
  static_assert(
      detail::changes_a_plan<C>,
      "a correction provides `operator()(const ptq::correction_context&, const ptq::plan&) const "
      "-> "
      "ptq::plan`"
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

  [[nodiscard]] auto operator()(const correction_context& context, plan before) const -> plan {
    std::apply([&](const auto&... policy) { ((before = policy(context, before)), ...); }, each);
    return before;
  }

  void check_options() const {
    std::apply([](const auto&... policy) { (detail::check_options_of(policy), ...); }, each);
  }

  friend auto operator==(const corrections&, const corrections&) -> bool = default;
};

/// Is `plan_correction<C>` or a `corrections<...>`, but fails to compile with a sentence.
template <class C>
consteval auto explain_correction_policy() -> bool {
  constexpr bool applies = requires(
      const C& policy,
      const correction_context& context,
      plan before,
      const topology& nodes,
      const placement& sites,
      statistics_request& request
  ) {
    { policy(context, before) } -> std::same_as<plan>;
    policy.request(nodes, sites, request);
  };
  static_assert(
      applies,
      "the corrections of an algorithm are ptq::corrections<...>, with any number of corrections"
  );
  return applies;
}

} // namespace ptq
