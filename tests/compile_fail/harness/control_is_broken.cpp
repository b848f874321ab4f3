// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: the sentence
#include <ptq/version.hpp>

static_assert(PTQ_VERSION_MAJOR < 0, "the sentence");
