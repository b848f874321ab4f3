// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <unordered_map>

#include <dnnl.hpp>

#include "kernels.hpp"

namespace engine::detail {

[[nodiscard]] auto cpu() -> const dnnl::engine&;
[[nodiscard]] auto stream() -> dnnl::stream&;

[[nodiscard]] auto dims_of(const shape& of) -> dnnl::memory::dims;

/// `[N, C, H, W]` in ONNX's order, channels last in memory.
[[nodiscard]] auto channels_last_of(const shape& of, dnnl::memory::data_type type)
    -> dnnl::memory::desc;

/// Convolution weights `[O, I / groups, kh, kw]`, row-major, as oneDNN describes them.
[[nodiscard]] auto weights_of(const shape& of, std::size_t groups, dnnl::memory::data_type type)
    -> dnnl::memory::desc;

/// A copy of `from` in the layout that a primitive asked for.
[[nodiscard]] auto reordered(dnnl::memory from, const dnnl::memory::desc& wanted) -> dnnl::memory;

/// oneDNN wants pointers to what it only reads.
template <class T>
[[nodiscard]] auto memory_over(const dnnl::memory::desc& desc, const T* data) -> dnnl::memory {
  return {desc, cpu(), const_cast<T*>(data)};
}

[[nodiscard]] auto
execute(dnnl::primitive primitive, std::unordered_map<int, dnnl::memory> arguments) -> step;

struct convolution_dims {
  dnnl::memory::dims strides, dilations, pads_begin, pads_end;
};

[[nodiscard]] auto dims_of(const window& form) -> convolution_dims;

} // namespace engine::detail
