// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/graph/digest.hpp>
#include <ptq/graph/read.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;

auto digest_of(const toy_graph& g) -> std::string {
  return ptq::digest(ptq::read_graph(g).nodes);
}

struct choices {
  std::string name = "conv";
  ptq::op kind = ptq::op::relu;
  std::size_t stride = 1;
  float weight = 1.0F;
  toy_graph::shape shape = {1, 1, 1, 2};
  bool swapped = false;
};

auto made_with(const choices& c) -> std::string {
  toy_graph g;
  const auto x = g.input("x");
  const auto y = g.input("y");
  const auto w = g.constant("w", c.shape, {c.weight, 2.0F});
  const auto made = g.convolution(c.name, x, w, toy_graph::none, {.strides = {c.stride, 1}});
  g.add({.name = "after", .kind = c.kind, .inputs = {made}});
  g.add("sum", c.swapped ? y : made, c.swapped ? made : y);
  return digest_of(g);
}

TEST_CASE("the digest is the same everywhere") {
  CHECK(digest_of(toy_graph()) == "fnv1a64:a8c7f832281a39c5");
  CHECK(made_with({}) == "fnv1a64:d9aa041c6afc4179");
}

TEST_CASE("the digest sees each thing that the graph tells") {
  const std::string plain = made_with({});
  CHECK(made_with({}) == plain);
  CHECK(made_with({.name = "other"}) != plain);
  CHECK(made_with({.kind = ptq::op::sigmoid}) != plain);
  CHECK(made_with({.stride = 2}) != plain);
  CHECK(made_with({.weight = 1.0000001F}) != plain);
  CHECK(made_with({.shape = {2, 1, 1, 1}}) != plain);
  CHECK(made_with({.swapped = true}) != plain);
}

TEST_CASE("the digest does not see where and how constants lie in memory") {
  const std::array<float, 6> rows{1, 2, 3, 4, 5, 6};
  const std::array<float, 6> columns{1, 4, 2, 5, 3, 6};
  const std::array<float, 8> padded{1, 2, 3, -7, 4, 5, 6, -7};
  const std::array<ptq::dimension, 2> with_gap{
      ptq::dimension{.extent = 2, .stride = 4}, ptq::dimension{.extent = 3, .stride = 1}
  };
  const auto with = [](const ptq::constant_view& view) {
    toy_graph g;
    g.constant_at("w", view);
    return digest_of(g);
  };
  const std::string dense = with({rows, {2, 3}});
  CHECK(with(ptq::constant_view(columns, {3, 2}).permuted({1, 0})) == dense);
  CHECK(with({padded.data(), ptq::element_type::f32, with_gap}) == dense);
  CHECK(with({rows, {3, 2}}) != dense);
}

} // namespace
