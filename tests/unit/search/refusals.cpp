// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/ranking/by_metric.hpp>

#include <chrono>
#include <cstddef>
#include <limits>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;

constexpr std::size_t samples = 600;

/// Fails the test if it is called.
struct never {
  template <class G, class E>
  auto operator()(const G& /*graph*/, E&& /*evaluator*/) const -> ptq::plan {
    FAIL("quantized before the options were checked");
    return {};
  }
};

TEST_CASE("options that no search could use are refused before anything is quantized") {
  const auto graph = chain(2);
  scripted_engine engine(2, samples, additive({0.5, 0.5}));
  using control = ptq::accuracy_aware_quantization<never, ptq::ranking::by_metric>;
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const auto message = [&](const control& with) {
    return message_of([&] { static_cast<void>(with(graph, engine)); });
  };
  CHECK(
      message({.ranking = {.ranking_subset_size = 0}}) ==
      "at least one sample is needed (option `ranking_subset_size`)"
  );
  CHECK(message({.maximal_drop = nan}) == "the drop is not a number (option `maximal_drop`)");
  CHECK(
      message({.metrics = {{.name = "top1", .maximal_drop = nan}}}) ==
      "top1: the drop is not a number (option `maximal_drop`)"
  );
  CHECK(
      message({.budget = {.time = std::chrono::duration<double>(nan)}}) ==
      "the time is not a number (option `budget`)"
  );
  CHECK(
      message({.early_stopping = {.chunk = 0}}) ==
      "at least one sample is needed (option `early_stopping`)"
  );
  CHECK(message({.threads = 0}) == "at least one thread is needed (option `threads`)");
  CHECK(message_of([&] {
          static_cast<void>(
              ptq::limits_of({{.name = "top1", .whole = 0.5}}, {}, nan, ptq::drop::relative)
          );
        }) == "top1: the drop is not a number (option `maximal_drop`)");
}

/// Says that nothing has to be reverted, whatever is measured.
struct insists {
  auto operator()(ptq::search_context& in) const -> ptq::search_result {
    static_cast<void>(in.judge({0}));
    return {{}, ptq::stop_reason::met};
  }
};

TEST_CASE("a search that insists on a plan that fails ends with the best that was seen") {
  const auto graph = chain(2);
  for (const double other : {0.0, 0.9}) {
    CAPTURE(other);
    scripted_engine engine(2, samples, additive({0.9, other}));
    const ptq::accuracy_aware_quantization<quantize_chain, ptq::ranking::by_nmse, insists> control{
        .base = {2}, .maximal_drop = 0.01
    };
    const ptq::accuracy_outcome found = control(graph, engine);
    CHECK(found.reached == (other == 0.0));
    CHECK(found.why == (other == 0.0 ? ptq::stop_reason::met : ptq::stop_reason::unreachable));
    CHECK(found.returned_in_full);
    REQUIRE(found.reverted.size() == 1);
    CHECK(found.reverted[0].operations.front() == "op0");
  }
}

} // namespace
