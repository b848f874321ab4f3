// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ptq {

/// A metric of a plan beside that of the float model.
struct metric_drop {
  std::string name{};
  double value = 0.0;
  double drop = 0.0;  ///< How much worse than the float model; negative if better.
  double limit = 0.0; ///< How much worse it may be.

  friend auto operator==(const metric_drop&, const metric_drop&) -> bool = default;
};

/// How many samples ran, and what for.
struct inferred_samples {
  std::size_t baseline = 0; ///< The float model.
  std::size_t ranking = 0;
  std::size_t candidates = 0; ///< Plans that might be returned, the one that is among them.

  [[nodiscard]] auto total() const noexcept -> std::size_t {
    return baseline + ranking + candidates;
  }

  friend auto operator==(const inferred_samples&, const inferred_samples&) -> bool = default;
};

enum class step_kind : std::uint8_t {
  baseline,  ///< The float model was measured.
  ranking,   ///< Groups were put in order.
  candidate, ///< A plan was measured, as far as was needed.
  result,    ///< The search is over.
  tuning,    ///< The plan of a configuration was measured.
};

[[nodiscard]] constexpr auto name_of(step_kind kind) noexcept -> std::string_view {
  switch (kind) {
  case step_kind::baseline:
    return "baseline";
  case step_kind::ranking:
    return "ranking";
  case step_kind::candidate:
    return "candidate";
  case step_kind::result:
    return "result";
  case step_kind::tuning:
    return "tuning";
  }
  return "";
}

/// One step of a search for the plan that holds the accuracy.
struct step {
  /// A group in the order in which groups are tried.
  struct ranked {
    std::size_t group = 0;
    double score = 0.0;
    std::vector<std::string> operations{};

    friend auto operator==(const ranked&, const ranked&) -> bool = default;
  };

  std::size_t number = 0; ///< From 0.
  step_kind kind = step_kind::candidate;
  std::vector<std::size_t> reverted{};   ///< The groups that are not quantized, ascending.
  std::vector<std::string> operations{}; ///< Their operations.
  std::vector<metric_drop> metrics{}; ///< Over the samples seen; the others as in the float model.
  std::size_t samples = 0;            ///< Inferences that this step took.
  std::size_t seen = 0;               ///< Samples that this plan has been measured on in all.
  std::size_t of = 0;                 ///< Samples there are.
  std::string decision{};             ///< `fits`, `does not fit`, `kept`, `rolled back`, ...
  std::string reason{};               ///< A sentence.
  std::vector<ranked> order{};        ///< Of a ranking: the group to revert first in front.
  std::vector<std::size_t> subset{};  ///< Of a ranking: the samples that it looked at.
  std::size_t evaluations = 0;        ///< Candidates measured so far.
  inferred_samples inferred{};        ///< So far.
  double seconds = 0.0;               ///< Since the search began.
  std::string configuration{};        ///< What the base algorithm was changed to; empty: as given.

  friend auto operator==(const step&, const step&) -> bool = default;
};

} // namespace ptq
