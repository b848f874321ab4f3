// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/tensor_data.hpp>
#include <ptq/plan/resolve.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace ptq::test {

/// A padded convolution, a depthwise one with stride and its bias behind it, a branch that joins
/// again, a pooling and a matrix product.
struct small_net {
  toy_graph g{};
  toy_graph::tensor x = g.input("x");
  unsigned seed = 1;

  small_net() {
    const auto first = g.relu(
        "relu1",
        g.convolution(
            "first", x, numbers("w1", {4, 2, 3, 3}), numbers("b1", {4}, 0.5F, 1), same_size()
        )
    );
    ptq::convolution_attributes halving = same_size();
    halving.strides = {2, 2};
    halving.groups = 4;
    const auto depthwise = g.relu(
        "relu2",
        g.add(
            "sum2",
            g.convolution(
                "depthwise", first, numbers("w2", {4, 1, 3, 3}), toy_graph::none, halving
            ),
            numbers("b2", {1, 4, 1, 1}, 0.5F, 1)
        )
    );
    const auto left =
        g.convolution("left", depthwise, numbers("w3", {3, 4, 1, 1}), numbers("b3", {3}, 0.5F, 1));
    const auto right = g.convolution(
        "right", depthwise, numbers("w4", {3, 4, 3, 3}), numbers("b4", {3}, 0.5F, 1), same_size()
    );
    const auto joined = g.relu("relu3", g.add("joined", left, right));
    const auto flat = g.flatten("flat", g.reduce_mean("pool", joined));
    g.output(
        "y",
        g.matmul(
            "dense", flat, numbers("w5", {5, 3}), numbers("b5", {5}, 0.5F, 1), {.transpose_b = true}
        )
    );
  }

  static auto same_size() -> ptq::convolution_attributes {
    return {.pads_begin = {1, 1}, .pads_end = {1, 1}};
  }

  auto numbers(std::string name, toy::shape shape, float low = -1, float high = 1)
      -> toy_graph::tensor {
    const std::size_t size = toy::volume(shape);
    return g.constant(std::move(name), std::move(shape), toy_numbers(size, ++seed, low, high));
  }

  static auto data(std::size_t count = 12) -> std::vector<ptq::tensor_data> {
    return toy_samples(count, {1, 2, 6, 6}, -0.5F, 2.0F);
  }
};

/// The mean of each channel on `axis` of a tensor over samples, under a plan.
inline auto channel_means_of(
    const toy_graph& g,
    toy_graph::tensor of,
    std::size_t axis,
    const ptq::plan& under,
    std::span<const ptq::tensor_data> samples
) -> std::vector<double> {
  const auto resolved = ptq::resolve(g, under);
  std::vector<double> result;
  std::size_t count = 0;
  for (const ptq::tensor_data& sample : samples) {
    const ptq::tensor_data seen = toy_run(g, resolved, std::span(&sample, 1)).at(of);
    result.resize(seen.shape[axis]);
    count += seen.values.size() / seen.shape[axis];
    toy::for_each_index(seen.shape, [&](const toy::shape& index) {
      result[index[axis]] += toy::read(seen, index);
    });
  }
  for (double& mean : result) {
    mean /= static_cast<double>(count);
  }
  return result;
}

inline auto without_activations(ptq::plan of) -> ptq::plan {
  std::erase_if(of.quantizers, [](const auto& each) {
    return each->kind == ptq::tensor_kind::activations;
  });
  return of;
}

} // namespace ptq::test
