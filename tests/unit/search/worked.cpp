// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Two searches from published logs of POT's successor, which accepts and takes back as POT does.
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/search/greedy_pot.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;

/// Group g of so many operations; the groups behind those that are named have one each.
struct published {
  std::vector<std::size_t> sizes; ///< Of the groups in the order in which they are tried.
  std::size_t operations;         ///< In all.
  double start;                   ///< The drop with everything quantized.
  std::vector<double> drops;      ///< Behind each step.
};

struct base {
  const published* log;

  template <class G, class E>
  auto operator()(const G& graph, E&& engine) const -> ptq::plan {
    std::size_t named = 0;
    for (const std::size_t size : log->sizes) {
      named += size;
    }
    const std::size_t groups = log->sizes.size() + (log->operations - named);
    ptq::plan result = quantize_chain{groups}(graph, engine);
    for (std::size_t g = 0; g != log->sizes.size(); ++g) {
      ptq::group more = *result.groups[g];
      for (std::size_t i = 1; i < log->sizes[g]; ++i) {
        more.operations.push_back("op" + std::to_string(g) + "/" + std::to_string(i));
      }
      result.groups[g] = more;
    }
    return result;
  }
};

/// Tries the groups in the order of their numbers, and none again.
struct in_order {
  std::shared_ptr<std::size_t> tried;

  auto order(const ptq::ranking_question& of) const -> ptq::ranked_groups {
    ptq::ranked_groups result;
    const ptq::group_set open = of.variants.quantized(of.reverted);
    for (const bool known : {false, true}) {
      for (const std::size_t g : open) {
        if ((g < *tried) == known) {
          result.order.push_back({g, 0.0});
        }
      }
    }
    return result;
  }
};

auto search(const published& log) -> ptq::accuracy_outcome {
  const auto graph = chain(1);
  scripted_engine engine(log.operations, 128, [](const auto&, std::size_t) { return 0.0; });
  const auto tried = std::make_shared<std::size_t>(0);
  const auto measured = std::make_shared<std::size_t>(0);
  engine.metrics = [&log, tried, measured](std::span<const double>) {
    const std::size_t now = (*measured)++;
    *tried = now < 2 ? 0 : now - 1;
    const double drop = now == 0 ? 0.0 : now == 1 ? log.start : log.drops.at(now - 2);
    return ptq::measurement{{.name = "map", .whole = 0.3677 - drop}};
  };
  const ptq::accuracy_aware_quantization<base, in_order, ptq::search::greedy_pot> control{
      .base = {&log}, .ranking = {tried}, .maximal_drop = 0.01
  };
  return control(graph, engine);
}

auto decisions_of(const ptq::accuracy_outcome& of) -> std::string {
  std::string result;
  for (const ptq::step& each : of.trace) {
    if (each.kind == ptq::step_kind::ranking) {
      result += "rank ";
    } else if (each.kind == ptq::step_kind::candidate && !each.reverted.empty()) {
      result += each.decision == "rolled back" ? "back "
                : each.decision == "fits"      ? "done"
                                               : "keep ";
    }
  }
  return result;
}

TEST_CASE("the first published search: three accepted, two taken back, then four to the end") {
  const published log{
      {1, 1, 1, 2, 1, 2, 2, 2},
      92,
      0.024730,
      {0.023408, 0.024750, 0.023230, 0.024256, 0.023298, 0.021779, 0.016965, 0.005923}
  };
  const ptq::accuracy_outcome found = search(log);
  CHECK(found.reached);
  CHECK(decisions_of(found) == "rank keep back rank keep back rank keep keep keep done");
  CHECK(found.operations_reverted == 9);
  CHECK(found.operations_quantized == 92);
}

TEST_CASE("the second published search: one accepted, one taken back, one to the end") {
  const published log{{1, 2, 2}, 127, 0.019538, {0.016468, 0.016637, 0.006521}};
  const ptq::accuracy_outcome found = search(log);
  CHECK(found.reached);
  CHECK(decisions_of(found) == "rank keep back rank done");
  CHECK(found.operations_reverted == 3);
  CHECK(found.operations_quantized == 127);
}

} // namespace
