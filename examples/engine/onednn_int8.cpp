// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>

#include "detail/int8_kernels.hpp"
#include "detail/onednn.hpp"

namespace engine::detail {
namespace {

using dnnl::memory;
using data_type = memory::data_type;
using tag = memory::format_tag;

auto type_of(result_type of) -> data_type {
  switch (of) {
  case result_type::u8:
    return data_type::u8;
  case result_type::s8:
    return data_type::s8;
  case result_type::f32:
    break;
  }
  return data_type::f32;
}

struct int8_descs {
  memory::desc source, weights, bias, target;
};

auto descs_of(const int8_operation& of) -> int8_descs {
  const auto source_type = of.source_is_signed ? data_type::s8 : data_type::u8;
  const auto channels = static_cast<memory::dim>(of.scale.size());
  const memory::desc bias({channels}, data_type::f32, tag::x);
  if (of.form) {
    return {
        channels_last_of(of.from, source_type),
        weights_of(of.weights_shape, of.form->groups, data_type::s8),
        bias,
        channels_last_of(of.to, type_of(of.result)),
    };
  }
  const auto depth = static_cast<memory::dim>(of.from.back());
  const auto rows = static_cast<memory::dim>(extents(of.from)) / depth;
  return {
      {{rows, depth}, source_type, tag::nc},
      {{channels, depth}, data_type::s8, of.output_first ? tag::oi : tag::io},
      bias,
      {{rows, channels}, type_of(of.result), tag::nc},
  };
}

auto attributes_of(const int8_operation& of) -> dnnl::primitive_attr {
  dnnl::primitive_attr result;
  constexpr int channel_axis = 1;
  result.set_output_scales(1 << channel_axis, of.scale);
  if (of.source_zero_point != 0) {
    result.set_zero_points(DNNL_ARG_SRC, 0, {of.source_zero_point});
  }
  if (of.clip) {
    dnnl::post_ops after;
    after.append_eltwise(1.0F, dnnl::algorithm::eltwise_clip, of.clip->first, of.clip->second);
    result.set_post_ops(after);
  }
  return result;
}

/// Calls `use(primitive_desc)` with the descriptor of a convolution or an inner product.
template <class Use>
auto with_descriptor(const int8_operation& of, Use use) {
  const int8_descs descs = descs_of(of);
  const memory::desc any(descs.weights.dims(), data_type::s8, tag::any);
  const dnnl::primitive_attr attributes = attributes_of(of);
  if (of.form) {
    const auto dims = dims_of(*of.form);
    return use(dnnl::convolution_forward::primitive_desc(
        dnnl::convolution_forward::desc(
            dnnl::prop_kind::forward_inference,
            dnnl::algorithm::convolution_direct,
            descs.source,
            any,
            descs.bias,
            descs.target,
            dims.strides,
            dims.dilations,
            dims.pads_begin,
            dims.pads_end
        ),
        attributes,
        cpu()
    ));
  }
  return use(dnnl::inner_product_forward::primitive_desc(
      dnnl::inner_product_forward::desc(
          dnnl::prop_kind::forward_inference, descs.source, any, descs.bias, descs.target
      ),
      attributes,
      cpu()
  ));
}

} // namespace

auto kernel_of(const int8_operation& of) -> std::string {
  try {
    return with_descriptor(of, [](const auto& made) { return std::string(made.impl_info_str()); });
  } catch (const dnnl::error&) {
    return {};
  }
}

auto int8_step(const int8_operation& of, const std::uint8_t* from, void* to) -> step {
  const int8_descs descs = descs_of(of);
  return with_descriptor(of, [&](const auto& made) {
    return execute(
        dnnl::primitive(made.get()),
        {
            {DNNL_ARG_SRC, memory_over(descs.source, from)},
            {DNNL_ARG_WEIGHTS,
             reordered(memory_over(descs.weights, of.weights.data()), made.weights_desc())},
            {DNNL_ARG_BIAS, reordered(memory_over(descs.bias, of.bias.data()), made.bias_desc())},
            {DNNL_ARG_DST, memory(descs.target, cpu(), to)},
        }
    );
  });
}

auto relayout_codes(const code_view& from, const code_view& to) -> step {
  const auto desc = [](const code_view& of) {
    return memory::desc(
        dims_of(of.extents), data_type::u8, of.channels_last ? tag::nhwc : tag::nchw
    );
  };
  const memory source = memory_over(desc(from), from.data);
  const memory target = memory_over(desc(to), to.data);
  return execute(dnnl::reorder(source, target), {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, target}});
}

auto pad_codes(const code_view& from, explicit_padding by, const code_view& to) -> step {
  const std::size_t channels = to.extents[1];
  return [=, by = std::move(by)] {
    const std::size_t row = from.extents[3] * channels;
    std::uint8_t* y = to.data;
    const auto fill = [&](std::size_t positions) {
      for (; positions != 0; --positions) {
        y = std::ranges::copy(by.codes, y).out;
      }
    };
    for (std::size_t n = 0; n != from.extents[0]; ++n) {
      fill(by.begin[0] * to.extents[3]);
      for (std::size_t h = 0; h != from.extents[2]; ++h) {
        fill(by.begin[1]);
        y = std::copy_n(from.data + (n * from.extents[2] + h) * row, row, y);
        fill(by.end[1]);
      }
      fill(by.end[0] * to.extents[3]);
    }
  };
}

auto average_codes(
    const code_view& from, bool is_signed, int zero_point, std::vector<float> scale, const view& to
) -> step {
  const std::size_t channels = from.extents[1];
  const std::size_t positions = from.extents[2] * from.extents[3];
  for (float& each : scale) {
    each /= static_cast<float>(positions);
  }
  const auto offset = zero_point * static_cast<std::int64_t>(positions);
  // Flipping the top bit adds 128 to a signed code.
  const std::uint8_t flip = is_signed ? 0x80 : 0;
  const std::int64_t bias = offset + (is_signed ? 128 * static_cast<std::int64_t>(positions) : 0);
  return [=, scale = std::move(scale), sums = std::vector<std::int64_t>(channels)]() mutable {
    for (std::size_t n = 0; n != from.extents[0]; ++n) {
      std::ranges::fill(sums, 0);
      const std::uint8_t* x = from.data + n * positions * channels;
      for (std::size_t p = 0; p != positions; ++p, x += channels) {
        for (std::size_t c = 0; c != channels; ++c) {
          sums[c] += x[c] ^ flip;
        }
      }
      for (std::size_t c = 0; c != channels; ++c) {
        const float factor = scale[scale.size() == 1 ? 0 : c];
        to.data[n * channels + c] = static_cast<float>(sums[c] - bias) * factor;
      }
    }
  };
}

auto sums_are_exact() -> bool {
  const auto here = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto has = [&](dnnl::cpu_isa isa) {
    const auto bits = static_cast<unsigned>(isa);
    return (here & bits) == bits;
  };
  return has(dnnl::cpu_isa::avx512_core_vnni) || has(dnnl::cpu_isa::avx2_vnni);
}

} // namespace engine::detail
