// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>

#include <algorithm>
#include <cstddef>
#include <string>

namespace ptq::detail {

/// The samples to measure on: the last `share` of them, at least one.
inline auto held_back(const samples& all, double share) -> samples {
  const auto wanted = static_cast<std::size_t>(share * static_cast<double>(all.size()));
  const std::size_t count = std::min(std::max<std::size_t>(wanted, 1), all.size());
  return all.part(all.size() - count, count);
}

inline void check_share(double share, bool may_be_one, const std::string& option) {
  if (!(share >= 0.0) || share > 1.0 || (share == 1.0 && !may_be_one)) {
    throw error(may_be_one ? "the share is 0 to 1" : "the share is 0 to below 1", {}, option);
  }
}

} // namespace ptq::detail
