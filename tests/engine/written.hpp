// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/kernel/reference.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <engine/onnx_writer.hpp>

#include "planned.hpp"
#include "support/scratch.hpp"

struct written_node {
  std::string type;
  std::vector<std::string> inputs;
  std::string output;
};

/// What a test wants to know of a written file.
struct written_model {
  std::vector<written_node> nodes;
  std::map<std::string, std::string> raw;     ///< Of each initializer.
  std::map<std::string, std::string> element; ///< Of each initializer.
  std::string ir_version;
  std::string opset;

  [[nodiscard]] auto count(const std::string& type) const -> std::ptrdiff_t {
    return std::ranges::count(nodes, type, &written_node::type);
  }

  [[nodiscard]] auto producer(const std::string& value) const -> const written_node& {
    const auto found = std::ranges::find(nodes, value, &written_node::output);
    REQUIRE(found != nodes.end());
    return *found;
  }

  template <class T>
  [[nodiscard]] auto values(const std::string& name) const -> std::vector<T> {
    const std::string& bytes = raw.at(name);
    std::vector<T> result(bytes.size() / sizeof(T));
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  }
};

inline auto texts(const onnx_bytes::fields& of, unsigned field) -> std::vector<std::string> {
  std::vector<std::string> result;
  for (auto [at, end] = of.equal_range(field); at != end; ++at) {
    result.push_back(at->second);
  }
  return result;
}

inline auto read_back(const std::filesystem::path& file) -> written_model {
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(stream), {});
  const auto model = onnx_bytes::read(bytes);
  const auto graph = onnx_bytes::read(model.find(7)->second);
  written_model result;
  result.ir_version = model.find(1)->second;
  result.opset = onnx_bytes::read(model.find(8)->second).find(2)->second;
  for (const std::string& each : texts(graph, 1)) {
    const auto node = onnx_bytes::read(each);
    result.nodes.push_back({node.find(4)->second, texts(node, 1), texts(node, 2).front()});
  }
  for (const std::string& each : texts(graph, 5)) {
    const auto tensor = onnx_bytes::read(each);
    const std::string name = tensor.find(8)->second;
    result.raw[name] = tensor.find(9)->second;
    result.element[name] = tensor.find(2)->second;
  }
  return result;
}

inline auto files_in(const std::filesystem::path& folder) -> std::ptrdiff_t {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

inline auto
write(const engine::graph& graph, const ptq::plan& plan, const engine::onnx_options& how = {})
    -> written_model {
  const ptq::test::scratch here;
  engine::write_int8_onnx(graph, plan, here.folder / "made.onnx", how);
  CHECK(files_in(here.folder) == 1);
  return read_back(here.folder / "made.onnx");
}

/// The weights that a runtime sees at input 1 of the node that produces `output`.
inline auto
effective_weights(const written_model& in, const std::string& output, std::size_t channels)
    -> std::vector<double> {
  const written_node* node = &in.producer(in.producer(output).inputs[1]);
  std::vector<float> offset(channels, 0.0F);
  if (node->type == "Add") {
    offset = in.values<float>(node->inputs[1]);
    node = &in.producer(node->inputs[0]);
  }
  REQUIRE(node->type == "DequantizeLinear");
  const auto codes = in.values<std::int8_t>(node->inputs[0]);
  const auto scale = in.values<float>(node->inputs[1]);
  const auto zero = in.values<std::int8_t>(node->inputs[2]);
  std::vector<double> result;
  for (std::size_t i = 0; i != codes.size(); ++i) {
    const std::size_t c = i / (codes.size() / channels);
    const std::size_t at = scale.size() == 1 ? 0 : c;
    result.push_back(
        (codes[i] - zero[at]) * static_cast<double>(scale[at]) + static_cast<double>(offset[c])
    );
  }
  return result;
}

inline void check_weights(
    const std::vector<double>& found,
    const engine::tensor& weights,
    const ptq::quantizer& by,
    float factor = 1
) {
  REQUIRE(found.size() == weights.size());
  const std::size_t channels = by.format.grids.size();
  for (std::size_t i = 0; i != found.size(); ++i) {
    const ptq::grid& grid = by.format.grids[i / (found.size() / channels)];
    const float expected = ptq::reference::fake_quantize(weights.data()[i] * factor, grid);
    CHECK(
        std::abs(found[i] - static_cast<double>(expected)) <
        1e-5 * static_cast<double>(grid.out_high)
    );
  }
}

inline auto weights_of(const engine::model& of, const std::string& name) -> const engine::tensor& {
  return std::get<engine::tensor>(std::ranges::find(of.nodes, name, &engine::node::name)->value);
}
