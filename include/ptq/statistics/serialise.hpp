// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/statistics/statistics.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ptq {

namespace detail {

inline constexpr std::string_view statistics_mark = "ptq-statistics 2\n";

inline void put(std::string& to, std::uint64_t value) {
  for (unsigned byte = 0; byte != 8; ++byte) {
    to.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * byte) & 0xFFU)));
  }
}

inline void put(std::string& to, const std::string& text) {
  put(to, static_cast<std::uint64_t>(text.size()));
  to += text;
}

inline void put(std::string& to, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  for (unsigned byte = 0; byte != 4; ++byte) {
    to.push_back(static_cast<char>(static_cast<unsigned char>(bits >> (8 * byte) & 0xFFU)));
  }
}

class statistics_reader {
public:
  explicit statistics_reader(std::string_view bytes) : rest_(bytes) {}

  void mark() {
    const std::string_view found = take(statistics_mark.size());
    constexpr std::string_view name = statistics_mark.substr(0, statistics_mark.find(' ') + 1);
    if (found != statistics_mark && found.starts_with(name) && found.ends_with('\n')) {
      throw error(
          "a ptq statistics file of another version of the format: this reads version " +
          std::string(statistics_mark.substr(name.size(), 1))
      );
    }
    if (found != statistics_mark) {
      fail();
    }
  }

  auto number() -> std::uint64_t {
    const std::string_view bytes = take(8);
    std::uint64_t value = 0;
    for (std::size_t byte = 8; byte-- != 0;) {
      value = value << 8U | static_cast<unsigned char>(bytes[byte]);
    }
    return value;
  }

  /// A count of things of at least `least_size` bytes each: never more than what is left can hold.
  auto count(std::size_t least_size) -> std::size_t {
    const std::uint64_t value = number();
    if (value > rest_.size() / least_size) {
      fail();
    }
    return static_cast<std::size_t>(value);
  }

  auto text() -> std::string { return std::string(take(count(1))); }

  auto single() -> float {
    const std::string_view bytes = take(4);
    std::uint32_t value = 0;
    for (std::size_t byte = 4; byte-- != 0;) {
      value = value << 8U | static_cast<unsigned char>(bytes[byte]);
    }
    return std::bit_cast<float>(value);
  }

  [[nodiscard]] auto done() const -> bool { return rest_.empty(); }

  [[noreturn]] static void fail() {
    throw error("not a ptq statistics file, or damaged: its end is missing or a count is wrong");
  }

private:
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

inline void put(std::string& to, std::span<const std::uint64_t> counts) {
  put(to, static_cast<std::uint64_t>(std::ranges::count_if(counts, [](std::uint64_t count) {
        return count != 0;
      })));
  for (std::size_t bin = 0; bin != counts.size(); ++bin) {
    if (counts[bin] != 0) {
      put(to, std::uint64_t{bin});
      put(to, counts[bin]);
    }
  }
}

inline void put(std::string& to, const log_histogram& histogram) {
  put(to, histogram.low());
  put(to, histogram.high());
  put(to, histogram.small());
  put(to, histogram.negative());
  put(to, histogram.positive());
}

inline auto histogram_from(statistics_reader& reader) -> log_histogram {
  const float low = reader.single();
  const float high = reader.single();
  const std::uint64_t small = reader.number();
  using side = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  const auto side_from = [&reader] {
    side counts(reader.count(16));
    for (auto& [bin, count] : counts) {
      bin = reader.number();
      count = reader.number();
    }
    return counts;
  };
  const side negative = side_from();
  const side positive = side_from();
  return log_histogram::restored(low, high, small, negative, positive);
}

} // namespace detail

/// The statistics as bytes, the same on every machine. The format is described in
/// docs/statistics-file.md.
[[nodiscard]] inline auto to_bytes(const statistics& of) -> std::string {
  using detail::put;
  std::string bytes(detail::statistics_mark);
  put(bytes, of.model());
  put(bytes, std::uint64_t{of.seen().runs().size()});
  for (const auto& [first, last] : of.seen().runs()) {
    put(bytes, first);
    put(bytes, last);
  }
  put(bytes, std::uint64_t{of.all_per_sample().size()});
  for (const auto& [name, entry] : of.all_per_sample()) {
    put(bytes, name.tensor);
    put(bytes, name.statistic);
    put(bytes, std::uint64_t{entry.size()});
    for (const auto& [sample, numbers] : entry) {
      put(bytes, sample);
      put(bytes, std::uint64_t{numbers.size()});
      for (const float number : numbers) {
        put(bytes, number);
      }
    }
  }
  put(bytes, std::uint64_t{of.all_sums().size()});
  for (const auto& [name, entry] : of.all_sums()) {
    put(bytes, name.tensor);
    put(bytes, name.statistic);
    put(bytes, entry.count);
    put(bytes, std::uint64_t{entry.totals.size()});
    for (const exact_sum& total : entry.totals) {
      for (const std::uint64_t word : total.words()) {
        put(bytes, word);
      }
    }
  }
  put(bytes, std::uint64_t{of.all_counted().size()});
  for (const auto& [name, entry] : of.all_counted()) {
    put(bytes, name.tensor);
    put(bytes, name.statistic);
    put(bytes, entry.count);
    put(bytes, std::uint64_t{entry.channels.size()});
    for (const log_histogram& histogram : entry.channels) {
      put(bytes, histogram);
    }
  }
  put(bytes, std::uint64_t{of.all_shapes().size()});
  for (const auto& [tensor, counts] : of.all_shapes()) {
    put(bytes, tensor);
    put(bytes, std::uint64_t{counts.size()});
    for (const auto& [shape, count] : counts) {
      put(bytes, std::uint64_t{shape.size()});
      for (const std::uint64_t extent : shape) {
        put(bytes, extent);
      }
      put(bytes, count);
    }
  }
  return bytes;
}

/// Reads what `to_bytes` wrote.
/// @throws error if the bytes are not that, in whatever way they are damaged.
[[nodiscard]] inline auto statistics_from_bytes(std::string_view bytes) -> statistics {
  detail::statistics_reader reader(bytes);
  statistics result;
  reader.mark();
  result.set_model(reader.text());
  for (std::size_t runs = reader.count(16); runs != 0; --runs) {
    const std::uint64_t first = reader.number();
    const std::uint64_t last = reader.number();
    const auto& before = result.seen().runs();
    if (last <= first || (!before.empty() && first <= before.back().second)) {
      detail::statistics_reader::fail();
    }
    result.see(first, last);
  }
  for (std::size_t entries = reader.count(24); entries != 0; --entries) {
    std::string tensor = reader.text();
    const statistic_name name{std::move(tensor), reader.text()};
    for (std::size_t samples = reader.count(16); samples != 0; --samples) {
      const std::uint64_t sample = reader.number();
      std::vector<float> numbers(reader.count(4));
      for (float& number : numbers) {
        number = reader.single();
        if (!(number - number == 0.0F)) {
          detail::statistics_reader::fail();
        }
      }
      result.record(name, sample, std::move(numbers));
    }
  }
  for (std::size_t entries = reader.count(32); entries != 0; --entries) {
    std::string tensor = reader.text();
    const statistic_name name{std::move(tensor), reader.text()};
    statistics::sums sums{.count = reader.number()};
    sums.totals.resize(reader.count(48));
    for (exact_sum& total : sums.totals) {
      std::array<std::uint64_t, 6> words{};
      for (std::uint64_t& word : words) {
        word = reader.number();
      }
      total = exact_sum(words);
    }
    result.restore(name, std::move(sums));
  }
  for (std::size_t entries = reader.count(32); entries != 0; --entries) {
    std::string tensor = reader.text();
    const statistic_name name{std::move(tensor), reader.text()};
    statistics::counted counted{.count = reader.number()};
    counted.channels.resize(reader.count(32));
    for (log_histogram& histogram : counted.channels) {
      try {
        histogram = detail::histogram_from(reader);
      } catch (const error&) {
        detail::statistics_reader::fail();
      }
    }
    result.add(name, counted);
  }
  for (std::size_t entries = reader.count(16); entries != 0; --entries) {
    const std::string tensor = reader.text();
    statistics::shape_counts counts;
    for (std::size_t shapes = reader.count(16); shapes != 0; --shapes) {
      std::vector<std::uint64_t> shape(reader.count(8));
      for (std::uint64_t& extent : shape) {
        extent = reader.number();
      }
      counts[std::move(shape)] = reader.number();
    }
    result.restore_shapes(tensor, std::move(counts));
  }
  if (!reader.done()) {
    detail::statistics_reader::fail();
  }
  return result;
}

} // namespace ptq
