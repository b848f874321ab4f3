// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "kernels_of.hpp"
#include "table.hpp"

namespace {

using namespace ptq::benchmarks;

auto supported_kernels() -> std::vector<const kernels*> {
  std::vector<const kernels*> all;
  for (const kernels* k : {&sse2, &avx2, &avx512}) {
    if (k->supported()) {
      all.push_back(k);
    } else {
      std::printf("%s is not supported by this processor\n", k->name);
    }
  }
  return all;
}

auto named(const char* what, const kernels* k) -> std::string {
  return std::string(what) + " " + k->name;
}

void add_fake_quantize(const std::vector<const kernels*>& sets) {
  for (section* s : fake_quantize_sections()) {
    s->references.push_back(named("copy loop", sets.back()));
  }
  const auto variant = [](kernels::map run) {
    return [run](std::span<const float> x, std::span<float> y, const ptq::grid& on) {
      run(x.data(), y.data(), x.size(), on);
    };
  };
  for (const kernels* k : sets) {
    register_fake_quantize(named("copy loop", k), variant(k->copy));
    register_fake_quantize(named("exact", k), variant(k->exact));
    register_fake_quantize(named("division", k), variant(k->division));
    register_fake_quantize(named("approximate", k), variant(k->approximate));
    register_fake_quantize(
        named("exact, setting the high end,", k),
        [run = k->exact](std::span<const float> x, std::span<float> y, ptq::grid on) {
          on.out_high = 0.7F;
          on.out_low = -2.1F;
          run(x.data(), y.data(), x.size(), on);
        }
    );
    register_fake_quantize(
        named("exact, in place,", k),
        [run = k->exact](std::span<const float>, std::span<float> y, const ptq::grid& on) {
          run(y.data(), y.data(), y.size(), on);
        }
    );
  }
}

void add_channels(const std::vector<const kernels*>& sets) {
  struct shape {
    const char* name;
    ptq::detail::channel_layout layout;
  };

  for (const std::size_t bytes : {std::size_t{1} << 20, std::size_t{32} << 20}) {
    const std::size_t size = bytes / sizeof(float);
    const auto outer = [&](std::size_t channels, std::size_t inner) {
      return ptq::detail::channel_layout{size / (channels * inner), channels, inner};
    };
    const shape shapes[] = {
        {"inner 7", outer(512, 7)},
        {"inner 49", outer(512, 49)},
        {"inner 196", outer(256, 196)},
        {"inner 3136", outer(64, 3136)},
        {"innermost, 64 channels", outer(64, 1)},
        {"innermost, 512 channels", outer(512, 1)},
        {"innermost, 3 channels", outer(3, 1)},
    };
    for (const auto& [name, layout] : shapes) {
      const std::size_t used = layout.outer * layout.channels * layout.inner;
      const auto grids = std::make_shared<std::vector<ptq::grid>>();
      for (std::size_t c = 0; c != layout.channels; ++c) {
        const auto low = -2.0F - 0.01F * static_cast<float>(c % 37);
        const auto high = 2.5F + 0.01F * static_cast<float>(c % 41);
        grids->push_back({low, high, low, high, 255});
      }
      section& s = the_table().add(
          std::string("per channel, ") + name + ", " + std::to_string(bytes >> 10) + " KiB",
          used,
          {}
      );
      for (const kernels* k : sets) {
        s.references.push_back(named("per tensor", k));
        s.entries.emplace_back(s.references.back(), [k, used] {
          k->exact(arena::get().x(used).data(), arena::get().y(used).data(), used, benchmark_grid);
          benchmark::ClobberMemory();
        });
        s.entries.emplace_back(named("per channel", k), [k, used, grids, shape = layout] {
          k->exact_channels(
              arena::get().x(used).data(), arena::get().y(used).data(), shape, grids->data()
          );
          benchmark::ClobberMemory();
        });
      }
    }
  }
}

void add_codes(const std::vector<const kernels*>& sets) {
  for (const std::size_t bytes : tensor_sizes) {
    const std::size_t size = bytes / sizeof(float);
    section& s = the_table().add(
        "int8 codes, " + std::to_string(bytes >> 10) + " KiB of floats", size, {"memcpy"}
    );
    s.entries.emplace_back("memcpy", [size] {
      std::memcpy(arena::get().y(size).data(), arena::get().x(size).data(), size * sizeof(float));
      benchmark::ClobberMemory();
    });
    const auto codes = std::make_shared<std::vector<std::int8_t>>(size);
    for (const kernels* k : sets) {
      s.entries.emplace_back(named("quantize", k), [k, size, codes] {
        k->quantize(arena::get().x(size).data(), codes->data(), size, benchmark_grid);
        benchmark::ClobberMemory();
      });
      s.entries.emplace_back(named("dequantize", k), [k, size, codes] {
        k->dequantize(codes->data(), arena::get().y(size).data(), size, benchmark_grid);
        benchmark::ClobberMemory();
      });
    }
  }
}

void add_reductions(const std::vector<const kernels*>& sets) {
  for (const std::size_t bytes : tensor_sizes) {
    const std::size_t size = bytes / sizeof(float);
    section& s = the_table().add(
        "reductions, " + std::to_string(bytes >> 10) + " KiB",
        size,
        {named("read-only sum", sets.back())}
    );
    for (const kernels* k : sets) {
      s.entries.emplace_back(named("read-only sum", k), [k, size] {
        benchmark::DoNotOptimize(k->read(arena::get().x(size).data(), size));
      });
      s.entries.emplace_back(named("extremes_of", k), [k, size] {
        benchmark::DoNotOptimize(k->extremes(arena::get().x(size).data(), size));
      });
      s.entries.emplace_back(named("summarize", k), [k, size] {
        benchmark::DoNotOptimize(k->summarize(arena::get().x(size).data(), size));
      });
      s.entries.emplace_back(named("quantization_error", k), [k, size] {
        benchmark::DoNotOptimize(k->error(arena::get().x(size).data(), size, benchmark_grid));
      });
    }
  }
  const ptq::detail::channel_layout layouts[] = {{1, 5350, 49}, {1, 1337, 196}, {4096, 64, 1}};
  for (const auto& layout : layouts) {
    const std::size_t size = layout.outer * layout.channels * layout.inner;
    section& s = the_table().add(
        "summarize channels, " + std::to_string(layout.channels) + " of " +
            std::to_string(layout.inner) + " values, 1024 KiB",
        size,
        {named("read-only sum", sets.back())}
    );
    const auto channels = std::make_shared<std::vector<ptq::summary>>(layout.channels);
    for (const kernels* k : sets) {
      s.entries.emplace_back(named("read-only sum", k), [k, size] {
        benchmark::DoNotOptimize(k->read(arena::get().x(size).data(), size));
      });
      s.entries.emplace_back(named("summarize", k), [k, size, layout, channels] {
        k->summarize_channels(arena::get().x(size).data(), layout, channels->data());
        benchmark::ClobberMemory();
      });
    }
  }
}

} // namespace

void ptq::benchmarks::add_kernels() {
  const std::vector<const kernels*> sets = supported_kernels();
  for (const kernels* k : sets) {
    std::printf("%s: compiled for xsimd's %s\n", k->name, k->xsimd_name);
  }
  add_fake_quantize(sets);
  add_channels(sets);
  add_codes(sets);
  add_reductions(sets);
}
