// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/range/detail/distribution_bins.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace ptq::detail {

/// What lies above a magnitude: how much mass, and the sum of mass times magnitude.
struct tail {
  double mass = 0.0;
  double moment = 0.0;
};

/// The magnitudes of a histogram, each bin spread evenly.
class spread_magnitudes {
public:
  explicit spread_magnitudes(const log_histogram& of) {
    const distribution_bins all(of);
    mass_ = all.total;
    bins_ = all.magnitudes();
    sums_.resize(bins_.size() + 1);
    for (std::size_t i = bins_.size(); i-- != 0;) {
      const double middle = (bins_[i].low + bins_[i].high) / 2.0;
      sums_[i].mass = sums_[i + 1].mass + bins_[i].count;
      sums_[i].moment = sums_[i + 1].moment + rounded(bins_[i].count * middle);
    }
    most_ = static_cast<double>(std::max(-of.low(), of.high()));
  }

  [[nodiscard]] auto most() const -> double { return most_; }

  [[nodiscard]] auto mass() const -> double { return mass_; }

  [[nodiscard]] auto above(double magnitude) const -> tail {
    std::size_t i = static_cast<std::size_t>(
        std::ranges::lower_bound(bins_, magnitude, {}, &distribution_bins::bin::low) - bins_.begin()
    );
    tail result = sums_[i];
    // Equal bins of the two signs, and no others, reach beyond.
    for (int sign = 0; sign != 2 && i != 0; ++sign) {
      const distribution_bins::bin& part = bins_[--i];
      if (part.high > magnitude) {
        const double share = part.count * ((part.high - magnitude) / (part.high - part.low));
        result.mass += rounded(share);
        result.moment += rounded(share * ((part.high + magnitude) / 2.0));
      }
    }
    return result;
  }

private:
  std::vector<distribution_bins::bin> bins_{};
  std::vector<tail> sums_{};
  double mass_ = 0.0;
  double most_ = 0.0;
};

/// The magnitudes of some values, exactly, the greatest first.
class sorted_magnitudes {
public:
  explicit sorted_magnitudes(std::span<const float> values) {
    for (const float value : values) {
      sorted_.push_back(std::abs(static_cast<double>(value)));
    }
    std::ranges::sort(sorted_, std::greater());
    sums_.resize(sorted_.size() + 1);
    for (std::size_t i = 0; i != sorted_.size(); ++i) {
      sums_[i + 1] = sums_[i] + sorted_[i];
    }
  }

  [[nodiscard]] auto most() const -> double { return sorted_.front(); }

  [[nodiscard]] auto mass() const -> double { return static_cast<double>(sorted_.size()); }

  [[nodiscard]] auto above(double magnitude) const -> tail {
    const auto count = static_cast<std::size_t>(
        std::ranges::lower_bound(sorted_, magnitude, std::greater()) - sorted_.begin()
    );
    return {static_cast<double>(count), sums_[count]};
  }

private:
  std::vector<double> sorted_{};
  std::vector<double> sums_{};
};

} // namespace ptq::detail
