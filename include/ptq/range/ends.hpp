// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/check_options.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/range/concept.hpp>
#include <ptq/range/one_of.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <variant>

namespace ptq {

namespace detail {

/// The key, and which policy it is of: some that read other numbers off one estimation share a key.
template <class P>
[[nodiscard]] auto name_and_key_of(const P& policy) -> std::string {
  return std::string(type_name<P>()) + ' ' + key_of(policy);
}

template <class... Policies>
[[nodiscard]] auto name_and_key_of(const one_of<Policies...>& policy) -> std::string {
  return std::visit([](const auto& chosen) { return name_and_key_of(chosen); }, policy.chosen());
}

} // namespace detail

/// The low end of what one estimator yields and the high end of what another does. For weights,
/// which have one estimator; activations have `ptq::low` and `ptq::high`.
template <class Low, class High>
struct ends {
  static_assert(explain_range_estimator<Low>());
  static_assert(explain_range_estimator<High>());

  Low low{};
  High high{};

  template <class T>
  struct estimation {
    ptq::detail::estimation_of<Low, T> low;
    ptq::detail::estimation_of<High, T> high;

    void expect(std::size_t count) {
      ptq::detail::expect_values(low, count);
      ptq::detail::expect_values(high, count);
    }

    void observe(std::span<const T> values) {
      low.observe(values);
      high.observe(values);
    }
  };

  template <class T>
    requires(range_estimator<Low, T> && range_estimator<High, T>)
  [[nodiscard]] auto start() const -> estimation<T> {
    return {low.template start<T>(), high.template start<T>()};
  }

  template <class T>
  [[nodiscard]] auto range(const estimation<T>& of) const -> value_range<T> {
    return {range_of<T>(low, of.low).low, range_of<T>(high, of.high).high};
  }

  [[nodiscard]] auto key() const -> std::string {
    return "ends of " + ptq::detail::name_and_key_of(low) + " and " +
           ptq::detail::name_and_key_of(high);
  }

  void check_options() const {
    ptq::detail::check_options_of(low);
    ptq::detail::check_options_of(high);
  }

  friend constexpr auto operator==(const ends&, const ends&) -> bool = default;
};

} // namespace ptq
