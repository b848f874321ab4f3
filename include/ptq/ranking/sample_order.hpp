// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace ptq::ranking {

namespace detail {

/// numpy's order: NaN is the largest.
inline auto numpy_less(double a, double b) -> bool {
  return a < b || (b != b && a == a);
}

/// What numpy 1.24 makes of `argsort` by default: introsort over indices.
class numpy_sort {
public:
  explicit numpy_sort(std::span<const double> values) : values_(values), order_(values.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
  }

  auto operator()() -> std::vector<std::size_t> {
    if (order_.size() > 1) {
      struct piece {
        std::size_t low;
        std::size_t high;
        int depth;
      };

      std::vector<piece> open;
      open.push_back(
          {0, order_.size() - 1, 2 * (static_cast<int>(std::bit_width(order_.size())) - 1)}
      );
      while (!open.empty()) {
        auto [low, high, depth] = open.back();
        open.pop_back();
        if (depth < 0) {
          heap(low, high - low + 1);
          continue;
        }
        while (high - low > 15) {
          const std::size_t at = partition(low, high);
          --depth;
          if (at - low < high - at) {
            open.push_back({at + 1, high, depth});
            high = at - 1;
          } else {
            open.push_back({low, at - 1, depth});
            low = at + 1;
          }
        }
        insertion(low, high);
      }
    }
    return std::move(order_);
  }

private:
  [[nodiscard]] auto less(std::size_t a, std::size_t b) const -> bool {
    return numpy_less(values_[order_[a]], values_[order_[b]]);
  }

  auto partition(std::size_t low, std::size_t high) -> std::size_t {
    const std::size_t middle = low + (high - low) / 2;
    const auto exchange = [this](std::size_t a, std::size_t b) {
      if (less(a, b)) {
        std::swap(order_[a], order_[b]);
      }
    };
    exchange(middle, low);
    exchange(high, middle);
    exchange(middle, low);
    const double pivot = values_[order_[middle]];
    std::size_t i = low;
    std::size_t j = high - 1;
    std::swap(order_[middle], order_[j]);
    for (;;) {
      do {
        ++i;
      } while (numpy_less(values_[order_[i]], pivot));
      do {
        --j;
      } while (numpy_less(pivot, values_[order_[j]]));
      if (i >= j) {
        break;
      }
      std::swap(order_[i], order_[j]);
    }
    std::swap(order_[i], order_[high - 1]);
    return i;
  }

  void insertion(std::size_t low, std::size_t high) {
    for (std::size_t i = low + 1; i <= high; ++i) {
      const std::size_t moved = order_[i];
      std::size_t j = i;
      while (j > low && numpy_less(values_[moved], values_[order_[j - 1]])) {
        order_[j] = order_[j - 1];
        --j;
      }
      order_[j] = moved;
    }
  }

  void heap(std::size_t first, std::size_t size) {
    const auto at = [&](std::size_t i) -> std::size_t& { return order_[first + i - 1]; };
    const auto sink = [&](std::size_t from, std::size_t end, std::size_t moved) {
      std::size_t i = from;
      for (std::size_t j = 2 * i; j <= end; j *= 2) {
        if (j < end && numpy_less(values_[at(j)], values_[at(j + 1)])) {
          ++j;
        }
        if (!numpy_less(values_[moved], values_[at(j)])) {
          break;
        }
        at(i) = at(j);
        i = j;
      }
      at(i) = moved;
    };
    for (std::size_t l = size / 2; l != 0; --l) {
      sink(l, size, at(l));
    }
    for (std::size_t end = size; end > 1;) {
      const std::size_t moved = at(end);
      at(end) = at(1);
      --end;
      sink(1, end, moved);
    }
  }

  std::span<const double> values_;
  std::vector<std::size_t> order_;
};

} // namespace detail

/// Positions in descending order of their values, ties as numpy 1.24 leaves them: its default
/// `argsort`, reversed. That is the order in which POT takes the hardest samples.
[[nodiscard]] inline auto numpy_descending(std::span<const double> values)
    -> std::vector<std::size_t> {
  std::vector<std::size_t> result = detail::numpy_sort(values)();
  std::ranges::reverse(result);
  return result;
}

} // namespace ptq::ranking
