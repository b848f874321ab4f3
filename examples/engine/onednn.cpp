// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "detail/onednn.hpp"

#include <numeric>

// Of the OpenMP runtime that oneDNN is linked with.
extern "C" void omp_set_num_threads(int);

namespace engine::detail {

using dnnl::memory;
using data_type = memory::data_type;
using tag = memory::format_tag;

auto cpu() -> const dnnl::engine& {
  // One core for each caller: two threads that spin between tiny layers cost ten times what they
  // bring, and threads over samples are the caller's to make. Set before a primitive is made, which
  // remembers the number.
  thread_local const bool alone = [] {
    omp_set_num_threads(1);
    return true;
  }();
  static_cast<void>(alone);
  static const dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

auto stream() -> dnnl::stream& {
  thread_local dnnl::stream instance(cpu());
  return instance;
}

auto dims_of(const shape& of) -> memory::dims {
  return {of.begin(), of.end()};
}

auto channels_last_of(const shape& of, data_type type) -> memory::desc {
  return {dims_of(of), type, tag::nhwc};
}

auto weights_of(const shape& of, std::size_t groups, data_type type) -> memory::desc {
  if (groups == 1) {
    return {dims_of(of), type, tag::oihw};
  }
  const shape grouped{groups, of[0] / groups, of[1], of[2], of[3]};
  return {dims_of(grouped), type, tag::goihw};
}

auto reordered(memory from, const memory::desc& wanted) -> memory {
  memory result(wanted, cpu());
  dnnl::reorder(from, result).execute(stream(), from, result);
  stream().wait();
  return result;
}

auto execute(dnnl::primitive primitive, std::unordered_map<int, memory> arguments) -> step {
  return [primitive = std::move(primitive), arguments = std::move(arguments)] {
    primitive.execute(stream(), arguments);
    stream().wait();
  };
}

auto dims_of(const window& form) -> convolution_dims {
  const auto list = [](const std::array<std::size_t, 2>& from, std::size_t less) {
    return memory::dims{
        static_cast<memory::dim>(from[0] - less), static_cast<memory::dim>(from[1] - less)
    };
  };
  return {
      list(form.strides, 0),
      list(form.dilations, 1),
      list(form.pads_begin, 0),
      list(form.pads_end, 0)
  };
}

namespace {

/// A convolution or its transpose with weights that are stored as `stored` says.
template <class Forward>
auto sliding(
    dnnl::algorithm algorithm,
    const convolution_dims& dims,
    const memory::desc& stored,
    const view& from,
    const tensor& weights,
    const tensor* bias,
    const view& to
) -> step {
  const auto source = channels_last_of(from.extents, data_type::f32);
  const auto target = channels_last_of(to.extents, data_type::f32);
  const memory::desc any(stored.dims(), data_type::f32, tag::any);
  const memory::desc bias_desc =
      bias == nullptr ? memory::desc()
                      : memory::desc(dims_of(shape_of(*bias)), data_type::f32, tag::x);
  const typename Forward::primitive_desc made(
      typename Forward::desc(
          dnnl::prop_kind::forward_inference,
          algorithm,
          source,
          any,
          bias_desc,
          target,
          dims.strides,
          dims.dilations,
          dims.pads_begin,
          dims.pads_end
      ),
      cpu()
  );
  std::unordered_map<int, memory> arguments{
      {DNNL_ARG_SRC, memory_over(source, from.data)},
      {DNNL_ARG_WEIGHTS, reordered(memory_over(stored, weights.data()), made.weights_desc())},
      {DNNL_ARG_DST, memory_over(target, to.data)},
  };
  if (bias != nullptr) {
    arguments.emplace(
        DNNL_ARG_BIAS, reordered(memory_over(bias_desc, bias->data()), made.bias_desc())
    );
  }
  return execute(Forward(made), std::move(arguments));
}

} // namespace

auto convolution(
    const window& form, const view& from, const tensor& weights, const tensor* bias, const view& to
) -> step {
  return sliding<dnnl::convolution_forward>(
      dnnl::algorithm::convolution_direct,
      dims_of(form),
      weights_of(shape_of(weights), form.groups, data_type::f32),
      from,
      weights,
      bias,
      to
  );
}

auto transposed_convolution(
    const window& form, const view& from, const tensor& weights, const tensor* bias, const view& to
) -> step {
  auto dims = dims_of(form);
  for (std::size_t i = 0; i != 2; ++i) {
    dims.pads_end[i] -= static_cast<memory::dim>(form.output_padding[i]);
  }
  const auto groups = static_cast<memory::dim>(form.groups);
  const memory::dims e = dims_of(shape_of(weights));
  const memory::desc stored(
      groups == 1 ? memory::dims{e[1], e[0], e[2], e[3]}
                  : memory::dims{groups, e[1], e[0] / groups, e[2], e[3]},
      data_type::f32,
      groups == 1 ? tag::iohw : tag::giohw
  );
  return sliding<dnnl::deconvolution_forward>(
      dnnl::algorithm::deconvolution_direct, dims, stored, from, weights, bias, to
  );
}

auto matmul(const view& a, const view& b, bool transpose_b, const view& to) -> step {
  // A constant right-hand side is shared by all rows: then the leading axes are rows too.
  const bool flat = b.extents.size() == 2;
  const auto row_major = [](shape extents_of, std::size_t rank, bool transposed) {
    extents_of.insert(extents_of.begin(), rank - extents_of.size(), 1);
    memory::dims strides(rank, 1);
    for (std::size_t i = rank - 1; i-- != 0;) {
      strides[i] = strides[i + 1] * static_cast<memory::dim>(extents_of[i + 1]);
    }
    if (transposed) {
      std::swap(extents_of[rank - 1], extents_of[rank - 2]);
      std::swap(strides[rank - 1], strides[rank - 2]);
    }
    return memory::desc(dims_of(extents_of), data_type::f32, strides);
  };
  const std::size_t rank = flat ? 2 : to.extents.size();
  const auto flattened = [&](const shape& of) {
    return flat ? shape{extents(of) / of.back(), of.back()} : of;
  };
  const auto a_desc = row_major(flattened(a.extents), rank, false);
  const auto b_desc = row_major(b.extents, rank, transpose_b);
  const auto to_desc = row_major(flattened(to.extents), rank, false);
  const dnnl::matmul::primitive_desc made(dnnl::matmul::desc(a_desc, b_desc, to_desc), cpu());
  return execute(
      dnnl::matmul(made),
      {
          {DNNL_ARG_SRC, memory_over(a_desc, a.data)},
          {DNNL_ARG_WEIGHTS, memory_over(b_desc, b.data)},
          {DNNL_ARG_DST, memory_over(to_desc, to.data)},
      }
  );
}

auto pool(const window& form, bool maximum, const view& from, const view& to) -> step {
  const auto source = channels_last_of(from.extents, data_type::f32);
  const auto target = channels_last_of(to.extents, data_type::f32);
  auto dims = dims_of(form);
  for (std::size_t i = 0; i != 2; ++i) {
    // With ceil_mode the last window may reach beyond the padding: oneDNN wants to be told.
    const auto covered = static_cast<memory::dim>(
        (to.extents[2 + i] - 1) * form.strides[i] + (form.kernel[i] - 1) * form.dilations[i] + 1
    );
    dims.pads_end[i] = covered - static_cast<memory::dim>(from.extents[2 + i]) - dims.pads_begin[i];
  }
  const auto algorithm = maximum                  ? dnnl::algorithm::pooling_max
                         : form.count_include_pad ? dnnl::algorithm::pooling_avg_include_padding
                                                  : dnnl::algorithm::pooling_avg_exclude_padding;
  const dnnl::pooling_v2_forward::primitive_desc made(
      dnnl::pooling_v2_forward::desc(
          dnnl::prop_kind::forward_inference,
          algorithm,
          source,
          target,
          dims.strides,
          {static_cast<memory::dim>(form.kernel[0]), static_cast<memory::dim>(form.kernel[1])},
          dims.dilations,
          dims.pads_begin,
          dims.pads_end
      ),
      cpu()
  );
  return execute(
      dnnl::pooling_v2_forward(made),
      {
          {DNNL_ARG_SRC, memory_over(source, from.data)},
          {DNNL_ARG_DST, memory_over(target, to.data)},
      }
  );
}

auto relayout(const view& from, const view& to) -> step {
  if (from.channels_last == to.channels_last || layout_is_moot(from.extents)) {
    return [from, to] { std::copy_n(from.data, from.size(), to.data); };
  }
  const auto desc = [](const view& of) {
    return memory::desc(
        dims_of(of.extents), data_type::f32, of.channels_last ? tag::nhwc : tag::nchw
    );
  };
  memory source = memory_over(desc(from), from.data);
  memory target = memory_over(desc(to), to.data);
  dnnl::reorder made(source, target);
  return execute(std::move(made), {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, target}});
}

} // namespace engine::detail
