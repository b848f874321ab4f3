// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/observer/print_progress.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/policy_archetypes.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;

struct hears_all {
  std::vector<std::string>* heard;

  void on_progress(const ptq::progress& p) { heard->push_back("progress " + std::string(p.stage)); }

  void on_note(const ptq::note& n) { heard->push_back("note " + n.where); }

  void on_time(const ptq::stage_time& t) {
    CHECK(t.seconds >= 0.0);
    heard->push_back("time " + std::string(t.stage));
  }
};

struct counts_times {
  int* count;

  void on_time(const ptq::stage_time&) const { ++*count; }
};

struct nothing {};

static_assert(ptq::explain_observer<hears_all>());
static_assert(ptq::explain_observer<counts_times>());
static_assert(ptq::explain_observer<const counts_times>());
static_assert(ptq::explain_observer<observer_archetype>());
static_assert(ptq::explain_observer<ptq::print_progress>());
static_assert(!ptq::observer<nothing>);
static_assert(!ptq::observer<const observer_archetype>, "its member is not const");
static_assert(!ptq::observer<int>);

TEST_CASE("each observer is told what it listens to") {
  std::vector<std::string> heard;
  int times = 0;
  hears_all all{&heard};
  const counts_times clock{&times};
  observer_archetype notes;
  const ptq::observers tell = ptq::observed_by(all, clock, notes);
  tell.on_progress({"calibration", 1, 2});
  tell.on_note({"conv", "left"});
  tell.on_time({"placement", 0.5});
  CHECK(heard == std::vector<std::string>{"progress calibration", "note conv", "time placement"});
  CHECK(times == 1);
  CHECK(notes.last == "left");
}

TEST_CASE("without observers nobody is told") {
  const ptq::observers none = ptq::observed_by();
  CHECK_NOTHROW(none.on_progress({"calibration", 1, 2}));
  CHECK_NOTHROW(none.on_note({}));
  CHECK_NOTHROW(ptq::observers().on_time({"placement", 0.5}));
}

TEST_CASE("an algorithm tells its stages, to lasting and passing observers alike") {
  toy_graph g;
  g.convolution(
      "conv", g.input("x"), g.constant("w", {1, 1, 1, 1}, {1}), g.constant("b", {1}, {0.0F})
  );
  toy_evaluator evaluator(toy_samples(2, {1, 1, 2, 2}));
  std::vector<std::string> heard;
  hears_all lasting{&heard};
  int times = 0;
  (void)ptq::default_quantization<>{}(g, evaluator, lasting, counts_times{&times});
  CHECK(
      heard ==
      std::vector<std::string>{
          "progress calibration",
          "progress calibration",
          "time calibration",
          "time reading",
          "time placement",
          "time weights",
          "time activations",
          "note conv",
          "time corrections",
      }
  );
  CHECK(times == 6);
}

} // namespace
