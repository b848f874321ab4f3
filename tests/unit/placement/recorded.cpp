// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/device/devices.hpp>
#include <ptq/placement/groups.hpp>
#include <ptq/placement/place.hpp>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/recorded_placement.hpp"

namespace {

using namespace ptq::test;
using lines = std::vector<std::string>;

auto device_called(const std::string& name) -> ptq::device_view {
  namespace device = ptq::device;
  if (name == "CPU_SPR") {
    return ptq::view_of(device::cpu_spr{});
  }
  if (name == "GPU") {
    return ptq::view_of(device::gpu{});
  }
  if (name == "NPU") {
    return ptq::view_of(device::npu{});
  }
  if (name == "GNA") {
    return ptq::view_of(device::gna{});
  }
  if (name.starts_with("GNA3")) {
    return ptq::view_of(device::gna3{});
  }
  REQUIRE((name == "ANY" || name == "CPU"));
  return ptq::view_of(device::any{});
}

auto options_of(const recorded_placement::configuration& of) -> ptq::placement_options {
  ptq::placement_options result{
      .accurate_weights = of.preset == "accuracy",
      .accurate_activations = of.preset != "performance"
  };
  if (of.model_type == "transformer") {
    result.model_type = ptq::model_type::transformer;
  }
  for (const std::string& each : of.ignored) {
    if (each == "skip") {
      result.ignored.skip_model = true;
    } else if (each.starts_with("name=")) {
      result.ignored.nodes.push_back(each.substr(5));
    } else {
      result.ignored.operations.push_back({.kind = op_called(each.substr(5))});
    }
  }
  return result;
}

auto port_text(const std::string& node, std::size_t input) -> std::string {
  return node + "." + std::to_string(input);
}

auto placed_text(const ptq::topology& in, const ptq::placement& found) -> lines {
  lines result;
  for (const ptq::quantizer_site& site : found.sites) {
    lines ports;
    for (const ptq::topology::port& port : site.consumers) {
      ports.push_back(port_text(in.nodes[port.node].name, port.input));
    }
    std::ranges::sort(ports);
    std::string line = std::to_string(ptq::levels_of(site.kind, site.choice));
    for (const std::string& port : ports) {
      line += " " + port;
    }
    result.push_back(line);
  }
  std::ranges::sort(result);
  return result;
}

TEST_CASE("quantizers are where POT put them, with as many levels") {
  std::size_t configurations = 0;
  for (const char* const model : {"fashion_ds", "fashion_mix", "fashion_vit"}) {
    const recorded_placement recorded = read_recorded_placement(model);
    for (const recorded_placement::configuration& each : recorded.configurations) {
      std::string label =
          std::string(model) + " " + each.device + " " + each.preset + " " + each.model_type;
      for (const std::string& word : each.ignored) {
        label += " " + word;
      }
      CAPTURE(label);
      const ptq::placement found =
          ptq::place(recorded.graph, device_called(each.device), options_of(each));
      const lines ours = placed_text(recorded.graph, found);
      lines theirs = each.quantizers;
      std::ranges::sort(theirs);
      lines missing;
      std::ranges::set_difference(theirs, ours, std::back_inserter(missing));
      for (const std::string& line : missing) {
        FAIL_CHECK("only POT has " << line);
      }
      lines more;
      std::ranges::set_difference(ours, theirs, std::back_inserter(more));
      for (const std::string& line : more) {
        FAIL_CHECK("POT does not have " << line);
      }
      ++configurations;
    }
  }
  CHECK(configurations == 58);
}

TEST_CASE("groups are those that POT removed together") {
  for (const char* const model : {"fashion_ds", "fashion_mix", "fashion_vit"}) {
    CAPTURE(std::string(model));
    const recorded_placement recorded = read_recorded_placement(model);
    const ptq::device_view any = ptq::view_of(ptq::device::any{});
    std::set<lines> ours;
    for (const ptq::group& each :
         ptq::groups_of(recorded.graph, any, ptq::place(recorded.graph, any, {}))) {
      lines text;
      for (const ptq::port_name& port : each.quantizers) {
        text.push_back(port_text(port.node, port.input));
      }
      std::ranges::sort(text);
      text.emplace_back(":");
      lines operations = each.operations;
      std::ranges::sort(operations);
      text.insert(text.end(), operations.begin(), operations.end());
      ours.insert(text);
    }
    std::set<lines> theirs;
    for (const recorded_placement::group& each : recorded.groups) {
      lines text = each.quantizers;
      std::ranges::sort(text);
      text.emplace_back(":");
      text.insert(text.end(), each.operations.begin(), each.operations.end());
      theirs.insert(text);
    }
    CHECK(ours.size() == theirs.size());
    CHECK(ours == theirs);
    if (ours != theirs) {
      for (const lines& each : ours) {
        std::string all;
        for (const std::string& word : each) {
          all += word + " ";
        }
        MESSAGE((theirs.contains(each) ? "both " : "ours ") << all);
      }
    }
  }
}

} // namespace
