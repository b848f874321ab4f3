// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// Which samples of the user's data, by index, in the order in which they are wanted: a half-open
/// run, or an explicit list.
class samples {
public:
  class iterator {
  public:
    using value_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::forward_iterator_tag;

    constexpr iterator() = default;

    constexpr iterator(const samples* of, std::size_t position) : of_(of), position_(position) {}

    [[nodiscard]] constexpr auto operator*() const -> std::size_t { return (*of_)[position_]; }

    constexpr auto operator++() -> iterator& {
      ++position_;
      return *this;
    }

    constexpr auto operator++(int) -> iterator {
      iterator before = *this;
      ++position_;
      return before;
    }

    friend constexpr auto operator==(const iterator& a, const iterator& b) -> bool {
      return a.position_ == b.position_;
    }

  private:
    const samples* of_ = nullptr;
    std::size_t position_ = 0;
  };

  constexpr samples() = default;

  /// The run `[first, last)`.
  /// @throws error if `last < first`.
  constexpr samples(std::size_t first, std::size_t last) : first_(first), count_(last - first) {
    if (last < first) {
      throw error("the run of samples ends before it begins");
    }
  }

  explicit samples(std::vector<std::size_t> list) : count_(list.size()), list_(std::move(list)) {}

  [[nodiscard]] constexpr auto size() const noexcept -> std::size_t { return count_; }

  [[nodiscard]] constexpr auto empty() const noexcept -> bool { return count_ == 0; }

  /// @pre `position < size()`
  [[nodiscard]] constexpr auto operator[](std::size_t position) const -> std::size_t {
    return list_.empty() ? first_ + position : list_[position];
  }

  [[nodiscard]] constexpr auto begin() const -> iterator { return {this, 0}; }

  [[nodiscard]] constexpr auto end() const -> iterator { return {this, count_}; }

  /// The part from position `from` on, at most `count` long.
  [[nodiscard]] auto part(std::size_t from, std::size_t count) const -> samples {
    from = std::min(from, count_);
    count = std::min(count, count_ - from);
    if (list_.empty()) {
      return {first_ + from, first_ + from + count};
    }
    const auto at = list_.begin() + static_cast<std::ptrdiff_t>(from);
    return samples(std::vector<std::size_t>(at, at + static_cast<std::ptrdiff_t>(count)));
  }

  friend auto operator==(const samples& a, const samples& b) -> bool {
    return a.count_ == b.count_ && std::equal(a.begin(), a.end(), b.begin());
  }

private:
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::vector<std::size_t> list_{};
};

} // namespace ptq
