// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/evaluator/metric.hpp>
#include <ptq/graph/digest.hpp>
#include <ptq/statistics/serialise.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ptq::detail {

inline constexpr std::string_view state_mark = "ptq-search-state 1\n";

inline auto checksum(std::string_view bytes) -> std::uint64_t {
  fnv1a hash;
  hash.text(bytes);
  return hash.value();
}

inline void put(std::string& to, double value) {
  put(to, std::bit_cast<std::uint64_t>(value));
}

/// A byte for eight values where all are 0 or 1, eight bytes for each otherwise.
inline void put(std::string& to, const std::vector<double>& values) {
  const bool binary = std::ranges::all_of(values, [](double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    return bits == 0 || bits == std::bit_cast<std::uint64_t>(1.0);
  });
  put(to, static_cast<std::uint64_t>(values.size()));
  to.push_back(binary ? 'b' : 'd');
  if (!binary) {
    for (const double value : values) {
      put(to, value);
    }
    return;
  }
  for (std::size_t first = 0; first < values.size(); first += 8) {
    unsigned byte = 0;
    for (std::size_t i = first; i < std::min(first + 8, values.size()); ++i) {
      byte |= values[i] == 1.0 ? 1U << (i - first) : 0U;
    }
    to.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
  }
}

inline void put(std::string& to, const measurement& of) {
  put(to, static_cast<std::uint64_t>(of.size()));
  for (const metric& each : of) {
    put(to, each.name);
    to.push_back(each.direction == higher_is_better ? 'h' : 'l');
    put(to, each.least);
    put(to, each.most);
    to.push_back(each.whole ? 'w' : '-');
    put(to, each.whole.value_or(0.0));
    put(to, each.per_sample);
    put(to, each.margin);
  }
}

/// Reads the state of a search; every count is checked against what is left.
class log_reader {
public:
  /// @throws error if the mark or the checksum is wrong.
  explicit log_reader(std::string_view bytes) : rest_(bytes) {
    constexpr std::size_t least = state_mark.size() + 8;
    if (bytes.size() >= state_mark.size() && bytes.starts_with("ptq-search-state ") &&
        !bytes.starts_with(state_mark)) {
      throw error("the state of a search in another version of the format: this reads version 1");
    }
    if (bytes.size() < least || !bytes.starts_with(state_mark)) {
      fail();
    }
    log_reader end(bytes.substr(bytes.size() - 8), 0);
    rest_ = bytes.substr(0, bytes.size() - 8);
    if (end.number() != checksum(rest_)) {
      throw error("the state of a search, but damaged: cut short, or changed");
    }
    rest_.remove_prefix(state_mark.size());
  }

  auto number() -> std::uint64_t {
    const std::string_view bytes = take(8);
    std::uint64_t value = 0;
    for (std::size_t byte = 8; byte-- != 0;) {
      value = value << 8U | static_cast<unsigned char>(bytes[byte]);
    }
    return value;
  }

  auto real() -> double { return std::bit_cast<double>(number()); }

  /// A count of things of at least `size` bytes each.
  auto count(std::size_t size) -> std::size_t {
    const std::uint64_t value = number();
    if (value > rest_.size() / size) {
      fail();
    }
    return static_cast<std::size_t>(value);
  }

  auto text() -> std::string { return std::string(take(count(1))); }

  auto reals() -> std::vector<double> {
    const std::uint64_t size = number();
    const char how = letter("bd");
    if (how == 'd') {
      if (size > rest_.size() / 8) {
        fail();
      }
      std::vector<double> result(static_cast<std::size_t>(size));
      std::ranges::generate(result, [this] { return real(); });
      return result;
    }
    if (size / 8 > rest_.size()) {
      fail();
    }
    std::vector<double> result(static_cast<std::size_t>(size));
    const std::string_view bytes = take((result.size() + 7) / 8);
    for (std::size_t i = 0; i != result.size(); ++i) {
      const auto byte = static_cast<unsigned char>(bytes[i / 8]);
      result[i] = (byte >> (i % 8) & 1U) != 0 ? 1.0 : 0.0;
    }
    return result;
  }

  auto measured() -> measurement {
    measurement result(count(43));
    for (metric& each : result) {
      each.name = text();
      each.direction = letter("hl") == 'h' ? higher_is_better : lower_is_better;
      each.least = real();
      each.most = real();
      const bool whole = letter("w-") == 'w';
      const double value = real();
      if (whole) {
        each.whole = value;
      }
      each.per_sample = reals();
      each.margin = reals();
    }
    return result;
  }

  void finish() const {
    if (!rest_.empty()) {
      fail();
    }
  }

private:
  log_reader(std::string_view bytes, int) : rest_(bytes) {}

  [[noreturn]] static void fail() {
    throw error("not the state of a search, or damaged: its end is missing or a count is wrong");
  }

  auto letter(std::string_view allowed) -> char {
    const char found = take(1).front();
    if (allowed.find(found) == std::string_view::npos) {
      fail();
    }
    return found;
  }

  auto take(std::size_t count) -> std::string_view {
    if (count > rest_.size()) {
      fail();
    }
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }

  std::string_view rest_;
};

} // namespace ptq::detail
