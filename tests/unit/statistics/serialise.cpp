// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/statistics/file.hpp>
#include <ptq/statistics/serialise.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/scratch.hpp"
#include "support/some_statistics.hpp"

namespace {

using namespace ptq::test;

const std::string damaged =
    "not a ptq statistics file, or damaged: its end is missing or a count is wrong";

auto some_statistics() -> ptq::statistics {
  ptq::statistics result;
  result.set_model("fnv1a64:0123456789abcdef");
  for (const std::uint64_t sample : {0U, 1U, 2U, 7U, 9U}) {
    result.merge(statistics_of_sample(sample, static_cast<unsigned>(sample)));
  }
  return result;
}

/// What reading gives; empty for an error of the library. Anything else fails the test.
auto read(const std::string& bytes) -> std::optional<ptq::statistics> {
  try {
    return ptq::statistics_from_bytes(bytes);
  } catch (const ptq::error&) {
    return std::nullopt;
  }
}

TEST_CASE("statistics survive being written and read") {
  CHECK(read(ptq::to_bytes({})) == ptq::statistics());
  const ptq::statistics s = some_statistics();
  CHECK(read(ptq::to_bytes(s)) == s);
}

TEST_CASE("the bytes of the format are what they were") {
  ptq::statistics s;
  s.set_model("m");
  s.see(2);
  s.record({"x", "e"}, 2, {1.0F, -2.0F});
  const auto number = [](char value) { return std::string{value, 0, 0, 0, 0, 0, 0, 0}; };
  using namespace std::string_literals;
  const std::string expected = "ptq-statistics 2\n" + number(1) + "m" + number(1) + number(2) +
                               number(3) + number(1) + number(1) + "x" + number(1) + "e" +
                               number(1) + number(2) + number(2) + "\0\0\x80\x3f"s + "\0\0\0\xc0"s +
                               number(0) + number(0) + number(0);
  CHECK(ptq::to_bytes(s) == expected);
}

TEST_CASE("a file of another version of the format is refused by its version") {
  std::string bytes = ptq::to_bytes(some_statistics());
  bytes[15] = '1';
  CHECK(message_of([&] {
          (void)ptq::statistics_from_bytes(bytes);
        }) == "a ptq statistics file of another version of the format: this reads version 2");
}

TEST_CASE("statistics cut short anywhere are refused") {
  const std::string bytes = ptq::to_bytes(some_statistics());
  for (std::size_t length = 0; length != bytes.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(read(bytes.substr(0, length)).has_value());
  }
  CHECK(message_of([&] { (void)ptq::statistics_from_bytes(bytes.substr(0, 40)); }) == damaged);
  CHECK(message_of([&] { (void)ptq::statistics_from_bytes(bytes + "x"); }) == damaged);
  CHECK(message_of([&] { (void)ptq::statistics_from_bytes("{}"); }) == damaged);
}

TEST_CASE("statistics with bytes changed are refused, or a value that can be used") {
  const std::string bytes = ptq::to_bytes(some_statistics());
  const auto use = [](const ptq::statistics& s) {
    CHECK(read(ptq::to_bytes(s)) == s);
    ptq::statistics other = s;
    CHECK_THROWS_AS(other.merge(some_statistics()), ptq::error);
    for (const auto& [name, sums] : s.all_sums()) {
      if (sums.count != 0 && sums.count == s.seen().size()) {
        CHECK(s.mean(name).size() == sums.totals.size());
      }
    }
  };
  std::size_t refused = 0;
  for (std::size_t at = 0; at != bytes.size(); ++at) {
    for (const unsigned flip : {0x01U, 0x80U, 0xffU}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ flip);
      const auto result = read(changed);
      refused += result ? 0U : 1U;
      if (result && at % 5 == 0 && result->seen().contains(0)) {
        use(*result);
      }
    }
  }
  CHECK(refused > bytes.size());
  std::mt19937 random(1);
  for (int round = 0; round != 500; ++round) {
    std::string changed = bytes;
    for (int i = 0; i != 8; ++i) {
      changed[random() % changed.size()] = static_cast<char>(random() % 256);
    }
    const auto result = read(changed);
    CHECK((!result || read(ptq::to_bytes(*result)) == result));
  }
}

TEST_CASE("statistics of numbers that are not finite are refused") {
  for (const float bad :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    ptq::statistics s;
    s.see(0);
    s.record({"x", "extremes"}, 0, {0.0F, bad});
    CHECK_FALSE(read(ptq::to_bytes(s)).has_value());
  }
}

TEST_CASE("saved statistics are loaded as they were") {
  const ptq::test::scratch here;
  const std::string path = (here.folder / "saved.statistics").string();
  const ptq::statistics s = some_statistics();
  ptq::save_statistics(s, path);
  CHECK(ptq::load_statistics(path) == s);
  ptq::save_statistics({}, path);
  CHECK(ptq::load_statistics(path).empty());

  ptq::write_file(path, "something else");
  CHECK(message_of([&] { (void)ptq::load_statistics(path); }) == path + ": " + damaged);
  std::filesystem::remove(path);
  CHECK(message_of([&] {
          (void)ptq::load_statistics(path);
        }) == path + ": cannot be opened for reading");
}

auto names_in(const std::filesystem::path& folder) -> std::set<std::string> {
  std::set<std::string> names;
  for (const auto& each : std::filesystem::directory_iterator(folder)) {
    names.insert(each.path().filename().string());
  }
  return names;
}

TEST_CASE("what lies beside a file that is written stays as it is") {
  const ptq::test::scratch here;
  const std::string path = (here.folder / "file").string();
  for (const char* beside : {".part", ".part-0", ".part-1"}) {
    std::ofstream(path + beside) << "mine";
  }
  ptq::write_file(path, "new");
  CHECK(ptq::read_file(path) == "new");
  for (const char* beside : {".part", ".part-0", ".part-1"}) {
    CHECK(ptq::read_file(path + beside) == "mine");
  }
  CHECK(names_in(here.folder).size() == 4);
}

TEST_CASE("a file that cannot be written leaves nothing behind") {
  const ptq::test::scratch here;
  const std::filesystem::path folder = here.folder / "taken";
  std::filesystem::create_directory(folder);
  const std::string onto_a_folder = folder.string();
  CHECK(message_of([&] {
          ptq::save_statistics({}, onto_a_folder);
        }) == onto_a_folder + ": cannot be written");
  CHECK(names_in(here.folder) == std::set<std::string>{"taken"});
  CHECK(message_of([&] {
          (void)ptq::load_statistics(onto_a_folder);
        }) == onto_a_folder + ": cannot be read");
  const std::string nowhere = (folder / "missing" / "file").string();
  CHECK(message_of([&] { ptq::save_statistics({}, nowhere); }) == nowhere + ": cannot be written");
}

} // namespace
