// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/search/exchange.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/scripted_outcome.hpp"
#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;
using names = std::vector<std::string>;

constexpr std::size_t groups = 6;

/// Group 0 hurts beside group 1 and beside group 2, which alone move the outputs much and hurt
/// nothing: a ranking by the outputs takes these two first.
auto either_one_or_two(const std::vector<bool>& quantized, std::size_t s) -> double {
  double lead = 1.0 - 1.1 * scripted_number(s, 999);
  lead -= quantized[0] && quantized[1] ? 0.2 * scripted_number(s, 1) : 0.0;
  lead -= quantized[0] && quantized[2] ? 0.2 * scripted_number(s, 2) : 0.0;
  lead *= quantized[1] ? 1.5 : 1.0;
  lead *= quantized[2] ? 1.4 : 1.0;
  return lead;
}

template <class Search>
auto reverted_by(const Search& search, bool early) -> names {
  const auto graph = chain(groups);
  scripted_engine engine(groups, scripted_samples, either_one_or_two);
  const ptq::accuracy_aware_quantization<quantize_chain, ptq::ranking::by_nmse, Search> control{
      .base = {groups}, .search = search, .maximal_drop = 0.01, .early_stopping = {.enabled = early}
  };
  const ptq::accuracy_outcome found = control(graph, engine);
  CHECK(found.reached);
  check_outcome(found, engine, either_one_or_two, groups);
  return operations_of(found);
}

TEST_CASE("two groups are exchanged for one that the ranking takes last") {
  for (const bool early : {true, false}) {
    CAPTURE(early);
    using exchanging = ptq::search::bisection<ptq::search::exchange>;
    CHECK(reverted_by(ptq::search::bisection<>{}, early) == names{"op1", "op2"});
    CHECK(reverted_by(exchanging{}, early) == names{"op0"});
    const exchanging never{.closing = {.tries = 0}};
    CHECK(reverted_by(never, early) == names{"op1", "op2"});
  }
}

TEST_CASE("the shares of groups whose roots of drops add up are found, and the best set with them"
) {
  std::vector<std::vector<double>> matrix{{4.0, 1.0, 0.0}, {1.0, 3.0, 1.0}, {0.0, 1.0, 2.0}};
  std::vector<double> right{6.0, 10.0, 8.0}; // of 1, 2, 3
  ptq::search::detail::solve(matrix, right);
  for (std::size_t i = 0; i != right.size(); ++i) {
    CHECK(right[i] == doctest::Approx(static_cast<double>(i + 1)));
  }
}

} // namespace
