// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/algorithm/default_quantization.hpp>

#include <cstddef>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;

/// A toy evaluator that other threads can have one of their own of.
struct forking_evaluator : toy_evaluator {
  using toy_evaluator::toy_evaluator;

  auto fork() const -> forking_evaluator { return *this; }
};

struct hears_calibration {
  std::vector<std::size_t> done{};
  std::vector<std::string> stages{};
  std::vector<std::thread::id> threads{};

  void on_progress(const ptq::progress& now) {
    CHECK(now.stage == "calibration");
    CHECK(now.of == 20);
    done.push_back(now.done);
    threads.push_back(std::this_thread::get_id());
  }

  void on_time(const ptq::stage_time& what) {
    CHECK(what.seconds >= 0.0);
    stages.emplace_back(what.stage);
  }
};

struct fixture {
  toy_graph g;
  ptq::default_quantization<> quantize;
  std::vector<ptq::tensor_data> data = toy_samples(20, {1, 2, 3, 3});

  fixture() {
    const auto weights = g.constant("w", {2, 2, 1, 1}, toy_numbers(4, 1));
    g.relu("relu", g.convolution("conv", g.input("x"), weights, g.constant("b", {2}, {1, 2})));
  }

  auto in_threads(std::size_t threads, const ptq::samples& range = {0, 20}) -> ptq::statistics {
    return ptq::calibrate_in_threads(quantize, g, forking_evaluator(data), range, threads);
  }
};

TEST_CASE_FIXTURE(fixture, "threads give the statistics of one, however many they are") {
  const ptq::statistics whole = ptq::calibrate(quantize, g, toy_evaluator(data), {0, 20});
  CHECK(whole.seen().size() == 20);
  for (const std::size_t threads : {1U, 2U, 3U, 7U, 20U, 50U}) {
    CAPTURE(threads);
    CHECK(in_threads(threads) == whole);
  }
}

TEST_CASE_FIXTURE(fixture, "no thread at all is refused") {
  CHECK(message_of([&] {
          (void)in_threads(0);
        }) == "at least one thread is needed (option `threads`)");
  CHECK(message_of([&] { (void)in_threads(2, {}); }) == "there is no sample to calibrate on");
}

TEST_CASE_FIXTURE(fixture, "an error in a part comes through, of several that of the first part") {
  data[17].values[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK(message_of([&] { (void)in_threads(3); }) == "x, sample 17: the tensor holds NaN");
  data[9].values[0] = std::numeric_limits<float>::infinity();
  CHECK(message_of([&] { (void)in_threads(3); }) == "x, sample 9: the tensor holds infinity");
}

TEST_CASE_FIXTURE(fixture, "observers are told in the calling thread, as each part is done") {
  hears_calibration heard;
  (void)ptq::calibrate_in_threads(quantize, g, forking_evaluator(data), {0, 20}, 3, heard);
  CHECK(heard.done == std::vector<std::size_t>{0, 7, 14, 20});
  CHECK(heard.stages == std::vector<std::string>{"calibration"});
  CHECK(heard.threads == std::vector<std::thread::id>(4, std::this_thread::get_id()));

  hears_calibration of_one;
  (void)ptq::calibrate(quantize, g, toy_evaluator(data), {0, 20}, of_one);
  CHECK(of_one.done == std::vector<std::size_t>{0, 20});
  CHECK(of_one.stages == std::vector<std::string>{"calibration"});
}

} // namespace
