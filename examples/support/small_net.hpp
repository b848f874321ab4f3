// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/ptq.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Two dense layers and an engine for them, described to ptq: something to try policies on.
namespace small_net {

/// Weights are `[out, in]`, which is what ptq expects of a graph that tells no attributes.
class graph {
public:
  using ptq_graph = void;
  using node_id = int;

  struct node {
    std::string name;
    ptq::op kind = ptq::op::other;
    std::vector<ptq::tensor_ref<int>> inputs{};
    std::vector<std::size_t> shape{}; ///< Of a constant.
    std::vector<float> values{};
  };

  graph() {
    const int x = add({"x", ptq::op::input});
    const int hidden = add({"relu", ptq::op::relu, {dense("dense1", x, 4, 6, 1)}});
    dense("dense2", hidden, 6, 3, 8);
  }

  auto nodes() const { return std::views::iota(0, static_cast<int>(nodes_.size())); }

  auto op(int id) const -> ptq::op { return at(id).kind; }

  auto name(int id) const -> std::string_view { return at(id).name; }

  auto inputs(int id) const -> std::span<const ptq::tensor_ref<int>> { return at(id).inputs; }

  auto constant(int id) const -> std::optional<ptq::constant_view> {
    const node& of = at(id);
    return of.values.empty() ? std::nullopt
                             : std::optional(ptq::constant_view(of.values, of.shape));
  }

  auto at(int id) const -> const node& { return nodes_[static_cast<std::size_t>(id)]; }

private:
  auto add(node n) -> int {
    nodes_.push_back(std::move(n));
    return static_cast<int>(nodes_.size()) - 1;
  }

  auto dense(const std::string& name, int from, std::size_t in, std::size_t out, std::size_t seed)
      -> int {
    node w{name + ".w", ptq::op::constant, {}, {out, in}};
    node b{name + ".b", ptq::op::constant, {}, {out}};
    for (std::size_t i = 0; i != out * in; ++i) {
      w.values.push_back(static_cast<float>((i * 37 + seed) % 19) / 16.0F - 0.5F);
    }
    for (std::size_t i = 0; i != out; ++i) {
      b.values.push_back(0.25F + static_cast<float>(i) / 8.0F);
    }
    const int weights = add(std::move(w));
    const int bias = add(std::move(b));
    return add({name, ptq::op::matmul, {from, weights, bias}});
  }

  std::vector<node> nodes_;
};

/// Runs the net in floating point on samples of four numbers, and shows what it is asked for.
class evaluator {
public:
  using ptq_evaluator = void;

  explicit evaluator(std::size_t samples) {
    for (std::size_t s = 0; s != samples; ++s) {
      std::array<float, 4>& x = data_.emplace_back();
      for (std::size_t i = 0; i != x.size(); ++i) {
        x[i] = static_cast<float>((s * 29 + i * 13) % 65) / 32.0F - 0.75F;
      }
    }
  }

  auto sample_count() const -> std::size_t { return data_.size(); }

  void observe(
      const graph& of,
      std::span<const ptq::tap<graph>> taps,
      const ptq::samples& range,
      ptq::show_ref<int> show
  ) {
    for (const std::size_t sample : range) {
      std::vector<std::vector<float>> values(of.nodes().size());
      for (const int id : of.nodes()) {
        values[static_cast<std::size_t>(id)] = run(of, id, values, sample);
      }
      for (const ptq::tap<graph>& wanted : taps) {
        const std::vector<float>& seen = values[static_cast<std::size_t>(wanted.node)];
        if (show(sample, wanted, ptq::tensor_view(seen, {std::size_t{1}, seen.size()})) ==
            ptq::enough) {
          return;
        }
      }
    }
  }

private:
  auto
  run(const graph& of, int id, const std::vector<std::vector<float>>& before, std::size_t sample
  ) const -> std::vector<float> {
    const graph::node& node = of.at(id);
    const auto input = [&](std::size_t k) -> const std::vector<float>& {
      return before[static_cast<std::size_t>(node.inputs[k].node)];
    };
    if (node.kind == ptq::op::input) {
      return {data_[sample].begin(), data_[sample].end()};
    }
    if (node.kind == ptq::op::relu) {
      std::vector<float> result = input(0);
      std::ranges::transform(result, result.begin(), [](float v) { return std::max(v, 0.0F); });
      return result;
    }
    if (node.kind == ptq::op::matmul) {
      std::vector<float> result = input(2);
      for (std::size_t o = 0; o != result.size(); ++o) {
        for (std::size_t i = 0; i != input(0).size(); ++i) {
          result[o] += input(1)[o * input(0).size() + i] * input(0)[i];
        }
      }
      return result;
    }
    return node.values;
  }

  std::vector<std::array<float, 4>> data_;
};

/// A line for each quantizer: the tensor, the mode, and the limits of its first grid.
inline void print(const ptq::plan& plan) {
  for (const auto& each : plan.quantizers) {
    const ptq::grid& first = each->format.grids.front();
    std::printf(
        "%-8s  %-10s  %zu grid(s), the first [%.4f, %.4f] with %lld levels\n",
        each->tensor.c_str(),
        each->format.mode == ptq::symmetric ? "symmetric" : "asymmetric",
        each->format.grids.size(),
        static_cast<double>(first.in_low),
        static_cast<double>(first.in_high),
        static_cast<long long>(first.levels)
    );
  }
}

} // namespace small_net
