// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cuts and spoils .npy files for the cases, and makes a model:
//
//   ptq_cli_inputs first COUNT IN.npy OUT.npy               the first COUNT samples
//   ptq_cli_inputs first_classes COUNT IN.npy OUT.npy       the same of labels
//   ptq_cli_inputs spoil nan|infinity SAMPLE IN.npy OUT.npy  one value of a sample
//   ptq_cli_inputs shape OUT.npy EXTENT...                  zeros of a shape
//   ptq_cli_inputs classes OUT.npy COUNT CLASS              the same class for all
//   ptq_cli_inputs open OUT.onnx                            leaves height and width of one channel
//   open
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "engine/onnx_bytes.hpp"
#include "npy/npy.hpp"

namespace {

auto number(const std::string& text) -> std::size_t {
  return std::stoul(text);
}

auto model_with_open_extents() -> std::string {
  onnx_bytes::model made;
  made.input("x", {-1, 1, -1, -1});
  made.constant("w", {2, 1, 3, 3}, std::vector<float>(18, 0.125F));
  made.node("Conv", {"x", "w"}, {"c"}, {}, "conv")
      .node("GlobalAveragePool", {"c"}, {"p"}, {}, "pool");
  made.node("Flatten", {"p"}, {"y"}, {}, "flatten").output("y");
  return made.bytes();
}

void run(const std::vector<std::string>& words) {
  using floats = xt::xarray<float>;
  if (words.at(0) == "first") {
    const floats from = npy::load_floats(words.at(2));
    std::vector<std::size_t> shape(from.shape().begin(), from.shape().end());
    const std::size_t size = from.size() / shape.at(0);
    shape[0] = number(words.at(1));
    floats to = floats::from_shape(shape);
    std::copy_n(from.data(), shape[0] * size, to.data());
    npy::save(words.at(3), to);
  } else if (words.at(0) == "first_classes") {
    const auto from = npy::load_integers(words.at(2));
    xt::xarray<std::int64_t> to = xt::xarray<std::int64_t>::from_shape({number(words.at(1))});
    std::copy_n(from.data(), to.size(), to.data());
    npy::save(words.at(3), to);
  } else if (words.at(0) == "spoil") {
    floats values = npy::load_floats(words.at(3));
    const std::size_t size = values.size() / values.shape()[0];
    values.data()[number(words.at(2)) * size + size / 2] =
        words.at(1) == "nan" ? std::numeric_limits<float>::quiet_NaN()
                             : std::numeric_limits<float>::infinity();
    npy::save(words.at(4), values);
  } else if (words.at(0) == "classes") {
    xt::xarray<std::int64_t> labels = xt::xarray<std::int64_t>::from_shape({number(words.at(2))});
    std::fill(labels.begin(), labels.end(), static_cast<std::int64_t>(number(words.at(3))));
    npy::save(words.at(1), labels);
  } else if (words.at(0) == "open") {
    std::ofstream(words.at(1), std::ios::binary) << model_with_open_extents();
  } else {
    std::vector<std::size_t> shape;
    for (std::size_t i = 2; i != words.size(); ++i) {
      shape.push_back(number(words[i]));
    }
    floats zeros = floats::from_shape(shape);
    std::fill(zeros.begin(), zeros.end(), 0.0F);
    npy::save(words.at(1), zeros);
  }
}

} // namespace

auto main(int count, char** arguments) -> int {
  try {
    run({arguments + 1, arguments + count});
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "ptq_cli_inputs: %s\n", problem.what());
    return 1;
  }
  return 0;
}
