// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/scratch.hpp"
#include "support/scripted_search.hpp"

namespace {

using namespace ptq::test;

constexpr std::size_t samples = 600;
const std::vector<double> harm{0.02, 0.3, 0.01, 0.05, 0.6, 0.02, 0.1, 0.03};

auto control_with(const std::string& state) {
  return ptq::accuracy_aware_quantization<quantize_chain, ptq::ranking::by_nmse>{
      .base = {harm.size()}, .maximal_drop = 0.01, .state = state, .resume = true
  };
}

TEST_CASE("a damaged state is refused with a reason, and the one before it is used") {
  const scratch here;
  const auto graph = chain(harm.size());
  const std::string state = here.folder / "state";
  scripted_engine engine(harm.size(), samples, additive(harm));
  const auto expected = without_times(control_with(state)(graph, engine));
  const std::string bytes = ptq::read_file(state);

  struct listener {
    std::string* heard;

    void on_note(const ptq::note& n) { *heard += n.where + ": " + n.message; }
  };

  std::string heard;
  std::ofstream(state, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  scripted_engine again(harm.size(), samples, additive(harm));
  CHECK(without_times(control_with(state)(graph, again, listener{&heard})) == expected);
  CHECK(
      heard.find("damaged: cut short, or changed; the state before it is used") != std::string::npos
  );
  CHECK(again.counts->measured < samples); // the last answer alone

  std::filesystem::remove(state + ".previous");
  for (std::size_t length = 0; length < bytes.size(); length += bytes.size() / 97 + 1) {
    std::ofstream(state, std::ios::binary) << bytes.substr(0, length);
    CHECK(message_of([&] {
            static_cast<void>(control_with(state)(graph, again));
          }).find(state + ": ") == 0);
  }
  for (std::size_t at = 0; at < bytes.size(); at += bytes.size() / 97 + 1) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    CHECK_THROWS_AS(static_cast<void>(ptq::measurement_log::from_bytes(changed)), ptq::error);
  }
  CHECK(ptq::measurement_log::from_bytes(bytes).to_bytes() == bytes);

  // What passes the checksum and makes no sense is refused all the same.
  const auto sealed = [](std::string body) {
    ptq::detail::put(body, ptq::detail::checksum(body));
    return body;
  };
  const std::string body = bytes.substr(0, bytes.size() - 8);
  for (std::size_t length = 19; length < body.size(); length += body.size() / 97 + 1) {
    CHECK_THROWS_AS(
        static_cast<void>(ptq::measurement_log::from_bytes(sealed(body.substr(0, length)))),
        ptq::error
    );
  }
  std::string other = body;
  other[17] = '7';
  CHECK(message_of([&] {
          static_cast<void>(ptq::measurement_log::from_bytes(sealed(other)));
        }) == "the state of a search in another version of the format: this reads version 1");
}

TEST_CASE("what is no state, or one of another model or of other samples, is refused") {
  const scratch here;
  const auto graph = chain(harm.size());
  const std::string state = here.folder / "state";
  const auto message = [&](const auto& of, std::size_t count) {
    return message_of([&] {
      scripted_engine engine(harm.size(), count, additive(harm));
      static_cast<void>(control_with(state)(of, engine));
    });
  };
  const auto refuses = [&](const std::string& bytes) {
    std::ofstream(state, std::ios::binary) << bytes;
    return message(graph, samples).find(state + ": not the state of a search") == 0;
  };
  CHECK(refuses(""));
  CHECK(refuses("garbage\n"));
  CHECK(refuses(std::string(1000, '\0')));
  CHECK(refuses("{\"step\":0,\"kind\":\"baseline\"}\n")); // a trace
  CHECK(refuses("ptq-statistics 2\n" + std::string(100, 'x')));
  std::filesystem::remove(state);
  REQUIRE(message(graph, samples) == "no error");
  CHECK(message(graph, samples) == "no error");
  const std::string other = state + ": the state is of another search";
  CHECK(message(chain(harm.size() + 1), samples).find(other) == 0);
  CHECK(message(graph, samples - 1).find(other) == 0);
  std::ofstream(state, std::ios::app) << "more";
  std::filesystem::remove(state + ".previous");
  CHECK(
      message(graph, samples) ==
      state + ": the state of a search, but damaged: cut short, or changed"
  );
}

TEST_CASE("a state with answers that are none is refused, though it is whole") {
  const scratch here;
  const auto graph = chain(harm.size());
  const std::string state = here.folder / "state";
  const auto control = control_with(state);
  scripted_engine engine(harm.size(), samples, additive(harm));
  static_cast<void>(control(graph, engine));
  const std::string search = ptq::measurement_log::from_bytes(ptq::read_file(state)).search();
  const auto message = [&](std::uint64_t plan,
                           const char* what,
                           const ptq::samples& range,
                           const ptq::measurement& answer) {
    ptq::measurement_log forged(search);
    forged.add({plan, what, ptq::fingerprint_of(range)}, answer);
    std::filesystem::remove(state + ".previous");
    std::ofstream(state, std::ios::binary | std::ios::trunc) << forged.to_bytes();
    return message_of([&] { static_cast<void>(control(graph, engine)); });
  };
  const ptq::samples all{0, samples};
  CHECK(message(0, "metrics", all, {}) == "the evaluator measures no metric (option `metrics`)");
  CHECK(
      message(0, "metrics", all, {{.name = "top1", .per_sample = {1.0, 1.0}}}) ==
      "top1: 2 values for 600 samples, and no value of the whole"
  );
  // What the ranking compares first: the first group alone.
  ptq::plan alone = control.base(graph, engine);
  const auto groups = alone.groups;
  for (std::size_t g = 1; g != groups.size(); ++g) {
    alone = alone.without(*groups[g]);
  }
  const ptq::samples some =
      ptq::ranking::spread_samples(samples, ptq::ranking::by_nmse{}.ranking_subset_size);
  const std::string what = "nmse of the outputs";
  for (const ptq::measurement& answer :
       {ptq::measurement{}, ptq::measurement{{.name = what, .per_sample = {0.5}, .whole = 0.5}}}) {
    CHECK(
        message(ptq::fingerprint(alone), what.c_str(), some, answer) ==
        state + ": the answer that is kept is none to `nmse of the outputs`"
    );
  }
}

TEST_CASE("the state of another search is refused and without resume it is written anew") {
  const scratch here;
  const auto graph = chain(harm.size());
  const std::string state = here.folder / "state";
  scripted_engine engine(harm.size(), samples, additive(harm));
  auto control = control_with(state);
  const auto expected = without_times(control(graph, engine));
  control.base.high = 0.5F;
  CHECK(message_of([&] {
          static_cast<void>(control(graph, engine));
        }).find(state + ": the state is of another search") == 0);
  control.resume = false;
  static_cast<void>(control(graph, engine));
  control.base.high = 1.0F;
  control.state = (here.folder / "no folder" / "state").string();
  CHECK(message_of([&] {
          static_cast<void>(control(graph, engine));
        }).find("cannot be written") != std::string::npos);
}

TEST_CASE("a state of another metric without labels is refused") {
  const scratch here;
  const auto graph = chain(harm.size());
  scripted_engine engine(harm.size(), samples, additive(harm));
  auto control = control_with(here.folder / "state");
  const auto message = [&] {
    return message_of([&] { static_cast<void>(control(graph, engine)); });
  };
  CHECK(message() == "no error");
  control.annotation_free = true;
  control.unlabelled.annotation_conf_threshold = 0.0; // of all samples, as with labels
  CHECK(message().find("the state is of another search") != std::string::npos);
  control.state = (here.folder / "nmse").string();
  control.unlabelled.distance = ptq::distance::nmse;
  CHECK(message() == "no error");
  CHECK(message() == "no error");
  control.unlabelled.distance = ptq::distance::kl;
  CHECK(message().find("the state is of another search") != std::string::npos);
}

} // namespace
