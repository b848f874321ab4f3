// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: an aggregator is a regular value: default constructible, copyable and equality comparable
// expect: an aggregator provides .operator...std::span<const float>. const -> float.
#include <ptq/range/ranges.hpp>

#include <span>
#include <vector>

struct last {
#ifdef PTQ_EXPECT_ERROR
  auto operator()(const std::vector<float>& values) const -> float;
#else
  auto operator()(std::span<const float> values) const -> float;
  friend auto operator==(const last&, const last&) -> bool = default;
#endif
};

ptq::high<ptq::max, last> side;
