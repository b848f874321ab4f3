// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All 2^32 floats, on each of some grids: is the kernel the reference, bit for bit?
#include <ptq/kernel/fake_quantize.hpp>
#include <ptq/kernel/reference.hpp>

#include <bit>
#include <cstdint>
#include <cstdio>
#include <span>
#include <thread>
#include <vector>

namespace {

constexpr ptq::grid grids[] = {
    {-2.5F, 3.1F, -2.5F, 3.1F, 256},
    {0.0F, 6.0F, 0.0F, 6.0F, 256},
    {-1.0F, 1.0F, -1.0F, 1.0F, 255},
    {-0.37F, 0.3671F, -0.37F, 0.3671F, 256},
    {-128.0F, 127.0F, -128.0F, 127.0F, 256},
    {-0.0033F, 0.0077F, 0.0F, 255.0F, 256},
    {0.0F, 2.1179F, 0.0F, 2.1179F, 65536},
    {-1.0F, 0.7F, -0.37F, 0.11F, 77},
    {-0.0F, 6.0F, -0.0F, 6.0F, 255},
    {3.0F, -1.0F, 3.0F, -1.0F, 256},
    {2.0F, 2.0F, 0.0F, 1.0F, 256},
    {-1.0F, 1.3F, -1.0F, 1.3F, std::int64_t{1} << 32},
};

auto mismatches(const ptq::grid& on, std::uint64_t first, std::uint64_t last) -> std::uint64_t {
  constexpr std::size_t block = 4096;
  std::vector<float> x(block);
  std::vector<float> y(block);
  std::uint64_t wrong = 0;
  for (std::uint64_t begin = first; begin != last; begin += block) {
    for (std::size_t i = 0; i != block; ++i) {
      x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(begin + i));
    }
    ptq::fake_quantize(x, y, on);
    for (std::size_t i = 0; i != block; ++i) {
      const float expected = ptq::reference::fake_quantize(x[i], on);
      wrong +=
          std::bit_cast<std::uint32_t>(expected) != std::bit_cast<std::uint32_t>(y[i]) ? 1U : 0U;
    }
  }
  return wrong;
}

} // namespace

int main() {
  constexpr std::uint64_t all = std::uint64_t{1} << 32;
  std::printf("compiled for %s\n", xsimd::default_arch::name());
  bool good = true;
  for (const ptq::grid& on : grids) {
    std::uint64_t halves[2]{};
    std::thread other([&] { halves[0] = mismatches(on, 0, all / 2); });
    halves[1] = mismatches(on, all / 2, all);
    other.join();
    const std::uint64_t wrong = halves[0] + halves[1];
    std::printf(
        "[%g, %g] -> [%g, %g], %lld levels: %llu of 4294967296 floats differ\n",
        static_cast<double>(on.in_low),
        static_cast<double>(on.in_high),
        static_cast<double>(on.out_low),
        static_cast<double>(on.out_high),
        static_cast<long long>(on.levels),
        static_cast<unsigned long long>(wrong)
    );
    std::fflush(stdout);
    good = good && wrong == 0;
  }
  return good ? 0 : 1;
}
