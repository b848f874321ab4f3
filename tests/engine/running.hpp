// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <engine/model.hpp>
#include <engine/program.hpp>

#include "onnx_bytes.hpp"

/// Numbers in -1 .. 1 that look random and are the same everywhere.
inline auto noise(std::size_t count, std::uint32_t seed) -> std::vector<float> {
  std::vector<float> result(count);
  for (float& each : result) {
    seed = seed * 1664525U + 1013904223U;
    each = static_cast<float>(static_cast<double>(seed >> 8U) / 8388608.0 - 1.0);
  }
  return result;
}

inline auto parse(const onnx_bytes::model& of) -> engine::model {
  return engine::parse(of.bytes(), "test.onnx");
}

/// The first output for a batch.
inline auto run(const engine::model& of, const std::vector<float>& input, std::size_t batch = 1)
    -> engine::tensor {
  const engine::changes none;
  engine::program prepared(of, batch, none);
  prepared.run(input.data());
  return prepared.output();
}

inline void check_close(const engine::tensor& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i != expected.size(); ++i) {
    const double error = std::abs(static_cast<double>(found.data()[i]) - expected[i]);
    worst = std::max(worst, error / std::max(1.0, std::abs(expected[i])));
  }
  CHECK(worst < 1e-5);
}
