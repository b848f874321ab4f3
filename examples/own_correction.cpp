// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A correction of one's own: rounding each weight to its nearest code shifts the sum of an output
// channel's weights; this one rounds some of them the other way, so that the sum comes out right.
#include <ptq/correction/fake_quantized.hpp>
#include <ptq/ptq.hpp>

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <utility>

#include "support/small_net.hpp"

//! [correction]
struct keep_weight_sums {
  auto operator()(const ptq::correction_context& context, const ptq::plan& before) const
      -> ptq::plan {
    ptq::plan after = before;
    for (const ptq::topology::node& node : context.nodes.nodes) {
      const ptq::quantizer* const on = before.input(node.name, 1);
      if (node.kind != ptq::op::matmul || on == nullptr || on->format.axis != 0) {
        continue;
      }
      const ptq::tensor_data wanted = ptq::to_floats(*context.nodes.constant_at(node, 1));
      ptq::tensor_data rounded = ptq::fake_quantized(wanted, on->format);
      const std::size_t inputs = wanted.shape[1];
      for (std::size_t o = 0; o != wanted.shape[0]; ++o) {
        const std::span row = std::span(rounded.values).subspan(o * inputs, inputs);
        keep_sum(row, std::span(wanted.values).subspan(o * inputs, inputs), on->format.grids[o]);
      }
      context.tell.on_note({node.name, "weights rounded to keep their sums"});
      after.constants.push_back(
          ptq::replaced_constant{on->tensor, node.name, "keep_weight_sums", std::move(rounded)}
      );
    }
    return after;
  }

  static void keep_sum(std::span<float> row, std::span<const float> wanted, const ptq::grid& on) {
    const auto step = static_cast<float>(on.scale());
    for (std::size_t moves = 0; moves != row.size(); ++moves) {
      float excess = 0.0F;
      std::size_t most = 0; // the weight that was rounded furthest in the direction of the excess
      for (std::size_t i = 0; i != row.size(); ++i) {
        excess += row[i] - wanted[i];
      }
      for (std::size_t i = 0; i != row.size(); ++i) {
        if ((row[i] - wanted[i]) * excess > (row[most] - wanted[most]) * excess) {
          most = i;
        }
      }
      if (std::abs(excess) <= 0.5F * step) {
        return;
      }
      row[most] -= std::copysign(step, excess);
    }
  }

  friend auto operator==(const keep_weight_sums&, const keep_weight_sums&) -> bool = default;
};

static_assert(ptq::explain_plan_correction<keep_weight_sums>());

//! [correction]

struct print_notes {
  void on_note(const ptq::note& what) {
    std::printf("%s: %s\n", what.where.c_str(), what.message.c_str());
  }
};

auto format_of(const ptq::plan& plan, const std::string& tensor) -> ptq::uniform_format {
  for (const auto& each : plan.quantizers) {
    if (each->tensor == tensor) {
      return each->format;
    }
  }
  return {};
}

/// How far the sums of the rows are from those of `original`, once `weights` are quantized.
auto error_of_sums(
    const ptq::tensor_data& original,
    const ptq::tensor_data& weights,
    const ptq::uniform_format& format
) -> double {
  const ptq::tensor_data seen = ptq::fake_quantized(weights, format);
  const std::size_t inputs = original.shape[1];
  double error = 0.0;
  for (std::size_t o = 0; o != original.shape[0]; ++o) {
    double off = 0.0;
    for (std::size_t i = o * inputs; i != (o + 1) * inputs; ++i) {
      off += static_cast<double>(seen.values[i]) - static_cast<double>(original.values[i]);
    }
    error += std::abs(off);
  }
  return error;
}

int main() {
  const small_net::graph graph;
  small_net::evaluator evaluator(100);

  //! [use]
  using schemes = ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>;
  const ptq::default_quantization<
      ptq::preset::performance,
      ptq::device::cpu,
      ptq::default_ranges,
      schemes,
      ptq::corrections<keep_weight_sums>>
      quantize{.weights = {.bits = 3}};
  const ptq::plan plan = quantize(graph, evaluator, print_notes{});
  //! [use]

  for (const int id : graph.nodes()) {
    const std::string name(graph.name(id));
    const ptq::tensor_data* const moved = plan.constant(name);
    if (moved == nullptr) {
      continue;
    }
    const ptq::tensor_data original = ptq::to_floats(*graph.constant(id));
    std::printf(
        "%s: the sums are off by %.4f in all, by %.4f without the correction\n",
        name.c_str(),
        error_of_sums(original, *moved, format_of(plan, name)),
        error_of_sums(original, original, format_of(plan, name))
    );
  }
}
