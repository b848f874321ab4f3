// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/grid.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

/// Variants of a kernel side by side: measured in one run, in turns, each shown as a ratio to the
/// first ones of its section.
namespace ptq::benchmarks {

/// Memory for all variants alike; the two halves do not begin at the same place of a page.
class arena {
public:
  static auto get() -> arena& {
    static arena all;
    return all;
  }

  static constexpr std::size_t capacity = std::size_t{8} << 20;

  [[nodiscard]] auto x(std::size_t size) const -> std::span<const float> {
    return {memory_.get(), size};
  }

  [[nodiscard]] auto y(std::size_t size) -> std::span<float> {
    return {memory_.get() + capacity + 528, size};
  }

private:
  arena() : memory_(new(std::align_val_t(64)) float[2 * capacity + 1024]) {
    std::minstd_rand bits(7);
    std::normal_distribution<float> normal(0.0F, 1.0F);
    std::vector<float> some(1 << 16);
    std::ranges::generate(some, [&] { return normal(bits); });
    for (std::size_t i = 0; i != 2 * capacity + 1024; ++i) {
      memory_.get()[i] = some[(i * 40503U >> 3) % some.size()];
    }
  }

  struct release {
    void operator()(float* p) const { ::operator delete[](p, std::align_val_t(64)); }
  };

  std::unique_ptr<float[], release> memory_;
};

/// What the variants of a section do, and on how many values. Its first entries are what the others
/// are compared with.
struct section {
  std::string title;
  std::size_t values = 0;
  std::vector<std::string> references{}; ///< Names of entries.
  std::vector<std::pair<std::string, std::function<void()>>> entries{};
};

class table {
public:
  auto add(std::string title, std::size_t values, std::vector<std::string> references) -> section& {
    sections_.push_back(
        std::make_unique<section>(section{std::move(title), values, std::move(references)})
    );
    return *sections_.back();
  }

  [[nodiscard]] auto sections() const -> const std::vector<std::unique_ptr<section>>& {
    return sections_;
  }

private:
  std::vector<std::unique_ptr<section>> sections_;
};

inline auto the_table() -> table& {
  static table all;
  return all;
}

inline constexpr grid benchmark_grid{-2.5F, 3.1F, -2.5F, 3.1F, 255};
inline constexpr std::size_t tensor_sizes[] = {16 << 10, 1 << 20, 32 << 20};

/// The sections "fake_quantize, per tensor", with memcpy as their first entry.
inline auto fake_quantize_sections() -> std::vector<section*>& {
  static std::vector<section*> all = [] {
    std::vector<section*> made;
    for (const std::size_t bytes : tensor_sizes) {
      const std::size_t size = bytes / sizeof(float);
      section& s = the_table().add(
          "fake_quantize, per tensor, " + std::to_string(bytes >> 10) + " KiB", size, {"memcpy"}
      );
      s.entries.emplace_back("memcpy", [size] {
        std::memcpy(arena::get().y(size).data(), arena::get().x(size).data(), size * sizeof(float));
        benchmark::ClobberMemory();
      });
      made.push_back(&s);
    }
    return made;
  }();
  return all;
}

/// Adds a variant of fake-quantize to the table: anything that can be called as
/// `variant(std::span<const float> x, std::span<float> y, const ptq::grid&)`.
template <class Variant>
void register_fake_quantize(const std::string& name, Variant variant) {
  for (section* s : fake_quantize_sections()) {
    s->entries.emplace_back(name, [variant, size = s->values] {
      variant(arena::get().x(size), arena::get().y(size), benchmark_grid);
      benchmark::ClobberMemory();
    });
  }
}

/// Adds the kernels of the library, for each instruction set that this processor has.
void add_kernels();

/// Keeps the processor time of every repetition; the medians become the table.
class median_reporter : public benchmark::BenchmarkReporter {
public:
  auto ReportContext(const Context& context) -> bool override {
    PrintBasicContext(&GetErrorStream(), context);
    return true;
  }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type == Run::RT_Iteration && !run.error_occurred) {
        seconds_[run.run_name.function_name].push_back(
            run.cpu_accumulated_time / static_cast<double>(run.iterations)
        );
      }
    }
  }

  [[nodiscard]] auto median(const std::string& name) const -> double {
    const auto found = seconds_.find(name);
    if (found == seconds_.end()) {
      return 0.0;
    }
    std::vector<double> all = found->second;
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::ranges::nth_element(all, middle);
    return *middle;
  }

private:
  std::map<std::string, std::vector<double>> seconds_;
};

inline void print_table(const median_reporter& times) {
  for (const auto& s : the_table().sections()) {
    std::printf("\n%-42s %10s", s->title.c_str(), "ns/value");
    for (const std::string& reference : s->references) {
      std::printf("  /%-16s", reference.c_str());
    }
    std::printf("\n");
    for (const auto& [name, run] : s->entries) {
      const double seconds = times.median(s->title + " | " + name);
      if (seconds == 0.0) {
        continue;
      }
      std::printf("  %-40s %10.4f", name.c_str(), seconds * 1e9 / static_cast<double>(s->values));
      for (const std::string& reference : s->references) {
        const double base = times.median(s->title + " | " + reference);
        std::printf("  %-17.2f", base == 0.0 ? 0.0 : seconds / base);
      }
      std::printf("\n");
    }
  }
}

/// Runs what was registered and prints the table. Takes the flags of Google Benchmark, and
/// `--quick`, which only shows that everything runs.
inline auto run_table(int argc, char** argv) -> int {
  std::vector<char*> arguments;
  const bool quick =
      std::any_of(argv, argv + argc, [](char* a) { return std::string_view(a) == "--quick"; });
  std::string defaults[] = {
      "--benchmark_enable_random_interleaving=true",
      quick ? "--benchmark_repetitions=1" : "--benchmark_repetitions=15",
      quick ? "--benchmark_min_time=0.0001" : "--benchmark_min_time=0.02",
  };
  arguments.push_back(argv[0]);
  for (std::string& option : defaults) {
    arguments.push_back(option.data());
  }
  std::copy_if(argv + 1, argv + argc, std::back_inserter(arguments), [](char* a) {
    return std::string_view(a) != "--quick";
  });
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
    return 1;
  }
  for (const auto& s : the_table().sections()) {
    if (quick && s->values > (std::size_t{1} << 18)) {
      continue;
    }
    for (const auto& [name, run] : s->entries) {
      benchmark::RegisterBenchmark(
          (s->title + " | " + name).c_str(),
          [&body = run](benchmark::State& state) {
            for (auto _ : state) {
              body();
            }
          }
      );
    }
  }
  median_reporter times;
  benchmark::RunSpecifiedBenchmarks(&times);
  benchmark::Shutdown();
  print_table(times);
  return 0;
}

} // namespace ptq::benchmarks
