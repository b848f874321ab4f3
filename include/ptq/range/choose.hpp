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
  if constexpr (constant_estimator<Candidate> || is_sides<Candidate>) {
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

/// Of several estimators the one whose range has the least squared quantization error on the data,
/// for each tensor anew; of equal ones, the first.
///
/// Activations: `for_activations<choose<...>>`, measured with the histogram of the tensor, by all
/// channels together. Weights: `for_weights<choose<...>>`, exactly, with the masses if there are
/// any.
/// @tparam Candidates  Distribution estimators; for activations `sides<low<...>, high<...>>` too.
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
    const auto of_each = [wanted](const auto& candidate) {
      using candidate_type = std::remove_cvref_t<decltype(candidate)>;
      if constexpr (detail::is_sides<candidate_type>) {
        return candidate.sides(wanted);
      } else {
        static_assert(explain_distribution_estimator<candidate_type>());
        return distribution_side<candidate_type>{candidate, wanted};
      }
    };
    return std::apply(
        [&](const auto&... each) {
          return alternative_sides<decltype(of_each(each))...>{{of_each(each)...}, wanted};
        },
        chosen.candidates
    );
  }

  void check_options() const { chosen.check_options(); }

  friend auto operator==(const for_activations&, const for_activations&) -> bool = default;
};

namespace detail {

template <class... Sides>
inline constexpr bool are_alternatives<alternative_sides<Sides...>> = true;

} // namespace detail

} // namespace ptq
