// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What calibration costs beside the inferences that it needs: the same samples through `observe`
// without taps, with the statistics of default_quantization, and with a sum over the bytes that the
// statistics have to read, which is the least that looking at them can cost. Rounds alternate;
// medians of seconds and of the ratios of each round are printed.
//
//   calibration [--samples 300] [--rounds 7] [--images calibration.npy]
//
// --images adds fashion_ds on real images, which go round where there are fewer than samples.
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "mobilenet_v2.hpp"
#include "npy/npy.hpp"

namespace {

using engine::node_id;

/// Fewer images than samples: they go round.
class going_round {
public:
  using ptq_evaluator = void;

  going_round(const engine::model& of, engine::tensor images, std::size_t samples)
      : inner_(of, std::move(images)), samples_(samples) {}

  [[nodiscard]] auto sample_count() const -> std::size_t { return samples_; }

  void observe(
      const engine::graph& of,
      std::span<const ptq::tap<engine::graph>> taps,
      const ptq::samples& range,
      ptq::show_ref<node_id> show
  ) {
    for (const std::size_t sample : range) {
      const auto renamed = [&](const ptq::samples&, const auto& tensor, const ptq::tensor_view& view
                           ) { return show(sample, tensor, view); };
      const std::size_t image = sample % inner_.sample_count();
      inner_.observe(of, taps, {image, image + 1}, ptq::show_ref<node_id>(renamed));
    }
  }

private:
  engine::evaluator inner_;
  std::size_t samples_;
};

template <class Work>
auto seconds_of(Work&& work) -> double {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

auto median(std::vector<double> values) -> double {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct print_stage {
  void on_time(const ptq::stage_time& what) const {
    std::printf("  %-24s %9.3f ms\n", std::string(what.stage).c_str(), what.seconds * 1e3);
  }
};

/// Volatile, so that the sums are not left out.
volatile double sink = 0.0;

void run(
    const engine::model& model, engine::tensor images, std::size_t samples, std::size_t rounds
) {
  const engine::graph graph(model);
  going_round evaluator(model, std::move(images), samples);
  const ptq::default_quantization<ptq::preset::mixed> quantize{.stat_subset_size = samples};
  const ptq::samples range = quantize.default_part(evaluator);

  const auto read = ptq::read_graph(graph);
  const ptq::statistics_request request =
      quantize.request_for(read.nodes, quantize.sites_of(read.nodes));
  std::vector<ptq::tap<engine::graph>> taps;
  for (const auto& [tensor, wanted] : request.tensors()) {
    taps.push_back({read.ids[read.nodes.tensors[tensor].node], read.nodes.tensors[tensor].output});
  }

  const auto ignore = [](const ptq::samples&, const auto&, const ptq::tensor_view&) {
    return ptq::more;
  };
  std::size_t bytes = 0;
  const auto add_up = [&](const ptq::samples&, const auto&, const ptq::tensor_view& view) {
    const auto* const values = view.data_as<float>();
    float lanes[64]{};
    const std::size_t whole = view.size() / 64 * 64;
    for (std::size_t i = 0; i != whole; i += 64) {
      for (std::size_t lane = 0; lane != 64; ++lane) {
        lanes[lane] += values[i + lane];
      }
    }
    for (const float lane : lanes) {
      sink = sink + static_cast<double>(lane);
    }
    bytes += view.size() * sizeof(float);
    return ptq::more;
  };

  evaluator.observe(graph, {}, range.part(0, 1), ptq::show_ref<node_id>(ignore));
  ptq::statistics collected;
  std::vector<double> bare;
  std::vector<double> summed;
  std::vector<double> calibrated;
  std::vector<double> ratio;
  std::vector<double> bound;
  for (std::size_t round = 0; round != rounds; ++round) {
    bytes = 0;
    bare.push_back(seconds_of([&] {
      evaluator.observe(graph, {}, range, ptq::show_ref<node_id>(ignore));
    }));
    calibrated.push_back(seconds_of([&] {
      collected = ptq::calibrate(quantize, graph, evaluator, range);
    }));
    summed.push_back(seconds_of([&] {
      evaluator.observe(graph, taps, range, ptq::show_ref<node_id>(add_up));
    }));
    ratio.push_back(calibrated.back() / bare.back());
    bound.push_back(summed.back() / bare.back());
  }
  std::printf(
      "\n%s: %zu samples, %zu taps, %.2f MB looked at for each sample\n",
      model.name.c_str(),
      samples,
      taps.size(),
      static_cast<double>(bytes) / 1e6 / static_cast<double>(samples)
  );
  std::printf("  %-24s %9.3f s\n", "inference alone", median(bare));
  std::printf(
      "  %-24s %9.3f s   %.3f x\n", "with a sum of each tap", median(summed), median(bound)
  );
  std::printf("  %-24s %9.3f s   %.3f x\n", "calibration", median(calibrated), median(ratio));
  static_cast<void>(quantize(graph, collected, print_stage{}));
}

} // namespace

auto main(int count, char** arguments) -> int {
  std::size_t samples = 300;
  std::size_t rounds = 7;
  std::string images;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string option = arguments[i];
    if (option == "--samples") {
      samples = std::strtoul(arguments[i + 1], nullptr, 10);
    } else if (option == "--rounds") {
      rounds = std::strtoul(arguments[i + 1], nullptr, 10);
    } else if (option == "--images") {
      images = arguments[i + 1];
    } else {
      std::fprintf(stderr, "calibration: unknown option %s\n", option.c_str());
      return 2;
    }
  }
  try {
    std::printf("kernels: %s\n", xsimd::default_arch::name());
    auto noise = engine::tensor::from_shape({8, 3, 224, 224});
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i != noise.size(); ++i) {
      noise.data()[i] = normal(random);
    }
    run(mobilenet_v2(), std::move(noise), samples, rounds);
    if (!images.empty()) {
      run(engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx"), npy::load_floats(images), samples, rounds
      );
    }
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "calibration: %s\n", problem.what());
    return 1;
  }
  return 0;
}
