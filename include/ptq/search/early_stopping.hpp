// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>

#include <cstddef>

namespace ptq {

/// When the measurement of a candidate stops before its end.
///
/// A candidate that cannot come within the limit any more, whatever the samples that are left do,
/// is rejected: that is exact. One that is within the limit if the samples that are left go on as
/// the last ones did is accepted for now: the plan that is returned is always measured in full, and
/// the search goes on if it fails.
struct early_stopping {
  bool enabled = true;      ///< False: every candidate is measured on all samples.
  std::size_t chunk = 64;   ///< Samples between two looks.
  std::size_t window = 128; ///< The last samples, by which the rest are judged.

  void check_options() const {
    if (chunk == 0 || window == 0) {
      throw error("at least one sample is needed", {}, "early_stopping");
    }
  }

  friend constexpr auto operator==(const early_stopping&, const early_stopping&) -> bool = default;
};

} // namespace ptq
