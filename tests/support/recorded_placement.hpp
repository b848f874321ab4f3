// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/op.hpp>
#include <ptq/graph/topology.hpp>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace ptq::test {

/// A graph as POT saw it, the groups that it found, and where it put quantizers.
struct recorded_placement {
  struct configuration {
    std::string device{};
    std::string preset{};
    std::string model_type{};
    std::vector<std::string> ignored{};    ///< `name=...`, `type=...` or `skip`.
    std::vector<std::string> quantizers{}; ///< Sorted: `levels port port ...`.
  };

  struct group {
    std::vector<std::string> quantizers{}; ///< Ports, sorted.
    std::vector<std::string> operations{};
  };

  topology graph{};
  std::vector<group> groups{};
  std::vector<configuration> configurations{};
};

inline auto op_called(const std::string& name) -> op {
  const auto found = std::ranges::find(op_names, name);
  if (found == op_names.end()) {
    throw std::logic_error("no operation is called " + name);
  }
  return static_cast<op>(found - op_names.begin());
}

inline auto read_recorded_placement(const std::string& model) -> recorded_placement {
  static const float one = 1.0F;
  recorded_placement result;
  topology& graph = result.graph;
  std::map<std::string, std::size_t> tensors;
  std::ifstream file(PTQ_TESTS_DIR "/golden/placements/" + model + ".txt");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string kind;
    words >> kind;
    if (line.starts_with(" ")) {
      result.configurations.back().quantizers.push_back(line.substr(2));
    } else if (kind == "configuration") {
      recorded_placement::configuration made;
      words >> made.device >> made.preset >> made.model_type;
      for (std::string word; words >> word;) {
        made.ignored.push_back(word);
      }
      result.configurations.push_back(made);
    } else if (kind == "group") {
      recorded_placement::group made;
      bool operations = false;
      for (std::string word; words >> word;) {
        if (word == ":") {
          operations = true;
        } else {
          (operations ? made.operations : made.quantizers).push_back(word);
        }
      }
      result.groups.push_back(made);
    } else {
      topology::node node{.kind = op_called(kind)};
      words >> node.name;
      const std::size_t index = graph.nodes.size();
      for (std::string word; words >> word;) {
        const std::size_t tensor = tensors.at(word);
        graph.tensors[tensor].consumers.push_back({index, node.inputs.size()});
        node.inputs.push_back(tensor);
      }
      if (node.kind == op::constant) {
        node.constant = constant_view(&one, {1, 1});
      }
      node.outputs = {graph.tensors.size()};
      tensors.emplace(node.name, graph.tensors.size());
      graph.tensors.push_back({.name = node.name, .node = index});
      graph.nodes.push_back(std::move(node));
    }
  }
  if (result.configurations.empty()) {
    throw std::logic_error("no recorded placements of " + model);
  }
  return result;
}

} // namespace ptq::test
