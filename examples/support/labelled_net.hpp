// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/resolve.hpp>
#include <ptq/ptq.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "small_net.hpp"

/// Runs the net under plans, and knows the right class of each sample.
class labelled_evaluator {
public:
  using ptq_evaluator = void;

  explicit labelled_evaluator(const small_net::graph& of, std::size_t samples) {
    for (std::size_t s = 0; s != samples; ++s) {
      std::array<float, 4>& x = data_.emplace_back();
      for (std::size_t i = 0; i != x.size(); ++i) {
        x[i] = static_cast<float>((s * 29 + i * 13 + s * s % 7) % 65) / 32.0F - 0.75F;
      }
      const std::vector<float> scores = run(of, ptq::resolve(of, float_), s).back();
      labels_.push_back(s % 9 == 0 ? 0 : best_of(scores)); // the model is not always right
    }
  }

  auto sample_count() const -> std::size_t { return data_.size(); }

  void observe(
      const small_net::graph& of,
      const ptq::plan& under,
      std::span<const ptq::tap<small_net::graph>> taps,
      const ptq::samples& range,
      ptq::show_ref<int> show
  ) {
    const auto resolved = ptq::resolve(of, under);
    for (const std::size_t sample : range) {
      const auto values = run(of, resolved, sample);
      for (const ptq::tap<small_net::graph>& wanted : taps) {
        const std::vector<float>& seen = values[static_cast<std::size_t>(wanted.node)];
        show(sample, wanted, ptq::tensor_view(seen, {std::size_t{1}, seen.size()}));
      }
    }
  }

  //! [measure]
  auto measure(const small_net::graph& of, const ptq::plan& under, const ptq::samples& range)
      -> ptq::measurement {
    const auto resolved = ptq::resolve(of, under);
    ptq::metric top1{.name = "top1", .least = 0.0, .most = 1.0}; // higher is better
    for (const std::size_t sample : range) {
      const std::vector<float> scores = run(of, resolved, sample).back();
      top1.per_sample.push_back(best_of(scores) == labels_[sample] ? 1.0 : 0.0);
    }
    return {top1};
  }

  //! [measure]

private:
  static auto best_of(const std::vector<float>& scores) -> std::size_t {
    return static_cast<std::size_t>(std::ranges::max_element(scores) - scores.begin());
  }

  auto
  run(const small_net::graph& of, const ptq::resolved_plan<int>& under, std::size_t sample) const
      -> std::vector<std::vector<float>> {
    std::vector<std::vector<float>> values;
    for (const int id : of.nodes()) {
      const small_net::graph::node& node = of.at(id);
      std::vector<std::vector<float>> in;
      for (std::size_t k = 0; k != node.inputs.size(); ++k) {
        in.push_back(values[static_cast<std::size_t>(node.inputs[k].node)]);
        if (const ptq::quantizer* const on = under.input(id, k)) {
          quantize(in.back(), on->format);
        }
      }
      const ptq::tensor_data* const replaced = under.constant(id);
      values.push_back(
          node.kind == ptq::op::input    ? std::vector(data_[sample].begin(), data_[sample].end())
          : replaced != nullptr          ? replaced->values
          : node.kind == ptq::op::relu   ? relu(in[0])
          : node.kind == ptq::op::matmul ? dense(in[0], in[1], in[2])
                                         : node.values
      );
    }
    return values;
  }

  static void quantize(std::vector<float>& values, const ptq::uniform_format& on) {
    const std::size_t run = values.size() / on.grids.size(); // weights are [out, in]
    for (std::size_t g = 0; g != on.grids.size(); ++g) {
      const std::span part = std::span(values).subspan(g * run, run);
      ptq::fake_quantize(std::span<const float>(part), part, on.grids[g]);
    }
  }

  static auto relu(std::vector<float> x) -> std::vector<float> {
    std::ranges::transform(x, x.begin(), [](float v) { return std::max(v, 0.0F); });
    return x;
  }

  static auto dense(
      const std::vector<float>& x, const std::vector<float>& weights, const std::vector<float>& bias
  ) -> std::vector<float> {
    std::vector<float> result = bias;
    for (std::size_t o = 0; o != result.size(); ++o) {
      for (std::size_t i = 0; i != x.size(); ++i) {
        result[o] += weights[o * x.size() + i] * x[i];
      }
    }
    return result;
  }

  ptq::plan float_{};
  std::vector<std::array<float, 4>> data_{};
  std::vector<std::size_t> labels_{};
};
