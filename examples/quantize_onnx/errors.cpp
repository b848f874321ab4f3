// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "errors.hpp"

#include <ptq/core/blocks.hpp>
#include <ptq/correction/fake_quantized.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/kernel/quantization_error.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace {

void add(ptq::noise& to, const ptq::noise& more) {
  to.squared_error += more.squared_error;
  to.signal += more.signal;
  to.largest = std::max(to.largest, more.largest);
  to.count += more.count;
}

auto noise_of(const ptq::tensor_view& view, const ptq::quantizer& by) -> ptq::noise {
  const ptq::uniform_format& format = by.format;
  if (format.axis &&
      (*format.axis >= view.rank() || view.extent(*format.axis) != format.grids.size())) {
    throw ptq::error(
        "the plan has " + std::to_string(format.grids.size()) + " grids on axis " +
            std::to_string(*format.axis) + " of a tensor of shape " + ptq::shape_text(view),
        by.tensor
    );
  }
  ptq::noise sum;
  ptq::for_each_block(view, format.axis, [&](std::size_t channel, std::span<const float> values) {
    add(sum, ptq::quantization_error(values, format.grids[format.axis ? channel : 0]));
  });
  return sum;
}

// Against the model's own weights: the saturation fix quantizes other values, half as large.
auto noise_of_weights(
    const ptq::tensor_data& own, const ptq::tensor_data* replaced, const ptq::quantizer& by
) -> ptq::noise {
  const ptq::tensor_data quantized =
      ptq::fake_quantized(replaced != nullptr ? *replaced : own, by.format);
  ptq::noise sum;
  for (std::size_t i = 0; i != own.values.size(); ++i) {
    const auto value = static_cast<double>(own.values[i]);
    const double off = value - static_cast<double>(quantized.values[i]);
    add(sum,
        {.squared_error = off * off,
         .signal = value * value,
         .largest = static_cast<float>(std::abs(off)),
         .count = 1});
  }
  return sum;
}

} // namespace

auto output_sqnr_db(const engine::tensor& wanted, const engine::tensor& reached) -> double {
  ptq::noise sum;
  for (std::size_t i = 0; i != wanted.size(); ++i) {
    const auto value = static_cast<double>(wanted.data()[i]);
    const double off = value - static_cast<double>(reached.data()[i]);
    sum.squared_error += off * off;
    sum.signal += value * value;
  }
  return sum.sqnr_db();
}

auto errors_of(const engine::graph& graph, const ptq::plan& plan, engine::evaluator* data)
    -> std::vector<tensor_error> {
  constexpr std::size_t most_samples = 32;
  const auto read = ptq::read_graph(graph);
  std::vector<ptq::noise> noise(plan.quantizers.size());
  std::vector<ptq::tap<engine::graph>> taps;
  std::map<ptq::tap<engine::graph>, std::size_t> quantizer_of;
  for (std::size_t i = 0; i != plan.quantizers.size(); ++i) {
    const ptq::quantizer& each = *plan.quantizers[i];
    const auto tensor = static_cast<std::size_t>(
        std::ranges::find(read.nodes.tensors, each.tensor, &ptq::topology::tensor::name) -
        read.nodes.tensors.begin()
    );
    const ptq::topology::tensor& found = read.nodes.tensors[tensor];
    if (each.kind == ptq::tensor_kind::activations) {
      taps.push_back({read.ids[found.node], found.output});
      quantizer_of.emplace(taps.back(), i);
    } else {
      noise[i] = noise_of_weights(
          ptq::to_floats(*read.nodes.nodes[found.node].constant), plan.constant(each.tensor), each
      );
    }
  }
  if (data != nullptr) {
    const auto look = [&](const ptq::samples&, const auto& tensor, const ptq::tensor_view& view) {
      const auto found = quantizer_of.find(tensor);
      if (found != quantizer_of.end()) {
        add(noise[found->second], noise_of(view, *plan.quantizers[found->second]));
      }
      return ptq::more;
    };
    const ptq::samples some{0, std::min(most_samples, data->sample_count())};
    data->observe(graph, taps, some, ptq::show_ref<engine::node_id>(look));
  }
  std::vector<tensor_error> result;
  for (std::size_t i = 0; i != noise.size(); ++i) {
    result.push_back({.tensor = plan.quantizers[i]->tensor});
    if (noise[i].count != 0) {
      result.back().sqnr_db = noise[i].sqnr_db();
      result.back().largest = noise[i].largest;
    }
  }
  return result;
}
