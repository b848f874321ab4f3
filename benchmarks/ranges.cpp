// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What ranges of all values cost: the log-histogram beside one of a fixed range, and the errors of
// 100 candidate ranges by one histogram, in one pass, and in 100 passes that fake-quantize and
// compare. Rounds alternate; medians of nanoseconds for a value and of the ratios of each round are
// printed.
//
//   ranges [--values 1048576] [--rounds 15]
#include <ptq/kernel/candidate_errors.hpp>
#include <ptq/kernel/extremes.hpp>
#include <ptq/kernel/fake_quantize.hpp>
#include <ptq/kernel/histogram.hpp>
#include <ptq/range/detail/least_error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using values = std::span<const float>;

/// Volatile, so that nothing is left out.
volatile double sink = 0.0;

/// 2,048 bins of one width over a range that is known before, in four tables as well.
class fixed_histogram {
public:
  explicit fixed_histogram(ptq::extremes range)
      : low_(range.low), bins_(2047.0F / (range.high - range.low)), counts_(4 * 2048) {}

  void count(values x) {
    constexpr std::size_t block = 64;
    std::int32_t at[block];
    std::uint32_t* const table = counts_.data();
    for (std::size_t i = 0; i + block <= x.size(); i += block) {
      for (std::size_t j = 0; j != block; ++j) {
        at[j] = static_cast<std::int32_t>((x[i + j] - low_) * bins_);
      }
      for (std::size_t j = 0; j != block; j += 4) {
        ++table[at[j]];
        ++table[2048 + at[j + 1]];
        ++table[4096 + at[j + 2]];
        ++table[6144 + at[j + 3]];
      }
    }
    sink = sink + static_cast<double>(table[5]);
  }

private:
  float low_;
  float bins_;
  std::vector<std::uint32_t> counts_;
};

auto seconds_of(const std::function<void()>& work) -> double {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

auto median(std::vector<double> of) -> double {
  std::ranges::sort(of);
  return of[of.size() / 2];
}

/// The first is what the others are compared with.
void compare(
    const char* title,
    std::size_t count,
    std::size_t rounds,
    const std::vector<std::pair<const char*, std::function<void()>>>& variants
) {
  std::vector<std::vector<double>> seconds(variants.size());
  for (std::size_t round = 0; round != rounds + 1; ++round) {
    for (std::size_t v = 0; v != variants.size(); ++v) {
      const double taken = seconds_of(variants[v].second);
      if (round != 0) {
        seconds[v].push_back(taken);
      }
    }
  }
  std::printf("\n%-50s %10s %8s\n", title, "ns/value", "ratio");
  for (std::size_t v = 0; v != variants.size(); ++v) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round != rounds; ++round) {
      ratios.push_back(seconds[v][round] / seconds[0][round]);
    }
    std::printf(
        "  %-48s %10.3f %8.3f\n",
        variants[v].first,
        median(seconds[v]) * 1e9 / static_cast<double>(count),
        median(ratios)
    );
  }
}

void run(const char* kind, const std::vector<float>& x, std::size_t rounds) {
  const ptq::extremes range = ptq::extremes_of(values(x));
  compare(
      (std::string("histogram, ") + kind).c_str(),
      x.size(),
      rounds,
      {{"2048 bins of a fixed range", [&] { fixed_histogram(range).count(x); }},
       {"extremes, then 2048 bins of that range",
        [&] { fixed_histogram(ptq::extremes_of(values(x))).count(x); }},
       {"log-histogram, its extremes included",
        [&] {
          ptq::log_histogram h;
          ptq::count(values(x), h);
          sink = sink + static_cast<double>(h.small());
        }}}
  );
  const ptq::target_grid target{ptq::tensor_kind::activations, ptq::symmetric, 256};
  std::vector<ptq::value_range<float>> candidates;
  std::vector<ptq::grid> grids;
  for (int k = 100; k != 0; --k) {
    const float high = range.abs_max() * static_cast<float>(k) / 100.0F;
    candidates.push_back({-high, high});
    grids.push_back(ptq::detail::code_grid_of(candidates.back(), target).as_grid(256));
  }
  std::vector<float> y(x.size());
  compare(
      (std::string("100 candidate ranges, ") + kind).c_str(),
      x.size(),
      std::min<std::size_t>(rounds, 5),
      {{"100 passes that fake-quantize and compare",
        [&] {
          for (const ptq::grid& on : grids) {
            ptq::fake_quantize(values(x), std::span(y), on);
            float lanes[32]{};
            for (std::size_t i = 0; i + 32 <= x.size(); i += 32) {
              for (std::size_t lane = 0; lane != 32; ++lane) {
                const float off = x[i + lane] - y[i + lane];
                lanes[lane] += off * off;
              }
            }
            sink = sink + static_cast<double>(lanes[3]);
          }
        }},
       {"candidate_errors, one pass, exact",
        [&] { sink = sink + ptq::candidate_errors(values(x), grids).back(); }},
       {"count, and the errors of the histogram",
        [&] {
          ptq::log_histogram h;
          ptq::count(values(x), h);
          sink = sink + ptq::detail::histogram_errors(h, target)(candidates).back();
        }}}
  );
}

} // namespace

auto main(int argc, char** argv) -> int {
  std::size_t count = std::size_t{1} << 20;
  std::size_t rounds = 15;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    const auto value = static_cast<std::size_t>(std::strtoull(argv[i + 1], nullptr, 10));
    (option == "--values" ? count : rounds) = std::max<std::size_t>(value, 1);
  }
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> x(count / 64 * 64 + 64);
  std::ranges::generate(x, [&] { return normal(random); });
  run("normal", x, rounds);
  for (float& value : x) {
    value = std::max(value, 0.0F);
  }
  run("behind ReLU", x, rounds);
}
