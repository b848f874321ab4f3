// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a preset is a regular value with .prefers_accuracy.ptq::tensor_kind. const -> bool.
// expect: a device provides .rules.. const., convertible to std::span<const ptq::device_rule>; a table becomes a device as ptq::device::of<table>
// expect: the ranges of an algorithm are ptq::ranges<for_weights<...>, for_activations<...>> or ptq::default_ranges
// expect: a correction provides .operator...const ptq::correction_context&, const ptq::plan&. const -> ptq::plan.
#include <ptq/algorithm/default_quantization.hpp>

#include <type_traits>

inline constexpr auto table = ptq::device_table{ptq::passes(ptq::op::max_pool)};

struct correction {
#ifdef PTQ_EXPECT_ERROR
  auto operator()(const ptq::plan& before) const -> ptq::plan;
#else
  auto operator()(const ptq::correction_context& context, const ptq::plan& before) const
      -> ptq::plan;
#endif
  friend auto operator==(const correction&, const correction&) -> bool = default;
};

#ifdef PTQ_EXPECT_ERROR
using preset = ptq::tensor_kind;
using device = std::remove_const_t<decltype(table)>;
using ranges = ptq::abs_max;
#else
using preset = ptq::preset::mixed;
using device = ptq::device::of<table>;
using ranges = ptq::default_ranges;
#endif

// One at a time: a compiler may stop at the first.
ptq::corrections<correction> corrections;
ptq::default_quantization<preset> of_preset;
ptq::default_quantization<ptq::preset::mixed, device> of_device;
ptq::default_quantization<ptq::preset::mixed, ptq::device::cpu, ranges> of_ranges;
