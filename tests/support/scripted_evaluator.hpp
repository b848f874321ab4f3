// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/samples.hpp>
#include <ptq/evaluator/concept.hpp>

#include <cstddef>
#include <functional>
#include <span>

namespace ptq::test {

/// An engine for toy graphs that shows whatever a test has it show.
struct scripted_evaluator {
  using ptq_evaluator = void;
  using script =
      std::function<void(std::span<const tensor_ref<int>>, const samples&, show_ref<int>)>;

  auto sample_count() const -> std::size_t { return count; }

  template <class G>
  void observe(
      const G& /*graph*/,
      std::span<const tensor_ref<int>> taps,
      const samples& range,
      show_ref<int> show
  ) {
    run(taps, range, show);
  }

  std::size_t count = 0;
  script run{};
};

} // namespace ptq::test
