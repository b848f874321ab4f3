// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/evaluator/check.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/graph/concept.hpp>
#include <ptq/graph/digest.hpp>
#include <ptq/kernel/extremes.hpp>
#include <ptq/kernel/fake_quantize.hpp>
#include <ptq/kernel/nibbles.hpp>
#include <ptq/kernel/quantization_error.hpp>
#include <ptq/kernel/quantize.hpp>
#include <ptq/lowering/lower.hpp>
#include <ptq/lowering/rebuild.hpp>
#include <ptq/observer/print_progress.hpp>
#include <ptq/plan/resolve.hpp>
#include <ptq/statistics/file.hpp>
#include <ptq/version.hpp>
