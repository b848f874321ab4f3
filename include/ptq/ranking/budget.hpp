// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace ptq {

/// What an inference is for.
enum class purpose : std::uint8_t { baseline, ranking, candidates };

/// What a search may use up. When it is used up the search ends with the best plan that it knows,
/// which is still measured in full.
struct budget {
  std::size_t evaluations = std::numeric_limits<std::size_t>::max(); ///< Candidates measured.
  std::size_t samples = std::numeric_limits<std::size_t>::max();     ///< Inferences in all.
  std::chrono::duration<double> time{std::numeric_limits<double>::infinity()};

  void check_options() const {
    if (std::isnan(time.count())) {
      throw error("the time is not a number", {}, "budget");
    }
  }

  friend auto operator==(const budget&, const budget&) -> bool = default;
};

/// Why a search ended.
enum class stop_reason : std::uint8_t {
  met,                 ///< The plan holds the accuracy.
  unreachable,         ///< No plan that the search can make holds it.
  ranking_exhausted,   ///< Every group of the ranking was tried.
  everything_reverted, ///< Nothing is quantized any more.
  max_iter_num,
  evaluations,
  samples,
  time,
  requested, ///< By the stop flag, or by an observer.
};

[[nodiscard]] constexpr auto name_of(stop_reason why) noexcept -> std::string_view {
  switch (why) {
  case stop_reason::met:
    return "met";
  case stop_reason::unreachable:
    return "unreachable";
  case stop_reason::ranking_exhausted:
    return "ranking_exhausted";
  case stop_reason::everything_reverted:
    return "everything_reverted";
  case stop_reason::max_iter_num:
    return "max_iter_num";
  case stop_reason::evaluations:
    return "evaluations";
  case stop_reason::samples:
    return "samples";
  case stop_reason::time:
    return "time";
  case stop_reason::requested:
    return "requested";
  }
  return "";
}

namespace detail {

/// Thrown through a search to end it.
struct search_ended {
  stop_reason why;
};

} // namespace detail

} // namespace ptq
