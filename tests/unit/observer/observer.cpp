// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/observer/print_progress.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <memory>
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

/// What an observer has printed.
auto text_of(std::FILE* file) -> std::string {
  std::string result(static_cast<std::size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  result.resize(std::fread(result.data(), 1, result.size(), file));
  std::fseek(file, 0, SEEK_END);
  return result;
}

/// What is on the screen after it was printed: blanks at the end of a line are not seen.
auto screen_after(const std::string& printed) -> std::string {
  std::string result;
  std::string line;
  std::size_t at = 0;
  const auto finish = [&] {
    line.erase(line.find_last_not_of(' ') + 1);
    result += line;
    line.clear();
    at = 0;
  };
  for (const char c : printed) {
    if (c == '\n') {
      finish();
      result += c;
    } else if (c == '\r') {
      at = 0;
    } else {
      line.resize(std::max(line.size(), at + 1), ' ');
      line[at] = c;
      ++at;
    }
  }
  finish();
  return result;
}

TEST_CASE("a bar is drawn over the one before, and stays when it is full") {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  REQUIRE(file != nullptr);
  ptq::print_progress bar(file.get());
  bar.on_progress({"candidate", 1000, 10000});
  bar.on_progress({"ranking", 0, 8});
  CHECK(
      screen_after(text_of(file.get())) ==
      "ranking      [........................................] 0/8"
  );
  bar.on_progress({"ranking", 4, 8});
  bar.on_progress({"ranking", 8, 8});
  bar.on_progress({"calibration", 1, 2});
  CHECK(
      screen_after(text_of(file.get())) ==
      "ranking      [########################################] 8/8\n"
      "calibration  [####################....................] 1/2"
  );
  bar.on_step({});
  CHECK(
      screen_after(text_of(file.get())) ==
      "ranking      [########################################] 8/8\n"
  );
  bar.on_progress({"calibration", 0, 0});
  CHECK(
      screen_after(text_of(file.get())) ==
      "ranking      [########################################] 8/8\n"
      "calibration  [########################################] 0/0\n"
  );
}

TEST_CASE("a full bar goes where it is wished") {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  REQUIRE(file != nullptr);
  ptq::print_progress bar(file.get(), ptq::finished_bar::goes);
  bar.on_progress({"candidate", 1000, 10000});
  CHECK(screen_after(text_of(file.get())).find("1000/10000") != std::string::npos);
  bar.on_progress({"candidate", 10000, 10000});
  CHECK(screen_after(text_of(file.get())).empty());
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
