// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a preset is a regular value with .prefers_accuracy.ptq::tensor_kind. const -> bool.
// expect: a device provides .rules.. const., a view of or reference to its ptq::device_rule's; a table becomes a device as ptq::device::of<table>
// expect: the ranges of an algorithm are ptq::ranges<for_weights<...>, for_activations<...>>, ptq::default_ranges, or a regular type
// expect: the schemes of an algorithm are ptq::schemes<Symmetric, Asymmetric>: one scheme for each mode
// expect: the corrections of an algorithm are ptq::corrections<...>
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
using schemes = ptq::scheme::symmetric;
using plan_corrections = ptq::correction::saturation_fix;
#else
using preset = ptq::preset::mixed;
using device = ptq::device::of<table>;
using ranges = ptq::default_ranges;
using schemes = ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>;
using plan_corrections = ptq::corrections<ptq::correction::saturation_fix>;
#endif

// One at a time: a compiler may stop at the first.
ptq::corrections<correction> corrections;
ptq::default_quantization<preset> of_preset;
ptq::default_quantization<ptq::preset::mixed, device> of_device;
ptq::default_quantization<ptq::preset::mixed, ptq::device::cpu, ranges> of_ranges;
ptq::default_quantization<ptq::preset::mixed, ptq::device::cpu, ptq::ranges<>, schemes> of_schemes;
ptq::default_quantization<
    ptq::preset::mixed,
    ptq::device::cpu,
    ptq::ranges<>,
    ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
    plan_corrections>
    of_corrections;
