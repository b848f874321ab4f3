// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace ptq::detail {

/// The sum of squares of a channel, in binary64: value `i` goes to lane `i % 8`, and the lanes are
/// added up in order. A square of a binary32 value is exact, so that fused and separate roundings
/// agree; the blocks in which the values come do not matter.
class square_sum {
public:
  void observe(std::span<const float> values) noexcept {
    for (const float value : values) {
      const auto wide = static_cast<double>(value);
      lanes_[count_++ % lanes_.size()] += wide * wide;
    }
  }

  [[nodiscard]] auto mean() const noexcept -> double {
    double sum = 0.0;
    for (const double lane : lanes_) {
      sum += lane;
    }
    return sum / static_cast<double>(count_);
  }

private:
  std::array<double, 8> lanes_{};
  std::size_t count_ = 0;
};

} // namespace ptq::detail
