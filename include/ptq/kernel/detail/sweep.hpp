// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/kernel/detail/channel_layout.hpp>
#include <ptq/kernel/detail/prepared_grid.hpp>
#include <ptq/kernel/detail/simd.hpp>
#include <ptq/kernel/detail/simd_codes.hpp>

#include <cstddef>
#include <cstdint>

// How a step is carried over memory: all of it on one grid, or a grid for each channel.
namespace ptq::detail {

/// The same grid for every element.
template <class Arch>
struct uniform_parameters {
  simd::floats<Arch> values[slot::count];

  [[gnu::always_inline]] explicit uniform_parameters(const prepared_grid& on) noexcept {
    for (std::size_t i = 0; i != slot::count; ++i) {
      values[i] = simd::floats<Arch>(on.values[i]);
    }
  }

  template <slot::index Index>
  [[nodiscard, gnu::always_inline]] auto get() const noexcept -> const simd::floats<Arch>& {
    return values[Index];
  }

  [[nodiscard, gnu::always_inline]] auto at(std::size_t) const noexcept
      -> const uniform_parameters& {
    return *this;
  }
};

/// Numbers of their own for each element of a tile; the levels are common to all channels.
template <class Arch>
struct tile_parameters {
  const float* table; ///< Those of the first slot, then of the next, `stride` apart.
  std::size_t stride;
  simd::floats<Arch> common[slot::count - slot::channel_count];

  /// The numbers of a batch, in registers.
  struct place {
    simd::floats<Arch> values[slot::channel_count];
    const tile_parameters& tile;

    template <slot::index Index>
    [[nodiscard, gnu::always_inline]] auto get() const noexcept -> const simd::floats<Arch>& {
      if constexpr (Index < slot::channel_count) {
        return values[Index];
      } else {
        return tile.common[Index - slot::channel_count];
      }
    }
  };

  [[gnu::always_inline]] tile_parameters(
      const float* of, std::size_t apart, const prepared_grid& any
  ) noexcept
      : table(of), stride(apart) {
    for (std::size_t i = slot::channel_count; i != slot::count; ++i) {
      common[i - slot::channel_count] = simd::floats<Arch>(any.values[i]);
    }
  }

  [[nodiscard, gnu::always_inline]] auto at(std::size_t offset) const noexcept -> place {
    const auto slot_at = [&](std::size_t s) __attribute__((always_inline)) {
      return simd::floats<Arch>::load_unaligned(table + s * stride + offset);
    };
    static_assert(slot::channel_count == 9);
    return {
        {slot_at(0),
         slot_at(1),
         slot_at(2),
         slot_at(3),
         slot_at(4),
         slot_at(5),
         slot_at(6),
         slot_at(7),
         slot_at(8)},
        *this
    };
  }
};

/// `size` elements that follow each other. The last batch overlaps the one before it; it is loaded
/// before that is stored, since the sweep may be in place.
template <class Arch, class Step, class Parameters>
[[gnu::always_inline]] inline void sweep(
    Step& step,
    const Parameters& parameters,
    const typename Step::from* from,
    typename Step::to* to,
    std::size_t size
) noexcept {
  constexpr std::size_t width = simd::width<Arch>;
  if (size < width) [[unlikely]] {
    alignas(64) typename Step::from x[width]{};
    alignas(64) typename Step::to y[width];
    // Filled up with the last element: what fills up must not be a NaN that is not there.
    for (std::size_t i = 0; i != width && size != 0; ++i) {
      x[i] = from[i < size ? i : size - 1];
    }
    simd::store<Arch>(y, step(parameters.at(0), simd::load<Arch>(x)));
    for (std::size_t i = 0; i != size; ++i) {
      to[i] = y[i];
    }
    return;
  }
  const std::size_t end = size - width;
  std::size_t i = 0;
  for (; i + 4 * width <= end; i += 4 * width) {
    for (std::size_t k = 0; k != 4 * width; k += width) {
      simd::store<Arch>(to + i + k, step(parameters.at(i + k), simd::load<Arch>(from + i + k)));
    }
  }
  for (; i + width <= end; i += width) {
    simd::store<Arch>(to + i, step(parameters.at(i), simd::load<Arch>(from + i)));
  }
  const auto final = simd::load<Arch>(from + end);
  if (i != end) {
    simd::store<Arch>(to + i, step(parameters.at(i), simd::load<Arch>(from + i)));
  }
  simd::store<Arch>(to + end, step(parameters.at(end), final));
}

/// Long rows: each channel's row is a sweep of its own.
template <class Arch, class Kernel, class From, class To>
[[gnu::always_inline]] inline void sweep_rows(
    Kernel& kernel, const grid* grids, const From* from, To* to, const channel_layout& layout
) noexcept {
  constexpr std::size_t capacity = 128;
  prepared_grid prepared[capacity];
  for (std::size_t first = 0; first < layout.channels; first += capacity) {
    const std::size_t left = layout.channels - first;
    const std::size_t count = left < capacity ? left : capacity;
    path most = path::approximate;
    for (std::size_t c = 0; c != count; ++c) {
      if (c != 0) {
        for (std::size_t s = slot::last; s != slot::lowest_code; ++s) {
          prepared[c].values[s] = prepared[c - 1].values[s];
        }
      }
      kernel.template prepare_grid<Arch>(prepared[c], grids[first + c], c != 0);
      const bool divided = prepared[c].by == path::division;
      most = !divided && prepared[c].by > most ? prepared[c].by : most;
    }
    for (std::size_t o = 0; o != layout.outer; ++o) {
      for (std::size_t c = 0; c != count; ++c) {
        const std::size_t at = (o * layout.channels + first + c) * layout.inner;
        // The same way for all but the few that only division can do: a way for each row would be
        // foreseen by no processor.
        kernel.template with_step<Arch>(
            prepared[c].by == path::division ? path::division : most,
            [&](auto& step) __attribute__((always_inline)) {
              const uniform_parameters<Arch> parameters(prepared[c]);
              sweep<Arch>(step, parameters, from + at, to + at, layout.inner);
            }
        );
      }
    }
  }
}

/// How many elements a tile has: shorter periods are repeated, longer ones are cut.
struct tiling {
  /// Its table fits the first cache. Cut there, a period is visited in pieces that are far apart,
  /// which only pays while the tensor is in a cache.
  static constexpr std::size_t small = 512;
  /// Its table fits the second cache.
  static constexpr std::size_t large = 1 << 13;
  static constexpr std::size_t cached_tensor = 1 << 19;
};

/// Short rows, all of as many levels: the parameters are written out for each element of a tile,
/// which is then swept as one row. False if there is no memory for that.
template <class Arch, class Kernel, class From, class To>
[[nodiscard, gnu::always_inline]] inline auto sweep_tiles(
    Kernel& kernel, const grid* grids, const From* from, To* to, const channel_layout& layout
) noexcept -> bool {
  const std::size_t period = layout.channels * layout.inner;
  const std::size_t total = layout.outer * period;
  const std::size_t most = total <= tiling::cached_tensor ? tiling::small : tiling::large;
  const std::size_t tiles = (period + most - 1) / most;
  const std::size_t share = (period + tiles - 1) / tiles;
  const std::size_t wished = period < tiling::small ? tiling::small / period : 1;
  const std::size_t times = wished < layout.outer ? wished : layout.outer;
  // Not half a page or a whole one: nine streams would share a set of the first cache.
  const std::size_t stride = (share * times + simd::width<Arch> + 15) / 16 * 16 + 16;
  constexpr std::size_t alignment = 64;
  void* const memory = __builtin_malloc(slot::channel_count * stride * sizeof(float) + alignment);
  if (memory == nullptr) {
    return false;
  }
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  auto* const table = reinterpret_cast<float*>((address + alignment - 1) / alignment * alignment);
  for (std::size_t first = 0; first < period; first += share) {
    const std::size_t left = period - first;
    const std::size_t once = left < share ? left : share;
    path by = path::approximate;
    std::size_t channel = first / layout.inner;
    std::size_t within = first % layout.inner;
    prepared_grid prepared;
    kernel.template prepare_grid<Arch>(prepared, grids[channel], false);
    by = prepared.by;
    for (std::size_t e = 0; e != once;) {
      if (within == layout.inner) {
        within = 0;
        kernel.template prepare_grid<Arch>(prepared, grids[++channel], true);
        by = prepared.by > by ? prepared.by : by;
      }
      const std::size_t rest = layout.inner - within < once - e ? layout.inner - within : once - e;
      // One by one: a wide store across a cache line costs more than all of these.
      for (std::size_t k = 0; k != rest; ++k) {
        float* const numbers = table + e + k;
        for (std::size_t s = 0; s != slot::channel_count; ++s) {
          numbers[s * stride] = prepared.values[s];
        }
      }
      within += rest;
      e += rest;
    }
    const std::size_t length = once * times;
    for (std::size_t s = 0; s != slot::channel_count; ++s) {
      float* const row = table + s * stride;
      for (std::size_t e = once; e != length; ++e) {
        row[e] = row[e - once];
      }
      // A batch that begins within the tile may be loaded whole.
      for (std::size_t e = length; e != length + simd::width<Arch>; ++e) {
        row[e] = row[0];
      }
    }
    kernel.template with_step<Arch>(by, [&](auto& step) __attribute__((always_inline)) {
      const tile_parameters<Arch> parameters(table, stride, prepared);
      const std::size_t apart = tiles == 1 ? length : period;
      for (std::size_t at = first; at < total; at += apart) {
        const std::size_t rest = total - at;
        sweep<Arch>(step, parameters, from + at, to + at, rest < length ? rest : length);
      }
    });
  }
  __builtin_free(memory);
  return true;
}

/// All on one grid.
template <class Arch, class Kernel, class From, class To>
[[gnu::always_inline]] inline void
sweep_all(Kernel& kernel, const grid& on, const From* from, To* to, std::size_t size) noexcept {
  prepared_grid prepared;
  kernel.template prepare_grid<Arch>(prepared, on, false);
  kernel.template with_step<Arch>(prepared.by, [&](auto& step) __attribute__((always_inline)) {
    sweep<Arch>(step, uniform_parameters<Arch>(prepared), from, to, size);
  });
}

/// @pre `layout.channels` grids, and no extent is 0
template <class Arch, class Kernel, class From, class To>
[[gnu::always_inline]] inline void sweep_channels(
    Kernel& kernel, const grid* grids, const From* from, To* to, const channel_layout& layout
) noexcept {
  bool same_levels = true;
  for (std::size_t c = 1; c < layout.channels; ++c) {
    same_levels = same_levels && grids[c].levels == grids[0].levels;
  }
  if (layout.inner < 2 * simd::width<Arch> && same_levels &&
      sweep_tiles<Arch>(kernel, grids, from, to, layout)) {
    return;
  }
  sweep_rows<Arch>(kernel, grids, from, to, layout);
}

} // namespace ptq::detail
