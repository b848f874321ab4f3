// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a user of the values and kernels includes.
#include <ptq/core/tensor_view.hpp>
#include <ptq/kernel/fake_quantize.hpp>
