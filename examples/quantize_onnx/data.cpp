// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "data.hpp"

#include <ptq/core/error.hpp>

#include <cmath>
#include <cstddef>
#include <iterator>
#include <utility>

#include "npy/npy.hpp"

namespace {

/// @throws ptq::error that names the sample if one holds NaN or infinity.
void check_finite(const engine::tensor& samples, const std::string& file) {
  const std::size_t count = samples.dimension() == 0 ? 0 : samples.shape()[0];
  const std::size_t size = count == 0 ? 0 : samples.size() / count;
  for (std::size_t i = 0; i != count * size; ++i) {
    if (!std::isfinite(samples.data()[i])) {
      throw ptq::error(
          std::isnan(samples.data()[i]) ? "the data hold NaN" : "the data hold infinity",
          file + ", sample " + std::to_string(i / size)
      );
    }
  }
}

} // namespace

auto evaluator_on(
    const engine::model& model, const std::string& file, std::vector<std::int64_t> labels
) -> engine::evaluator {
  engine::tensor samples = npy::load_floats(file);
  check_finite(samples, file);
  try {
    return engine::evaluator(model, std::move(samples), std::move(labels));
  } catch (const engine::error& problem) {
    throw ptq::error(problem.what(), file);
  }
}

auto model_for(const options& chosen) -> engine::model {
  const std::string& data = !chosen.calibration.empty() ? chosen.calibration
                            : !chosen.test.empty()      ? chosen.test
                                                        : chosen.accuracy.validation;
  try {
    return engine::load(chosen.model);
  } catch (const engine::error&) {
    if (data.empty()) {
      throw;
    }
  }
  const engine::tensor samples = npy::load_floats(data);
  const auto& extents = samples.shape();
  const auto first = std::next(extents.begin(), extents.empty() ? 0 : 1);
  return engine::load(chosen.model, {}, {first, extents.end()});
}

auto labels_from(const std::string& file) -> std::vector<std::int64_t> {
  const auto values = npy::load_integers(file);
  if (values.dimension() != 1) {
    throw ptq::error("labels have one axis, one class for each sample", file);
  }
  return {values.begin(), values.end()};
}

void check_labels(
    const std::vector<std::int64_t>& labels,
    const engine::tensor& samples,
    const engine::model& model,
    const std::string& labels_file,
    const std::string& samples_file
) {
  const std::size_t count = samples.dimension() == 0 ? 0 : samples.shape()[0];
  if (labels.size() != count) {
    throw ptq::error(
        std::to_string(labels.size()) + " labels for " + std::to_string(count) + " samples of " +
            samples_file,
        labels_file
    );
  }
  const engine::source output = model.outputs.front();
  const auto classes = static_cast<std::int64_t>(
      engine::extents(engine::infer_shapes(model, 1)[output.node][output.output])
  );
  for (std::size_t i = 0; i != labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= classes) {
      throw ptq::error(
          "label " + std::to_string(labels[i]) + ", where the model has " +
              std::to_string(classes) + " classes",
          labels_file + ", sample " + std::to_string(i)
      );
    }
  }
}
