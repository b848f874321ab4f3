// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>

#include <string>

namespace ptq::test {

/// What the error says that `call` throws; "no error" if it throws none. Any other exception passes
/// through and fails the test.
template <class Call>
auto message_of(Call call) -> std::string {
  try {
    call();
  } catch (const error& problem) {
    return problem.what();
  }
  return "no error";
}

} // namespace ptq::test
