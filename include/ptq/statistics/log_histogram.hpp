// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace ptq {

/// How many values were how large: a histogram whose bins are the first bits of the values' own
/// binary32, so that none has to know a range before it begins.
///
/// @par Definition
/// A bin has a sign, an exponent and the first `mantissa_bits` of the mantissa: it is at most
/// `2^-mantissa_bits` of its values wide. The `octaves` below the greatest magnitude are resolved;
/// what is smaller, zeros and subnormal numbers are counted as `small()`. The extremes are exact.
///
/// @par Laws
/// The same value, bit for bit, for any order of the values and for any way to cut them into parts
/// that are merged in any order. The empty histogram is neutral.
///
/// @par Memory
/// `octaves * 2^mantissa_bits` counts of 8 bytes for each sign that occurs: 24 KiB, or 48 KiB where
/// there are values of both signs.
class log_histogram {
public:
  static constexpr unsigned mantissa_bits = 7;
  static constexpr std::size_t octaves = 24;
  static constexpr std::size_t bins = octaves << mantissa_bits;

  /// Where a magnitude lies among the bins of all magnitudes, counted from zero.
  [[nodiscard]] static constexpr auto position_of(float value) noexcept -> std::uint32_t {
    return (std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFFU) >> dropped;
  }

  /// The least magnitude of a position; infinity behind the last one.
  [[nodiscard]] static constexpr auto magnitude_at(std::uint32_t position) noexcept -> float {
    return std::bit_cast<float>(position << dropped);
  }

  [[nodiscard]] auto empty() const noexcept -> bool { return high_ < low_; }

  /// The least value and the greatest; zeros are positive.
  /// @pre not empty
  [[nodiscard]] auto low() const noexcept -> float { return low_; }

  [[nodiscard]] auto high() const noexcept -> float { return high_; }

  /// How many values were too small to have a bin, with zeros.
  [[nodiscard]] auto small() const noexcept -> std::uint64_t { return small_; }

  /// The position of the first of the `bins`.
  [[nodiscard]] auto first_position() const noexcept -> std::uint32_t { return first_; }

  /// The counts of one sign, from the least magnitude on; empty if no value has it.
  [[nodiscard]] auto negative() const noexcept -> std::span<const std::uint64_t> {
    return negative_;
  }

  [[nodiscard]] auto positive() const noexcept -> std::span<const std::uint64_t> {
    return positive_;
  }

  [[nodiscard]] auto count() const noexcept -> std::uint64_t {
    return small_ + sum_of(negative_) + sum_of(positive_);
  }

  [[nodiscard]] auto bytes() const noexcept -> std::size_t {
    return sizeof *this + (negative_.size() + positive_.size()) * sizeof(std::uint64_t);
  }

  /// Counts values one by one; `ptq::count` of kernel/histogram.hpp does the same faster.
  /// @throws error, and counts nothing, if one is NaN or infinite
  void add(std::span<const float> values) {
    float least = std::numeric_limits<float>::infinity();
    float most = -least;
    for (const float value : values) {
      if (!(value - value == 0.0F)) {
        throw error(
            value == value ? "infinity has no place in a histogram"
                           : "NaN has no place in a histogram"
        );
      }
      least = std::min(least, value + 0.0F);
      most = std::max(most, value + 0.0F);
    }
    if (values.empty()) {
      return;
    }
    cover(least, most);
    for (const float value : values) {
      add_covered(value);
    }
  }

  /// Makes room for values from `low` to `high`, both of which will be counted.
  /// @pre finite, `low <= high`, no negative zero
  void cover(float low, float high) {
    low_ = std::min(low_, low);
    high_ = std::max(high_, high);
    move_to(first_for(std::max(-low_, high_)));
    if (negative_.empty() && low_ < 0.0F && position_of(low_) >= first_) {
      negative_.resize(bins);
    }
    if (positive_.empty() && high_ > 0.0F && position_of(high_) >= first_) {
      positive_.resize(bins);
    }
  }

  /// Counts one value.
  /// @pre it lies in what was covered
  void add_covered(float value) noexcept {
    const std::uint32_t position = position_of(value);
    if (position < first_) {
      ++small_;
    } else {
      ++(value < 0.0F ? negative_ : positive_)[position - first_];
    }
  }

  /// Adds counts by bin: those of bin `i` of each sign at `i + 1`, the small ones at 0.
  /// @param of_negative, of_positive  `bins + 1` numbers each
  /// @pre what is counted was covered
  void add_counts(
      std::span<const std::uint32_t> of_negative, std::span<const std::uint32_t> of_positive
  ) noexcept {
    small_ += std::uint64_t{of_negative[0]} + of_positive[0];
    for (std::size_t i = 0; i != negative_.size(); ++i) {
      negative_[i] += of_negative[i + 1];
    }
    for (std::size_t i = 0; i != positive_.size(); ++i) {
      positive_[i] += of_positive[i + 1];
    }
  }

  void merge(const log_histogram& other) {
    if (other.empty()) {
      return;
    }
    cover(other.low_, other.high_);
    const std::size_t lost = first_ - other.first_;
    small_ += other.small_;
    merge_side(negative_, other.negative_, lost);
    merge_side(positive_, other.positive_, lost);
  }

  /// Puts back saved counts.
  /// @throws error if no values have them
  [[nodiscard]] static auto restored(
      float low,
      float high,
      std::uint64_t small,
      std::span<const std::pair<std::uint64_t, std::uint64_t>> negative,
      std::span<const std::pair<std::uint64_t, std::uint64_t>> positive
  ) -> log_histogram {
    log_histogram result;
    if (!(low - low == 0.0F) || !(high - high == 0.0F) || high < low) {
      throw error("a histogram without extremes");
    }
    result.cover(low + 0.0F, high + 0.0F);
    result.small_ = small;
    restore_side(result.negative_, negative, position_of(low) - std::size_t{result.first_});
    restore_side(result.positive_, positive, position_of(high) - std::size_t{result.first_});
    return result;
  }

  friend auto operator==(const log_histogram&, const log_histogram&) -> bool = default;

private:
  using side = std::vector<std::uint64_t>;

  static constexpr unsigned dropped = 23 - mantissa_bits;

  static auto first_for(float most) noexcept -> std::uint32_t {
    const std::uint32_t octave = position_of(most) >> mantissa_bits;
    return (octave > octaves ? octave - static_cast<std::uint32_t>(octaves) + 1 : 1)
           << mantissa_bits;
  }

  static auto sum_of(const side& of) noexcept -> std::uint64_t {
    return std::accumulate(of.begin(), of.end(), std::uint64_t{0});
  }

  void move_to(std::uint32_t first) {
    const std::size_t lost = first - first_;
    if (lost == 0) {
      return;
    }
    for (auto* const each : {&negative_, &positive_}) {
      side moved = std::exchange(*each, {});
      const float end = each == &negative_ ? low_ : high_;
      if (position_of(end) >= first && (each == &negative_ ? end < 0.0F : end > 0.0F)) {
        each->resize(bins);
      }
      merge_side(*each, moved, lost);
    }
    first_ = first;
  }

  void merge_side(side& mine, const side& other, std::size_t lost) noexcept {
    for (std::size_t i = 0; i != other.size(); ++i) {
      if (i < lost) {
        small_ += other[i];
      } else if (!mine.empty()) {
        mine[i - lost] += other[i];
      }
    }
  }

  static void restore_side(
      side& to, std::span<const std::pair<std::uint64_t, std::uint64_t>> counts, std::size_t last
  ) {
    const bool ends_there =
        to.empty() ? counts.empty() : !counts.empty() && counts.back().first == last;
    if (!ends_there) {
      throw error("a histogram whose counts do not end at its extremes");
    }
    std::size_t next = 0;
    for (const auto& [bin, count] : counts) {
      if (bin < next || bin >= to.size() || count == 0) {
        throw error("a histogram with a bin out of place");
      }
      to[static_cast<std::size_t>(bin)] = count;
      next = static_cast<std::size_t>(bin) + 1;
    }
  }

  float low_ = std::numeric_limits<float>::infinity();
  float high_ = -std::numeric_limits<float>::infinity();
  std::uint32_t first_ = 1U << mantissa_bits;
  std::uint64_t small_ = 0;
  side negative_{};
  side positive_{};
};

} // namespace ptq
