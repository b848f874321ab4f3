// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Searches against the truth: all plans of a network were measured.
#include <algorithm>
#include <cstddef>
#include <fstream>
#include <ios>
#include <sstream>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include "support/scratch.hpp"
#include "support/table_searches.hpp"

namespace {

using namespace ptq::test;

/// What must hold of every result, whatever the search.
void check_outcome(const table_outcome& of, const plan_table& in) {
  CHECK(of.found.returned_in_full);
  CHECK(of.found.drop() == doctest::Approx(in.drop(of.plan)).epsilon(1e-9));
  CHECK(of.found.operations_reverted == in.operations(of.plan));
  CHECK(of.found.inferred.total() == of.inferences);
  CHECK(of.most_times <= 1);
}

TEST_CASE("the table of all plans is that of a network worth searching") {
  const plan_table& table = fashion_ds_plans();
  CHECK(table.groups.size() == 11);
  CHECK(table.samples == 2000);
  CHECK(table.top1(table.everything()) == doctest::Approx(0.9075));
  std::size_t right = 0; // the float model's outputs are those that were judged
  for (std::size_t s = 0; s != table.samples; ++s) {
    const auto row = table.in_float.begin() + static_cast<std::ptrdiff_t>(s * table.classes);
    const auto best = static_cast<std::size_t>(
        std::max_element(row, row + static_cast<std::ptrdiff_t>(table.classes)) - row
    );
    CHECK((best == table.labels[s]) == table.right[table.everything()][s]);
    right += best == table.labels[s] ? 1U : 0U;
  }
  CHECK(right == 1815);
  // Not monotone: some operation is better left quantized.
  bool worse = false;
  for (std::size_t plan = 0; plan != table.plans(); ++plan) {
    for (std::size_t g = 0; g != table.groups.size(); ++g) {
      const std::size_t more = plan | std::size_t{1} << g;
      worse = worse || table.drop(more) > table.drop(plan) + 0.005;
    }
  }
  CHECK(worse);
}

TEST_CASE("a table of plans is written to the bytes that it was read from") {
  const scratch here;
  const std::string path = (here.folder / "plans").string();
  write_plan_table(fashion_ds_plans(), path);
  const auto bytes_of = [](const std::string& from) {
    std::ifstream file(from, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  };
  const std::string bytes = bytes_of(path);
  CHECK(bytes == bytes_of(PTQ_TESTS_DIR "/golden/accuracy_aware/fashion_ds.w4a4.plans"));
  for (const std::size_t length : {std::size_t{0}, std::size_t{40}, bytes.size() - 1}) {
    std::ofstream(path, std::ios::binary) << bytes.substr(0, length);
    CHECK_THROWS_AS(static_cast<void>(read_plan_table(path)), std::runtime_error);
  }
}

TEST_CASE("the default search is near the optimum of all plans") {
  const plan_table& table = fashion_ds_plans();
  for (const double limit : drop_limits) {
    CAPTURE(limit);
    const table_outcome made = searched(table, ways().front(), limit);
    check_outcome(made, table);
    CHECK(made.found.reached);
    CHECK(table.drop(made.plan) <= limit + 1e-12);
    CHECK(made.found.operations_reverted <= table.fewest(limit) + (limit >= 0.005 ? 1 : 2));
    CHECK(made.found.operations_reverted >= table.fewest(limit));
    // The first of `ways()` is what the algorithm does if nothing is said.
    table_engine engine(table);
    const ptq::accuracy_aware_quantization usual{
        .base = quantize_table{&table}, .maximal_drop = limit
    };
    CHECK(usual(graph_of(table), engine).plan == made.found.plan);
  }
}

TEST_CASE("the default search runs fewer samples than POT's, and reverts no more") {
  const plan_table& table = fashion_ds_plans();
  const way usual = ways().front();
  const auto all = ways();
  const auto pot = std::ranges::find(all, "greedy_pot", &way::search);
  REQUIRE(pot != all.end());
  for (const double limit : drop_limits) {
    CAPTURE(limit);
    const table_outcome ours = searched(table, usual, limit);
    const table_outcome theirs = searched(table, *pot, limit);
    CHECK(ours.found.operations_reverted <= theirs.found.operations_reverted);
    CHECK(ours.inferences <= theirs.inferences);
  }
}

TEST_CASE("every search holds its limit and counts what it runs") {
  const plan_table& table = fashion_ds_plans();
  for (const way& by : ways()) {
    CAPTURE(by.name());
    for (const double limit : drop_limits) {
      CAPTURE(limit);
      const table_outcome made = searched(table, by, limit);
      check_outcome(made, table);
      CHECK(made.found.reached);
      CHECK(table.drop(made.plan) <= limit + 1e-12);
      CHECK(made.found.operations_reverted >= table.fewest(limit));
    }
  }
}

} // namespace
