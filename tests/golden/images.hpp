// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/tensor.hpp"
#include "npy/npy.hpp"

namespace ptq::test {

/// Where the build put Fashion-MNIST as .npy: see tests/golden/CMakeLists.txt.
inline const std::string image_folder = PTQ_FASHION_MNIST_DIR "/";

/// The first 1,000 training images, `[1000, 1, 28, 28]`.
inline auto calibration_images() -> engine::tensor {
  return npy::load_floats(image_folder + "calibration.npy");
}

/// The 10,000 test images, `[10000, 1, 28, 28]`.
inline auto test_images() -> engine::tensor {
  return npy::load_floats(image_folder + "test.npy");
}

inline auto test_labels() -> std::vector<std::int64_t> {
  const auto labels = npy::load_integers(image_folder + "test_labels.npy");
  return {labels.begin(), labels.end()};
}

} // namespace ptq::test
