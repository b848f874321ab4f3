// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/plan/check_model.hpp>
#include <ptq/plan/resolve.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/archetypes.hpp"
#include "support/message.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;

struct fixture {
  toy_graph g;
  ptq::tensor_ref<int> x = g.input("x");
  ptq::tensor_ref<int> w = g.constant("w", {2, 2}, {1, 2, 3, 4});
  ptq::tensor_ref<int> product = g.matmul("product", x, w);
  ptq::plan under;

  auto quantize(
      std::string tensor,
      std::vector<ptq::port_name> consumers,
      ptq::tensor_kind kind = ptq::tensor_kind::activations
  ) -> fixture& {
    under.quantizers.emplace_back(ptq::quantizer{
        .tensor = std::move(tensor),
        .kind = kind,
        .consumers = std::move(consumers),
        .format = {.grids = {{.in_low = -1, .in_high = 1}}}
    });
    return *this;
  }

  auto quantize_weights(std::size_t axis, std::size_t grids) -> fixture& {
    ptq::quantizer made{
        .tensor = "w", .kind = ptq::tensor_kind::weights, .consumers = {{"product", 1}}
    };
    made.format.axis = axis;
    made.format.grids.assign(grids, {.in_low = -1, .in_high = 1});
    under.quantizers.emplace_back(std::move(made));
    return *this;
  }

  auto replace(std::string tensor, std::vector<std::size_t> shape, std::vector<float> values)
      -> fixture& {
    under.constants.emplace_back(ptq::replaced_constant{
        .tensor = std::move(tensor),
        .node = "product",
        .cause = "test",
        .value = {std::move(shape), std::move(values)}
    });
    return *this;
  }

  auto refusal() -> std::string {
    return message_of([&] { (void)ptq::resolve(g, under); });
  }
};

TEST_CASE_FIXTURE(fixture, "a plan by names is resolved to node ids") {
  quantize("x", {{"product", 0}}).quantize("w", {{"product", 1}}, ptq::tensor_kind::weights);
  const auto resolved = ptq::resolve(g, under);
  CHECK_FALSE(resolved.empty());
  CHECK(resolved.input(product.node, 0) == &*under.quantizers[0]);
  CHECK(resolved.input(product.node, 1) == &*under.quantizers[1]);
  CHECK(resolved.input(product.node, 2) == nullptr);
  CHECK(resolved.constant(w) == nullptr);
}

TEST_CASE_FIXTURE(fixture, "of several replacements the last one counts") {
  replace("w", {2, 2}, {0, 0, 0, 0}).replace("w", {2, 2}, {1, 1, 1, 1});
  const auto resolved = ptq::resolve(g, under);
  REQUIRE(resolved.constant(w) != nullptr);
  CHECK(resolved.constant(w)->values == std::vector<float>(4, 1.0F));
  CHECK(under.constant("w") == resolved.constant(w));
}

TEST_CASE_FIXTURE(fixture, "an empty plan resolves without reading the graph") {
  g.relu("product", product); // two nodes of one name: reading it would throw
  CHECK(ptq::resolve(g, under).empty());
}

TEST_CASE_FIXTURE(fixture, "a plan of another model is refused by name") {
  SUBCASE("a tensor that is not there") {
    quantize("z", {{"product", 0}});
    CHECK(refusal() == "z: the plan is of another model: the graph has no such tensor");
  }
  SUBCASE("a node that is not there") {
    quantize("x", {{"quotient", 0}});
    CHECK(refusal() == "quotient: the plan is of another model: the graph has no such node");
  }
  SUBCASE("an input that reads another tensor") {
    quantize("x", {{"product", 1}});
    CHECK(
        refusal() == "product: the plan is of another model: input 1 does not read the tensor `x`"
    );
  }
  SUBCASE("an input that is not there") {
    quantize("x", {{"product", 5}});
    CHECK(
        refusal() == "product: the plan is of another model: input 5 does not read the tensor `x`"
    );
  }
  SUBCASE("a constant of another size") {
    replace("w", {2}, {1, 2});
    CHECK(
        refusal() == "w: the plan is of another model: it replaces a constant of shape 2x2 by 2 "
                     "values of another shape"
    );
  }
  SUBCASE("a constant of another shape and the same size") {
    replace("w", {4, 1}, {1, 2, 3, 4});
    CHECK(
        refusal() == "w: the plan is of another model: it replaces a constant of shape 2x2 by 4 "
                     "values of another shape"
    );
  }
  SUBCASE("a constant whose values do not fill its shape") {
    replace("w", {2, 2}, {1, 2, 3});
    CHECK(
        refusal() == "w: the plan is of another model: it replaces a constant of shape 2x2 by 3 "
                     "values of another shape"
    );
  }
  SUBCASE("a constant that depends on the sample") {
    replace("x", {2}, {1, 2});
    CHECK(
        refusal() ==
        "x: the plan is of another model: it replaces a constant that the graph does not have"
    );
  }
  SUBCASE("more grids than the constant has channels") {
    quantize_weights(1, 3);
    CHECK(
        refusal() == "w: the plan is of another model: it has 3 grids on axis 1 of a constant of "
                     "shape 2x2"
    );
  }
  SUBCASE("an axis that the constant does not have") {
    quantize_weights(2, 2);
    CHECK(
        refusal() == "w: the plan is of another model: it has 2 grids on axis 2 of a constant of "
                     "shape 2x2"
    );
  }
}

TEST_CASE_FIXTURE(fixture, "a grid for each channel of a constant resolves") {
  quantize_weights(1, 2);
  CHECK(ptq::resolve(g, under).input(product.node, 1) == &*under.quantizers[0]);
}

TEST_CASE_FIXTURE(fixture, "what a plan takes for weights is a constant, and nothing else is") {
  SUBCASE("activations as weights") {
    quantize("x", {{"product", 0}}, ptq::tensor_kind::weights);
    CHECK(refusal() == "x: the plan quantizes it as weights, but it is no constant of the graph");
  }
  SUBCASE("weights as activations") {
    quantize("w", {{"product", 1}});
    CHECK(
        refusal() == "w: the plan quantizes it as activations, but it is a constant of the graph"
    );
  }
}

TEST_CASE_FIXTURE(fixture, "an input is quantized once") {
  quantize("x", {{"product", 0}}).quantize("x", {{"product", 0}});
  CHECK(refusal() == "product: the plan quantizes input 0 twice");
}

TEST_CASE_FIXTURE(fixture, "the digest tells a plan of another model") {
  const ptq::topology read = ptq::read_graph(g).nodes;
  CHECK_NOTHROW(ptq::check_model(under, read));
  under.model = {"net", ptq::digest(read)};
  CHECK_NOTHROW(ptq::check_model(under, read));
  under.model.digest = "fnv1a64:0000000000000000";
  CHECK(
      message_of([&] { ptq::check_model(under, read); }) ==
      "the plan is of another model `net`: its digest is fnv1a64:0000000000000000, the graph's "
      "is " +
          ptq::digest(read)
  );
}

TEST_CASE("resolving uses no more of a graph than its concept says") {
  const graph_archetype g;
  ptq::plan under;
  under.quantizers.emplace_back(ptq::quantizer{
      .tensor = "x", .consumers = {{"sum", 0}}, .format = {.grids = {ptq::grid{.in_high = 1}}}
  });
  const auto resolved = ptq::resolve(g, under);
  CHECK(resolved.input(id_archetype(2), 0) == &*under.quantizers[0]);
  CHECK(resolved.constant(id_archetype(1)) == nullptr);
}

template <class G>
concept resolves_a_temporary = requires(const G& g) { ptq::resolve(g, ptq::plan{}); };
static_assert(!resolves_a_temporary<toy_graph>);

} // namespace
