// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace ptq::detail {

/// The samples to measure on: the last `share` of them, at least one.
inline auto held_back(const samples& all, double share) -> samples {
  const auto wanted = static_cast<std::size_t>(share * static_cast<double>(all.size()));
  const std::size_t count = std::min(std::max<std::size_t>(wanted, 1), all.size());
  return all.part(all.size() - count, count);
}

/// Of the samples, `most` that are spread evenly; all of them if there are no more.
inline auto at_most(const samples& all, std::size_t most) -> samples {
  if (all.size() <= most) {
    return all;
  }
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i != most; ++i) {
    chosen.push_back(all[i * all.size() / most]);
  }
  return samples(std::move(chosen));
}

inline void check_most(std::size_t most, const std::string& option) {
  if (most == 0) {
    throw error("at least one sample is needed", {}, option);
  }
}

inline void check_share(double share, bool may_be_one, const std::string& option) {
  if (!(share >= 0.0) || share > 1.0 || (share == 1.0 && !may_be_one)) {
    throw error(may_be_one ? "the share is 0 to 1" : "the share is 0 to below 1", {}, option);
  }
}

} // namespace ptq::detail
