// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/range/detail/least_error.hpp>
#include <ptq/range/distribution.hpp>
#include <ptq/range/ranges.hpp>
#include <ptq/statistics/log_histogram.hpp>

#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace ptq {

/// Two sides as one of the candidates of `choose`.
template <class Low, class High>
using sides = for_activations<Low, High>;

namespace detail {

template <class Candidate>
inline constexpr bool is_sides = false;
template <class Low, class High>
inline constexpr bool is_sides<for_activations<Low, High>> = true;

template <class Candidate>
consteval auto explain_candidate() -> bool {
  if constexpr (constant_estimator<Candidate> || is_sides<Candidate> ||
                requires { Candidate::is_at_a_granularity; }) {
    return true;
  } else {
    static_assert(
        distribution_estimator<Candidate>,
        "ptq::choose<...> takes distribution estimators and ptq::sides<ptq::low<...>, "
        "ptq::high<...>>"
    );
    return distribution_estimator<Candidate>;
  }
}

} // namespace detail

/// A candidate of `choose` for activations with a granularity of its own: where the grids are per
/// channel, `at<per_tensor, ...>` gives all of them one range, of the whole tensor. Where there is
/// one grid, there is one range, whatever the granularity.
template <granularity Granularity, class Candidate>
struct at {
  static_assert(detail::explain_candidate<Candidate>());

  static constexpr bool is_at_a_granularity = true;

  Candidate candidate{};

  void check_options() const { detail::check_options_if_any(candidate); }

  friend auto operator==(const at&, const at&) -> bool = default;
};

/// Of several estimators the one whose range has the least squared quantization error on the data,
/// for each tensor anew; of equal ones, the first.
///
/// Activations: `for_activations<choose<...>>`, measured with the histogram of the tensor, by all
/// channels together. Weights: `for_weights<choose<...>>`, exactly, with the masses if there are
/// any.
/// @tparam Candidates  Distribution estimators; for activations `sides<low<...>, high<...>>` too,
/// and either of them `at` a granularity.
template <class... Candidates>
struct choose {
  static_assert(sizeof...(Candidates) != 0, "ptq::choose<...> takes at least one candidate");
  static_assert((detail::explain_candidate<Candidates>() && ...));

  static constexpr bool uses_masses = (detail::wants_masses<Candidates> || ...);

  std::tuple<Candidates...> candidates{};

  [[nodiscard]] auto range(const log_histogram& of, const target_grid& target) const
      -> value_range<float>
    requires(distribution_estimator<Candidates> && ...)
  {
    return detail::best_of(
        std::apply(
            [&](const auto&... each) {
              return std::vector<value_range<float>>{each.range(of, target)...};
            },
            candidates
        ),
        detail::histogram_errors(of, target)
    );
  }

  [[nodiscard]] auto range(
      std::span<const float> values, std::span<const float> masses, const target_grid& target
  ) const -> value_range<float>
    requires(constant_estimator<Candidates> && ...)
  {
    return detail::best_of(
        std::apply(
            [&](const auto&... each) {
              return std::vector<value_range<float>>{each.range(values, masses, target)...};
            },
            candidates
        ),
        detail::exact_errors(values, masses, target)
    );
  }

  void check_options() const {
    std::apply([](const auto&... each) { (detail::check_options_if_any(each), ...); }, candidates);
  }

  friend auto operator==(const choose&, const choose&) -> bool = default;
};

/// What each candidate of a `choose` asks for.
template <class... Sides>
struct alternative_sides {
  std::tuple<Sides...> of{};
  ptq::granularity granularity = per_tensor;

  friend auto operator==(const alternative_sides&, const alternative_sides&) -> bool = default;
};

template <class... Candidates>
struct for_activations<choose<Candidates...>> {
  choose<Candidates...> chosen{};

  [[nodiscard]] auto sides(granularity wanted) const {
    return std::apply(
        [wanted](const auto&... each) {
          return alternative_sides<decltype(sides_of(each, wanted))...>{
              {sides_of(each, wanted)...}, wanted
          };
        },
        chosen.candidates
    );
  }

  void check_options() const { chosen.check_options(); }

  friend auto operator==(const for_activations&, const for_activations&) -> bool = default;

private:
  template <class Candidate>
  static auto sides_of(const Candidate& candidate, granularity wanted) {
    if constexpr (detail::is_sides<Candidate>) {
      return candidate.sides(wanted);
    } else {
      static_assert(explain_distribution_estimator<Candidate>());
      return distribution_side<Candidate>{candidate, wanted};
    }
  }

  template <granularity Granularity, class Candidate>
  static auto sides_of(const at<Granularity, Candidate>& of, granularity wanted) {
    return sides_of(of.candidate, Granularity == per_tensor ? per_tensor : wanted);
  }
};

namespace detail {

template <class... Sides>
inline constexpr bool are_alternatives<alternative_sides<Sides...>> = true;

} // namespace detail

} // namespace ptq
