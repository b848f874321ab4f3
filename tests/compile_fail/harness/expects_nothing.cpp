// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/version.hpp>

#ifdef PTQ_EXPECT_ERROR
static_assert(PTQ_VERSION_MAJOR < 0);
#endif
