// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Prints the SHA-256 of the plan.json of each recorded configuration, made from the recorded
// statistics: the same on every compiler, optimisation level and instruction set. Built once for
// each instruction set.
#include <ptq/json/plan.hpp>

#include <cstdio>
#include <exception>
#include <string>

#include "engine/graph.hpp"
#include "engine/model.hpp"
#include "golden/quantize.hpp"
#include "golden/read_golden.hpp"
#include "support/sha256.hpp"

auto main() -> int {
  using namespace ptq::test;
#if defined(PTQ_NEEDS_AVX512)
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl")) {
    return 77;
  }
#elif defined(PTQ_NEEDS_AVX2)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    return 77;
  }
#endif
  try {
    const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx");
    const engine::graph graph(model);
    const ptq::statistics collected = golden_statistics();
    for (const std::string& configuration : golden_configurations) {
      const ptq::plan plan = quantization_of(read_golden(configuration))(graph, collected);
      std::printf("%s  %s\n", sha256(ptq::to_json_text(plan)).c_str(), configuration.c_str());
    }
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return 1;
  }
  return 0;
}
