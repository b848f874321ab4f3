// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cmath>

#include "detail/rewrites.hpp"

namespace engine::detail {

// In binary32, step by step, as OpenVINO folds: what is quantized is then the same to the bit.
// Through binary64, so that no compiler contracts two steps to one.
void fold_batch_normalization(model& of) {
  editor in(of);
  const node_id count = in.size();
  for (node_id id = 0; id != count; ++id) {
    if (in.at(id).kind != operation::batch_normalization) {
      continue;
    }
    const source from = in.at(id).inputs[0];
    if (in.made_by(from, operation::convolution) == nullptr || !in.only_reader(from)) {
      continue;
    }
    const float epsilon = std::get<normalization_form>(in.at(id).form).epsilon;
    const tensor& scale = *in.constant(in.at(id).inputs[1]);
    const tensor& shift = *in.constant(in.at(id).inputs[2]);
    const tensor& mean = *in.constant(in.at(id).inputs[3]);
    const tensor& variance = *in.constant(in.at(id).inputs[4]);
    const node& convolution = in.at(from.node);
    const tensor* old_bias =
        convolution.inputs.size() > 2 ? in.constant(convolution.inputs[2]) : nullptr;
    tensor weights = *in.constant(convolution.inputs[1]);
    const std::size_t channels = weights.shape()[0];
    const std::size_t inner = weights.size() / channels;
    auto bias = tensor::from_shape({channels});
    for (std::size_t c = 0; c != channels; ++c) {
      const auto in_double = [c](const tensor& values) {
        return static_cast<double>(values.data()[c]);
      };
      const auto variance_above_0 =
          static_cast<float>(in_double(variance) + static_cast<double>(epsilon));
      const auto factor = static_cast<double>(
          static_cast<float>(in_double(scale) / static_cast<double>(std::sqrt(variance_above_0)))
      );
      for (std::size_t i = 0; i != inner; ++i) {
        float& weight = weights.data()[c * inner + i];
        weight = static_cast<float>(static_cast<double>(weight) * factor);
      }
      const double before = old_bias == nullptr ? 0.0 : in_double(*old_bias);
      const auto centred = static_cast<float>(before - in_double(mean));
      const auto scaled = static_cast<float>(static_cast<double>(centred) * factor);
      bias.data()[c] = static_cast<float>(static_cast<double>(scaled) + in_double(shift));
    }
    const std::string name = convolution.name;
    in.set_constant({from.node, 1}, std::move(weights), name + ".weight");
    in.set_constant({from.node, 2}, std::move(bias), name + ".bias");
    // The value that others know is the one behind the normalization.
    in.at(from.node).outputs = in.at(id).outputs;
    in.redirect({id, 0}, from);
    in.remove(id);
  }
  in.finish();
}

} // namespace engine::detail
