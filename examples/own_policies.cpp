// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Several policies of one's own at once, without touching the library.
#include <ptq/ptq.hpp>

#include <algorithm>
#include <cmath>
#include <span>

#include "support/small_net.hpp"

//! [estimator]
struct half_of_max { // a range estimator

  template <class T>
  struct estimation {
    void observe(std::span<const T> values) {
      for (const T value : values) {
        most = std::max(most, std::abs(value));
      }
    }

    auto range() const -> ptq::value_range<T> { return {-most / 2, most / 2}; }

    T most{};
  };

  template <class T>
  auto start() const -> estimation<T> {
    return {};
  }

  friend auto operator==(const half_of_max&, const half_of_max&) -> bool = default;
};

//! [estimator]

//! [compose]
using ranges = ptq::ranges<
    ptq::for_weights<ptq::abs_max>,
    ptq::for_activations<
        ptq::low<ptq::abs_max, ptq::aggregate::mean>,
        ptq::high<half_of_max, ptq::aggregate::mean>>>;

inline constexpr auto my_npu =
    ptq::device_table{// a device is data
                      ptq::quantizes(
                          ptq::op::matmul,
                          {.activations = {8, ptq::asymmetric, ptq::per_tensor},
                           .weights = {8, ptq::symmetric, ptq::per_channel}}
                      ),
                      ptq::passes(ptq::op::max_pool),
                      ptq::unifies(ptq::op::concat)
    };
using quantization = ptq::default_quantization<ptq::preset::mixed, ptq::device::of<my_npu>, ranges>;

//! [compose]

int main() {
  const small_net::graph graph;
  small_net::evaluator evaluator(100);
  small_net::print(quantization{.stat_subset_size = 50}(graph, evaluator));
}
