// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "detail/batches.hpp"

#include <algorithm>

namespace engine::detail {

void check_samples(const model& of, const tensor& samples) {
  const shape given = shape_of(samples);
  const bool fits = given.size() == of.input_shape.size() &&
                    std::equal(given.begin() + 1, given.end(), of.input_shape.begin() + 1);
  if (!fits) {
    throw error(
        "an array of shape " + text(given) + " does not fit the model's input '" +
        of.nodes[of.input].outputs[0] + "' of shape [N" + text(of.input_shape).substr(2)
    );
  }
}

auto run_in_batches(
    const model& of,
    const tensor& samples,
    std::size_t batch,
    const std::function<program&(std::size_t)>& ready
) -> tensor {
  check_samples(of, samples);
  const std::size_t count = samples.shape()[0];
  const std::size_t size = extents(of.input_shape);
  const std::size_t most = of.fixed_batch ? 1 : std::max<std::size_t>(batch, 1);
  tensor result;
  float* to = nullptr;
  for (std::size_t at = 0; at < count; at += most) {
    const std::size_t part = std::min(most, count - at);
    program& each = ready(part);
    each.run(samples.data() + at * size);
    const tensor piece = each.output();
    if (to == nullptr) {
      shape whole = shape_of(piece);
      whole[0] = whole[0] / part * count;
      result = tensor::from_shape(whole);
      to = result.data();
    }
    to = std::copy_n(piece.data(), piece.size(), to);
  }
  return result;
}

} // namespace engine::detail
