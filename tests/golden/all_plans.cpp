// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Measures every plan of a model: fashion_ds with 4 bits, each set of its groups reverted to float.
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/channel_alignment.hpp>
#include <ptq/correction/fast_bias.hpp>
#include <ptq/correction/saturation_fix.hpp>
#include <ptq/ranking/by_output.hpp>
#include <ptq/ranking/plan_variants.hpp>
#include <ptq/ranking/question.hpp>
#include <ptq/search/revert.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "engine/model.hpp"
#include "golden/images.hpp"
#include "support/plan_table.hpp"

namespace {

using namespace ptq::test;

constexpr std::string_view usage =
    "ptq_all_plans PLANS [--leads FILE]\n"
    "Measures all 2,048 plans of fashion_ds with 4-bit weights and activations on the first 2,000\n"
    "test images, and writes what tests/support/plan_table.hpp reads.\n"
    "--leads FILE  also by how much the right class leads, float32 [plan][sample]\n";

constexpr std::size_t sample_count = 2000;

/// As `quantize_onnx --recipe pot --weights-bits 4 --activations-bits 4`.
auto quantize(const engine::model& model, const engine::graph& graph) -> ptq::plan {
  const ptq::default_quantization<
      ptq::preset::performance,
      ptq::device::any,
      ptq::default_ranges,
      ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
      ptq::corrections<
          ptq::correction::channel_alignment,
          ptq::correction::saturation_fix,
          ptq::correction::fast_bias>>
      recipe{.weights = {.bits = 4}, .activations = {.bits = 4}};
  engine::evaluator calibration(model, calibration_images());
  return recipe(graph, calibration);
}

/// The first `sample_count` of the test images.
auto images() -> engine::tensor {
  const engine::tensor all = test_images();
  engine::shape extents(all.shape().begin(), all.shape().end());
  extents[0] = sample_count;
  auto result = engine::tensor::from_shape(extents);
  std::copy_n(all.data(), result.size(), result.data());
  return result;
}

auto labels() -> std::vector<std::int64_t> {
  std::vector<std::int64_t> result = test_labels();
  result.resize(sample_count);
  return result;
}

/// By how much the right class leads, or is behind.
auto lead_of(const float* scores, std::size_t classes, std::size_t right) -> float {
  std::optional<float> other;
  for (std::size_t c = 0; c != classes; ++c) {
    if (c != right && (!other || scores[c] > *other)) {
      other = scores[c];
    }
  }
  return scores[right] - other.value_or(0.0F);
}

auto group_of(const ptq::plan& plan, const ptq::group& of) -> plan_table::member {
  plan_table::member result{.operations = of.operations};
  for (const ptq::port_name& port : of.quantizers) {
    const ptq::quantizer* by = plan.input(port.node, port.input);
    result.ports.push_back({port, by != nullptr && by->kind == ptq::tensor_kind::weights});
  }
  return result;
}

auto values_of(const engine::tensor& of) -> std::vector<float> {
  return {of.data(), of.data() + of.size()};
}

/// @param leads  Receives float32 [plan][sample], unless its name is empty.
auto measured(const std::string& leads) -> plan_table {
  const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx");
  const engine::graph graph(model);
  const ptq::plan start = quantize(model, graph);
  const std::vector<std::int64_t> classes = labels();
  engine::evaluator evaluator(model, images(), classes);
  const ptq::samples all{0, sample_count};
  const ptq::samples shown =
      ptq::ranking::spread_samples(sample_count, ptq::ranking::by_nmse{}.ranking_subset_size);

  plan_table result{.samples = sample_count, .shown = {shown.begin(), shown.end()}};
  result.in_float = values_of(evaluator.outputs(graph, ptq::plan{}, all));
  result.classes = result.in_float.size() / sample_count;
  result.labels.assign(classes.begin(), classes.end());
  std::vector<ptq::group> groups;
  for (const auto& each : start.groups) {
    groups.push_back(*each);
    result.groups.push_back(group_of(start, *each));
  }
  ptq::plan_variants variants(start, groups, ptq::revert::to_float{});
  for (std::size_t g = 0; g != groups.size(); ++g) {
    const ptq::plan& alone = variants.of(ptq::without_group(variants.everything(), g));
    result.alone.push_back(values_of(evaluator.outputs(graph, alone, shown, 1)));
  }
  std::ofstream to;
  if (!leads.empty()) {
    to.open(leads, std::ios::binary);
  }
  for (std::size_t plan = 0; plan != result.plans(); ++plan) {
    ptq::group_set reverted;
    for (std::size_t g = 0; g != groups.size(); ++g) {
      if ((plan >> g & 1U) != 0) {
        reverted.push_back(g);
      }
    }
    const engine::tensor scores = evaluator.outputs(graph, variants.of(reverted), all);
    const std::vector<std::int64_t> found = engine::top1(scores);
    result.right.emplace_back();
    for (std::size_t s = 0; s != sample_count; ++s) {
      result.right.back().push_back(found[s] == classes[s]);
      if (to.is_open()) {
        const float lead =
            lead_of(scores.data() + s * result.classes, result.classes, result.labels[s]);
        to.write(reinterpret_cast<const char*>(&lead), sizeof lead);
      }
    }
    if (plan % 64 == 0) {
      std::cerr << plan << " of " << result.plans() << " plans\n";
    }
  }
  if (to.is_open() && !to.flush()) {
    throw std::runtime_error(leads + " cannot be written");
  }
  return result;
}

} // namespace

auto main(int count, char** given) -> int {
  const std::vector<std::string> words(given + 1, given + count);
  const bool wants_leads = words.size() == 3 && words[1] == "--leads";
  if (!wants_leads && words.size() != 1) {
    std::cerr << usage;
    return 2;
  }
  try {
    write_plan_table(measured(wants_leads ? words[2] : std::string()), words[0]);
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << "ptq_all_plans: " << problem.what() << '\n';
    return 1;
  }
}
