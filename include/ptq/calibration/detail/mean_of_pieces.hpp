// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <vector>

namespace ptq::detail {

/// Means of the pieces in which a sample's tensor is shown.
struct mean_of_pieces {
  std::vector<double> sums{};
  std::size_t pieces = 0;

  void add(const std::vector<double>& piece) {
    sums.resize(piece.size());
    for (std::size_t i = 0; i != piece.size(); ++i) {
      sums[i] += piece[i];
    }
    ++pieces;
  }

  /// As floats, of which sums are exact.
  [[nodiscard]] auto numbers() const -> std::vector<float> {
    std::vector<float> result;
    for (const double sum : sums) {
      result.push_back(static_cast<float>(sum / static_cast<double>(pieces)));
    }
    return result;
  }
};

} // namespace ptq::detail
