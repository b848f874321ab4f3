// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/concept.hpp>
#include <ptq/graph/digest.hpp>
#include <ptq/graph/read.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

namespace ptq::test {

/// What `ptq::graph` promises and the compiler cannot see.
template <graph G>
void check_graph_laws(const G& of) {
  using id_type = typename G::node_id;
  std::vector<id_type> order;
  for (const id_type id : of.nodes()) {
    order.push_back(id);
  }
  std::set<std::string> names;
  for (std::size_t n = 0; n != order.size(); ++n) {
    const std::string name(std::string_view(of.name(order[n])));
    INFO(name);
    CHECK_FALSE(name.empty());
    CHECK(names.insert(name).second);
    CHECK(name == std::string_view(of.name(order[n])));
    CHECK(of.op(order[n]) == of.op(order[n]));
    std::vector<tensor_ref<id_type>> read;
    for (const tensor_ref<id_type> input : of.inputs(order[n])) {
      read.push_back(input);
      if (!input.is_absent()) {
        CHECK(
            std::find(order.begin(), order.begin() + std::ptrdiff_t(n), input.node) !=
            order.begin() + std::ptrdiff_t(n)
        );
      }
    }
    std::vector<tensor_ref<id_type>> again;
    for (const tensor_ref<id_type> input : of.inputs(order[n])) {
      again.push_back(input);
    }
    CHECK(read == again);
    const std::optional<constant_view> constant = of.constant(order[n]);
    const std::optional<constant_view> twice = of.constant(order[n]);
    REQUIRE(constant.has_value() == twice.has_value());
    if (constant) {
      CHECK(constant->data() == twice->data());
      CHECK(std::ranges::equal(constant->dimensions(), twice->dimensions()));
    }
  }
  CHECK(digest(read_graph(of).nodes) == digest(read_graph(of).nodes));
}

} // namespace ptq::test
