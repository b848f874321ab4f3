// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
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

  void insert(std::uint64_t sample) { insert(sample, sample + 1); }

  /// Adds the run `[first, last)`.
  /// @pre `first < last`
  void insert(std::uint64_t first, std::uint64_t last) {
    const auto begin =
        std::lower_bound(runs_.begin(), runs_.end(), first, [](const run& r, std::uint64_t s) {
          return r.second < s;
        });
    auto end = begin;
    for (; end != runs_.end() && end->first <= last; ++end) {
      first = std::min(first, end->first);
      last = std::max(last, end->second);
    }
    runs_.insert(runs_.erase(begin, end), {first, last});
  }

  /// The least sample that is in both sets; empty if there is none.
  [[nodiscard]] auto first_shared_with(const sample_set& other) const
      -> std::optional<std::uint64_t> {
    auto mine = runs_.begin();
    auto theirs = other.runs_.begin();
    while (mine != runs_.end() && theirs != other.runs_.end()) {
      const std::uint64_t from = std::max(mine->first, theirs->first);
      if (from < std::min(mine->second, theirs->second)) {
        return from;
      }
      if (mine->second < theirs->second) {
        ++mine;
      } else {
        ++theirs;
      }
    }
    return std::nullopt;
  }

  friend auto operator==(const sample_set&, const sample_set&) -> bool = default;

private:
  [[nodiscard]] auto first_after(std::uint64_t sample) const -> std::vector<run>::const_iterator {
    return std::upper_bound(runs_.begin(), runs_.end(), sample, [](std::uint64_t s, const run& r) {
      return s < r.first;
    });
  }

  std::vector<run> runs_;
};

} // namespace ptq
