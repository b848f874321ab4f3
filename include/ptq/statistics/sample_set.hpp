// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

namespace ptq {

/// A set of sample indices, kept as sorted runs `[first, last)` with gaps between them.
class sample_set {
public:
  using run = std::pair<std::uint64_t, std::uint64_t>;

  sample_set() = default;

  [[nodiscard]] auto runs() const noexcept -> const std::vector<run>& { return runs_; }

  [[nodiscard]] auto size() const noexcept -> std::size_t {
    std::uint64_t count = 0;
    for (const run& each : runs_) {
      count += each.second - each.first;
    }
    return static_cast<std::size_t>(count);
  }

  [[nodiscard]] auto contains(std::uint64_t sample) const noexcept -> bool {
    const auto after = first_after(sample);
    return after != runs_.begin() && sample < std::prev(after)->second;
  }

  void insert(std::uint64_t sample) {
    auto after = first_after(sample);
    if (after != runs_.begin() && sample <= std::prev(after)->second) {
      const auto before = std::prev(after);
      before->second = std::max(before->second, sample + 1);
      if (after != runs_.end() && after->first == before->second) {
        before->second = after->second;
        runs_.erase(after);
      }
      return;
    }
    if (after != runs_.end() && after->first == sample + 1) {
      after->first = sample;
      return;
    }
    runs_.insert(after, {sample, sample + 1});
  }

  /// Adds the run `[first, last)`. Cheap behind the last run, as when a saved set is read.
  /// @pre `first < last`
  void insert(std::uint64_t first, std::uint64_t last) {
    if (runs_.empty() || runs_.back().second < first) {
      runs_.push_back({first, last});
      return;
    }
    for (std::uint64_t sample = first; sample != last; ++sample) {
      insert(sample);
    }
  }

  friend auto operator==(const sample_set&, const sample_set&) -> bool = default;

private:
  [[nodiscard]] auto first_after(std::uint64_t sample) const -> std::vector<run>::const_iterator {
    return std::upper_bound(runs_.begin(), runs_.end(), sample, [](std::uint64_t s, const run& r) {
      return s < r.first;
    });
  }

  auto first_after(std::uint64_t sample) -> std::vector<run>::iterator {
    return std::upper_bound(runs_.begin(), runs_.end(), sample, [](std::uint64_t s, const run& r) {
      return s < r.first;
    });
  }

  std::vector<run> runs_;
};

} // namespace ptq
