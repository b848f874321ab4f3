// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/json/plan.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/plan/validate.hpp>

#include <concepts>
#include <string>

#include <doctest/doctest.h>

namespace ptq::test {

static_assert(std::regular<plan>);

/// What a plan is: a regular value that survives being written, and is cheap to copy.
inline void check_plan_laws(const plan& of) {
  CHECK_NOTHROW(validate(of));

  const plan copy = of;
  CHECK(copy == of);
  for (std::size_t i = 0; i != of.quantizers.size(); ++i) {
    CHECK(&*copy.quantizers[i] == &*of.quantizers[i]);
  }
  for (std::size_t i = 0; i != of.constants.size(); ++i) {
    CHECK(&*copy.constants[i] == &*of.constants[i]);
  }
  plan other = of;
  other.model.name += "?";
  CHECK(other != of);

  const std::string text = to_json_text(of);
  const plan back = plan_from_json_text(text);
  CHECK(back == of);
  CHECK(to_json_text(back) == text);
  CHECK(plan_from_json(to_json(of)) == of);
}

} // namespace ptq::test
