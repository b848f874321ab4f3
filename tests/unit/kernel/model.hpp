// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/kernel/reference.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <vector>

/// What the kernels promise, one number at a time. These files are compiled for each instruction
/// set, so that agreement with the model is agreement between the sets.
namespace kernel_model {

inline constexpr float infinity = std::numeric_limits<float>::infinity();

inline auto bits(float value) -> std::uint32_t {
  return std::bit_cast<std::uint32_t>(value);
}

inline auto from_bits(std::uint32_t value) -> float {
  return std::bit_cast<float>(value);
}

/// How many elements differ in a bit.
inline auto differing(std::span<const float> a, std::span<const float> b) -> std::size_t {
  std::size_t count = a.size() == b.size() ? 0 : a.size() + b.size();
  for (std::size_t i = 0; i != std::min(a.size(), b.size()); ++i) {
    count += bits(a[i]) != bits(b[i]) ? 1U : 0U;
  }
  return count;
}

inline auto special_values() -> std::vector<float> {
  std::vector<float> all;
  for (const float size :
       {0.0F, 1e-45F, 1e-39F, 1.17549435e-38F, 1e-30F, 1.0F, 1e30F, 3.4e38F, infinity}) {
    all.push_back(size);
    all.push_back(-size);
  }
  for (const std::uint32_t nan :
       {0x7fc00000U, 0xffc00000U, 0x7fc12345U, 0xffd54321U, 0x7f812345U}) {
    all.push_back(from_bits(nan));
  }
  return all;
}

/// The usual ones, and each way of not being usual.
inline auto grids() -> std::vector<ptq::grid> {
  constexpr std::int64_t one = 1;
  std::vector<ptq::grid> all{
      {-2.5F, 3.1F, -2.5F, 3.1F, 255},
      {0.0F, 6.0F, 0.0F, 6.0F, 255},
      {-1.0F, 1.0F, -1.0F, 1.0F, 254},
      {-0.37F, 0.3671F, -0.37F, 0.3671F, 255},
      {-128.0F, 127.0F, -128.0F, 127.0F, 256},
      {-0.0033F, 0.0077F, 0.0F, 255.0F, 256},
      {0.0F, 2.1179F, 0.0F, 2.1179F, 65536},
      {-1.1F, 1.3F, -1.1F, 1.3F, 2},
      {-0.1F, 12345.7F, -0.1F, 12345.7F, 16},
      {-1.0F, 1.3F, -1.0F, 1.3F, 65537},
      {-1.0F, 1.3F, -1.0F, 1.3F, 1'000'003},
      {-1.0F, 1.3F, -1.0F, 1.3F, one << 32},
      {-1.0F, 1.3F, -1.1F, 2.7F, 256},  // other limits out than in
      {-1.0F, 1.0F, 1.0F, -1.0F, 16},   // output upside down
      {-1.0F, 0.7F, -0.37F, 0.11F, 77}, // the formula misses out_high
      {-0.0F, 6.0F, -0.0F, 6.0F, 256},  // zeros with a sign
      {-1.0F, -0.0F, -1.0F, -0.0F, 256},
      {0.0F, 1.0F, -0.0F, -1.0F, 256},
      {0.0F, 1.0F, 0.0F, 0.0F, 256},
      {3.0F, -1.0F, 3.0F, -1.0F, 256}, // inverted
      {3.0F, -1.0F, -0.0F, 5.0F, 255},
      {2.0F, 2.0F, 0.0F, 1.0F, 256}, // a step
      {0.0F, -0.0F, -3.0F, 5.0F, 256},
      {-infinity, infinity, -1.0F, 1.0F, 256},
      {0.0F, infinity, 0.0F, 1.0F, 256},
      {infinity, -1.0F, 0.0F, 1.0F, 256},
      {-1.0F, 1.0F, -3e38F, 3e38F, 256}, // the width of the output overflows
      {-1.0F, 1.0F, -infinity, 2.0F, 256},
      {-3e38F, 3e38F, -1.0F, 1.0F, 256}, // that of the input
      {0.0F, 1e-40F, 0.0F, 1e-40F, 256}, // denormal
      {-1e-36F, 1e-36F, -1e-36F, 1e-36F, 256},
      {-1e33F, 1e33F, -1e33F, 1e33F, 256},
      {-1.0F, 1.0F, -1e-40F, 1e-40F, 256},
  };
  std::minstd_rand engine(11);
  for (int i = 0; i != 60; ++i) {
    const float scale = std::exp2(static_cast<float>(static_cast<int>(engine() % 60) - 30));
    std::normal_distribution<float> normal(0.0F, scale);
    float a = normal(engine);
    float b = normal(engine);
    if (b < a) {
      std::swap(a, b);
    }
    const std::int64_t levels = 2 + static_cast<std::int64_t>(engine() % 300);
    all.push_back({a, b, a, b, levels});
    all.push_back({a, b, normal(engine), normal(engine), levels});
  }
  return all;
}

/// Values about a grid, with special ones among them.
inline auto values_for(const ptq::grid& on, std::size_t size, unsigned seed) -> std::vector<float> {
  static const std::vector<float> special = special_values();
  std::minstd_rand engine(seed + 1);
  const float low = std::clamp(std::min(on.in_low, on.in_high), -1e37F, 1e37F);
  const float high = std::clamp(std::max(on.in_low, on.in_high), -1e37F, 1e37F);
  const float margin = (high - low) * 0.1F;
  std::uniform_real_distribution<float> near(low - margin, high + margin + 1e-37F);
  std::vector<float> values(size);
  for (float& value : values) {
    switch (engine() % 8) {
    case 0:
      value = special[engine() % special.size()];
      break;
    case 1:
      value = from_bits(static_cast<std::uint32_t>(engine()) * 2654435761U);
      break;
    case 2:
      value = engine() % 2 == 0 ? on.in_low : on.in_high;
      break;
    default:
      value = near(engine);
    }
  }
  return values;
}

/// The sum that `summarize` promises: 32 lanes, blocks of 4,096, a fixed tree.
inline auto sum_of(std::span<const float> values) -> double {
  double total = 0.0;
  for (std::size_t begin = 0; begin < values.size(); begin += 4096) {
    const auto block = values.subspan(begin, std::min<std::size_t>(4096, values.size() - begin));
    float lanes[32]{};
    for (std::size_t i = 0; i != block.size(); ++i) {
      lanes[i % 32] += block[i];
    }
    for (const std::size_t half : {16U, 8U, 4U}) {
      for (std::size_t j = 0; j != half; ++j) {
        lanes[j] += lanes[j + half];
      }
    }
    const double even = static_cast<double>(lanes[0]) + static_cast<double>(lanes[2]);
    const double odd = static_cast<double>(lanes[1]) + static_cast<double>(lanes[3]);
    total += even + odd;
  }
  return total;
}

inline auto quantized(std::span<const float> x, const ptq::grid& on) -> std::vector<float> {
  std::vector<float> y(x.size());
  std::ranges::transform(x, y.begin(), [&](float v) {
    return ptq::reference::fake_quantize(v, on);
  });
  return y;
}

} // namespace kernel_model
