// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/kernel/detail/channel_layout.hpp>
#include <ptq/kernel/detail/prepared_grid.hpp>
#include <ptq/kernel/detail/simd.hpp>

#include <cstddef>

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
  static constexpr std::size_t capacity = 512;
  /// A batch that begins within the tile may be loaded whole.
  static constexpr std::size_t stride = capacity + 16;
  using table = float[slot::channel_count][stride];

  const table& channels;
  simd::floats<Arch> common[slot::count - slot::channel_count];

  struct place {
    const tile_parameters& tile;
    std::size_t offset;

    template <slot::index Index>
    [[nodiscard, gnu::always_inline]] auto get() const noexcept -> simd::floats<Arch> {
      if constexpr (Index < slot::channel_count) {
        return simd::floats<Arch>::load_unaligned(tile.channels[Index] + offset);
      } else {
        return tile.common[Index - slot::channel_count];
      }
    }
  };

  [[gnu::always_inline]] tile_parameters(const table& of, const prepared_grid& any) noexcept
      : channels(of) {
    for (std::size_t i = slot::channel_count; i != slot::count; ++i) {
      common[i - slot::channel_count] = simd::floats<Arch>(any.values[i]);
    }
  }

  [[nodiscard, gnu::always_inline]] auto at(std::size_t offset) const noexcept -> place {
    return {*this, offset};
  }
};

/// `size` elements that follow each other. The last batch overlaps the one before it; it is loaded
/// first, since the sweep may be in place.
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
  const auto final = simd::load<Arch>(from + end);
  std::size_t i = 0;
  for (; i + 3 * width < end; i += 4 * width) {
    const auto x0 = simd::load<Arch>(from + i);
    const auto x1 = simd::load<Arch>(from + i + width);
    const auto x2 = simd::load<Arch>(from + i + 2 * width);
    const auto x3 = simd::load<Arch>(from + i + 3 * width);
    simd::store<Arch>(to + i, step(parameters.at(i), x0));
    simd::store<Arch>(to + i + width, step(parameters.at(i + width), x1));
    simd::store<Arch>(to + i + 2 * width, step(parameters.at(i + 2 * width), x2));
    simd::store<Arch>(to + i + 3 * width, step(parameters.at(i + 3 * width), x3));
  }
  for (; i < end; i += width) {
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
    for (std::size_t c = 0; c != count; ++c) {
      prepared[c] = kernel.template prepared<Arch>(grids[first + c]);
    }
    for (std::size_t o = 0; o != layout.outer; ++o) {
      for (std::size_t c = 0; c != count; ++c) {
        const std::size_t at = (o * layout.channels + first + c) * layout.inner;
        kernel.template with_step<Arch>(
            prepared[c].by,
            [&](auto& step) __attribute__((always_inline)) {
              sweep<Arch>(
                  step, uniform_parameters<Arch>(prepared[c]), from + at, to + at, layout.inner
              );
            }
        );
      }
    }
  }
}

/// Short rows, all of as many levels: the parameters are written out for each element of a tile,
/// which is then swept as one row.
template <class Arch, class Kernel, class From, class To>
[[gnu::always_inline]] inline void sweep_tiles(
    Kernel& kernel, const grid* grids, const From* from, To* to, const channel_layout& layout
) noexcept {
  using tile = tile_parameters<Arch>;
  alignas(64) typename tile::table table;
  const std::size_t period = layout.channels * layout.inner;
  const std::size_t total = layout.outer * period;
  // Either whole periods in a tile, or several tiles in a period.
  const std::size_t tiles = (period + tile::capacity - 1) / tile::capacity;
  const std::size_t share = (period + tiles - 1) / tiles;
  for (std::size_t first = 0; first < period; first += share) {
    const std::size_t left = period - first;
    const std::size_t once = left < share ? left : share;
    const std::size_t times = tiles == 1 ? tile::capacity / period : 1;
    const std::size_t wanted = tiles == 1 && times > layout.outer ? layout.outer : times;
    path by = path::approximate;
    std::size_t channel = first / layout.inner;
    std::size_t within = first % layout.inner;
    prepared_grid prepared = kernel.template prepared<Arch>(grids[channel]);
    for (std::size_t e = 0; e != once; ++e) {
      if (within == layout.inner) {
        within = 0;
        prepared = kernel.template prepared<Arch>(grids[++channel]);
      }
      ++within;
      by = prepared.by > by ? prepared.by : by;
      for (std::size_t s = 0; s != slot::channel_count; ++s) {
        table[s][e] = prepared.values[s];
      }
    }
    const std::size_t length = once * wanted;
    for (std::size_t s = 0; s != slot::channel_count; ++s) {
      for (std::size_t e = once; e != length; ++e) {
        table[s][e] = table[s][e - once];
      }
      for (std::size_t e = length; e != length + simd::width<Arch>; ++e) {
        table[s][e] = table[s][0];
      }
    }
    kernel.template with_step<Arch>(by, [&](auto& step) __attribute__((always_inline)) {
      const tile parameters(table, prepared);
      const std::size_t jump = tiles == 1 ? length : period;
      for (std::size_t at = first; at < total; at += jump) {
        const std::size_t rest = total - at;
        sweep<Arch>(step, parameters, from + at, to + at, rest < length ? rest : length);
      }
    });
  }
}

/// All on one grid.
template <class Arch, class Kernel, class From, class To>
[[gnu::always_inline]] inline void
sweep_all(Kernel& kernel, const grid& on, const From* from, To* to, std::size_t size) noexcept {
  const prepared_grid prepared = kernel.template prepared<Arch>(on);
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
  if (layout.inner < 2 * simd::width<Arch> && same_levels) {
    sweep_tiles<Arch>(kernel, grids, from, to, layout);
  } else {
    sweep_rows<Arch>(kernel, grids, from, to, layout);
  }
}

} // namespace ptq::detail
