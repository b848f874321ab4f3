// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>

#include <cstddef>

namespace ptq {

/// When the measurement of a candidate stops before its end.
///
/// A candidate that cannot come within the limit any more, whatever the samples that are left do,
/// is rejected: that is exact. Else it is accepted or rejected for now, by what is expected of the
/// samples that are left. The plan that is returned is always measured in full, and the search goes
/// on if it fails.
struct early_stopping {
  bool enabled = true;    ///< False: every candidate is measured on all samples.
  std::size_t chunk = 32; ///< Samples between two looks.
  double certainty = 1.0; ///< Standard deviations between what is expected and the limit.
  /// The share of the samples over which that certainty fades to none: what is a close call by
  /// then is decided by what is expected.
  double patience = 0.25;

  void check_options() const {
    if (chunk == 0) {
      throw error("at least one sample is needed", {}, "early_stopping");
    }
    if (!(patience > 0.0)) {
      throw error("the patience is above 0", {}, "early_stopping");
    }
    if (!(certainty >= 0.0)) {
      throw error("the certainty is 0 or more", {}, "early_stopping");
    }
  }

  friend constexpr auto operator==(const early_stopping&, const early_stopping&) -> bool = default;
};

namespace detail {

/// How many standard deviations decide.
struct strictness {
  double accepts = 0.0;
  double rejects = 0.0;
  double patience = 0.0; ///< The share of the samples over which both fade to none.
};

/// Each plan that failed in full makes the next acceptance stricter.
[[nodiscard]] constexpr auto provisional(const early_stopping& of, std::size_t failed, double times)
    -> strictness {
  const auto failures = static_cast<double>(failed);
  return {
      of.certainty * (1.0 + 0.5 * failures), of.certainty * times, of.patience * (times + failures)
  };
}

} // namespace detail

} // namespace ptq
