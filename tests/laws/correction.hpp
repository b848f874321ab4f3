// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/correction/concept.hpp>
#include <ptq/plan/validate.hpp>

#include <cstddef>

#include <doctest/doctest.h>

namespace ptq::test {

/// What a correction must leave as it was, and that it gives the same bits again.
template <plan_correction C>
void check_correction_laws(const C& policy, const correction_context& context, const plan& before) {
  const plan kept = before;
  const plan after = policy(context, before);
  CHECK(before == kept);
  CHECK(after == policy(context, before));
  const C copy = policy;
  CHECK(copy == policy);
  CHECK(copy(context, before) == after);

  CHECK_NOTHROW(validate(after));
  CHECK(after.model == before.model);
  REQUIRE(after.quantizers.size() == before.quantizers.size());
  for (std::size_t i = 0; i != before.quantizers.size(); ++i) {
    CHECK(after.quantizers[i]->tensor == before.quantizers[i]->tensor);
    CHECK(after.quantizers[i]->consumers == before.quantizers[i]->consumers);
    CHECK(after.quantizers[i]->format.axis == before.quantizers[i]->format.axis);
  }
  REQUIRE(after.constants.size() >= before.constants.size());
  for (std::size_t i = 0; i != before.constants.size(); ++i) {
    CHECK(after.constants[i] == before.constants[i]);
  }
  for (std::size_t i = before.constants.size(); i != after.constants.size(); ++i) {
    CHECK_FALSE(after.constants[i]->cause.empty());
    CHECK_FALSE(after.constants[i]->node.empty());
  }
}

} // namespace ptq::test
