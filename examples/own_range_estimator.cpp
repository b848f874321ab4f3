// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A range estimator of one's own: a share of the greatest magnitude, so that outliers are clipped.
#include <ptq/ptq.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>
#include <string>

#include "support/small_net.hpp"

//! [estimator]
struct share_of_max {
  double share = 0.5; // what changes results is a member, and part of the key

  template <class T>
  struct estimation {
    T most{};

    void observe(std::span<const T> values) {
      for (const T value : values) {
        most = std::max(most, std::abs(value));
      }
    }
  };

  template <class T>
  auto start() const -> estimation<T> {
    return {};
  }

  template <class T>
  auto range(const estimation<T>& of) const -> ptq::value_range<T> {
    const auto end = static_cast<T>(share * static_cast<double>(of.most));
    return {-end, end};
  }

  auto key() const -> std::string { return "share_of_max/" + std::to_string(share); }

  friend auto operator==(const share_of_max&, const share_of_max&) -> bool = default;
};

static_assert(ptq::explain_range_estimator<share_of_max>());

//! [estimator]

int main() {
  const small_net::graph graph;
  small_net::evaluator evaluator(100);

  //! [use]
  using ranges = ptq::ranges<
      ptq::for_weights<ptq::abs_max>,
      ptq::for_activations<ptq::low<ptq::min>, ptq::high<share_of_max>>>;
  ptq::default_quantization<ptq::preset::performance, ptq::device::cpu, ranges> quantize;
  quantize.ranges.activations.high.estimator.share = 0.75;
  const ptq::plan plan = quantize(graph, evaluator);
  //! [use]

  std::puts("With the greatest magnitude:");
  small_net::print(ptq::default_quantization<>{}(graph, evaluator));
  std::puts("With three quarters of it:");
  small_net::print(plan);
}
