// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: .request. is there, but not as .request.const ptq::topology&, const ptq::placement&, ptq::statistics_request&. const.
// expect: .saturates. is there, but not as .saturates.. const -> bool.
#include <ptq/correction/concept.hpp>
#include <ptq/device/devices.hpp>

struct improvement {
#ifdef PTQ_EXPECT_ERROR
  void request(const ptq::topology&, ptq::statistics_request&) const;
#else
  void request(const ptq::topology&, const ptq::placement&, ptq::statistics_request&) const;
#endif

  auto operator()(const ptq::correction_context&, const ptq::plan&) const -> ptq::plan;

  friend auto operator==(const improvement&, const improvement&) -> bool = default;
};

struct npu : ptq::device::of<ptq::device::cpu_table> {
#ifdef PTQ_EXPECT_ERROR
  auto saturates() -> bool;
#else
  auto saturates() const -> bool;
#endif
};

static_assert(ptq::explain_plan_correction<improvement>());
static_assert(ptq::explain_target_device<npu>());
