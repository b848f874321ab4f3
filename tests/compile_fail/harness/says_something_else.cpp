// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: the sentence
#include <ptq/version.hpp>

#ifdef PTQ_EXPECT_ERROR
static_assert(PTQ_VERSION_MAJOR < 0, "another");
#endif
