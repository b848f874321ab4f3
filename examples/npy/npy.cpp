// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "npy.hpp"

#include <bit>
#include <charconv>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace npy {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view magic("\x93NUMPY", 6);
constexpr std::uintmax_t longest_header = 1U << 16U;

struct header {
  std::string element;
  std::vector<std::size_t> shape;
  std::size_t count = 1;
};

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& problem) {
  throw error(file.string() + ": " + problem);
}

/// The text behind `'key':` in the header's Python dictionary.
auto value_of(std::string_view text, std::string_view key, const std::filesystem::path& file)
    -> std::string_view {
  const std::string quoted = "'" + std::string(key) + "'";
  const auto at = text.find(quoted);
  const auto colon = at == std::string_view::npos ? at : text.find(':', at + quoted.size());
  if (colon == std::string_view::npos) {
    fail(file, "the .npy header has no entry " + quoted);
  }
  const auto begin = text.find_first_not_of(' ', colon + 1);
  return begin == std::string_view::npos ? std::string_view{} : text.substr(begin);
}

auto parse_shape(std::string_view text, header& result, const std::filesystem::path& file) {
  const auto close = text.find(')');
  if (text.empty() || text.front() != '(' || close == std::string_view::npos) {
    fail(file, "the shape in the .npy header is not a tuple");
  }
  text = text.substr(1, close - 1);
  while (true) {
    const auto begin = text.find_first_not_of(" ,");
    if (begin == std::string_view::npos) {
      return;
    }
    text.remove_prefix(begin);
    std::size_t extent = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), extent);
    if (problem != std::errc{}) {
      fail(file, "the shape in the .npy header holds something that is no extent");
    }
    if (extent != 0 && result.count > (std::numeric_limits<std::size_t>::max() >> 8U) / extent) {
      fail(file, "the shape in the .npy header is too large");
    }
    result.count *= extent;
    result.shape.push_back(extent);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
}

auto read_header(std::ifstream& stream, const std::filesystem::path& file) -> header {
  char start[8] = {};
  stream.read(start, sizeof start);
  if (!stream || std::string_view(start, magic.size()) != magic) {
    fail(file, "this is no .npy file");
  }
  std::uint32_t length = 0;
  stream.read(reinterpret_cast<char*>(&length), start[6] == 1 ? 2 : 4);
  if (!stream || start[6] < 1 || start[6] > 3 || length > longest_header) {
    fail(file, "the .npy header is damaged or of an unknown version");
  }
  std::string text(length, ' ');
  stream.read(text.data(), static_cast<std::streamsize>(length));
  if (!stream) {
    fail(file, "the file ends within the .npy header");
  }
  header result;
  const auto element = value_of(text, "descr", file);
  const auto close = element.size() < 2 ? std::string_view::npos : element.find('\'', 1);
  if (close == std::string_view::npos || element.front() != '\'') {
    fail(file, "the element type in the .npy header is not a plain one");
  }
  result.element = element.substr(1, close - 1);
  if (!value_of(text, "fortran_order", file).starts_with("False")) {
    fail(file, "the array is in Fortran order; save it with numpy.ascontiguousarray");
  }
  parse_shape(value_of(text, "shape", file), result, file);
  return result;
}

auto open(const std::filesystem::path& file) -> std::ifstream {
  std::error_code problem;
  if (!std::filesystem::exists(file, problem)) {
    fail(file, "there is no such file");
  }
  std::ifstream stream(file, std::ios::binary);
  if (!std::filesystem::is_regular_file(file, problem) || !stream) {
    fail(file, "the file cannot be read");
  }
  return stream;
}

template <class Stored, class T>
auto read_values(std::ifstream& stream, const header& head, const std::filesystem::path& file)
    -> xt::xarray<T> {
  const auto begin = static_cast<std::uintmax_t>(stream.tellg());
  const auto size = std::filesystem::file_size(file);
  if (size - begin != head.count * sizeof(Stored)) {
    fail(
        file,
        "the header promises " + std::to_string(head.count * sizeof(Stored)) +
            " bytes of values, the file holds " + std::to_string(size - begin)
    );
  }
  auto result = xt::xarray<T>::from_shape(head.shape);
  if constexpr (std::is_same_v<Stored, T>) {
    stream.read(
        reinterpret_cast<char*>(result.data()), static_cast<std::streamsize>(head.count * sizeof(T))
    );
  } else {
    std::vector<Stored> stored(head.count);
    stream.read(
        reinterpret_cast<char*>(stored.data()),
        static_cast<std::streamsize>(head.count * sizeof(Stored))
    );
    for (std::size_t i = 0; i != head.count; ++i) {
      if (!std::in_range<T>(stored[i])) {
        fail(file, "a number does not fit into int64");
      }
      result.data()[i] = static_cast<T>(stored[i]);
    }
  }
  if (!stream) {
    fail(file, "the file cannot be read to its end");
  }
  return result;
}

template <class T>
void write(const std::filesystem::path& file, const char* element, const xt::xarray<T>& values) {
  std::string head = "{'descr': '" + std::string(element) + "', 'fortran_order': False, 'shape': (";
  for (const auto extent : values.shape()) {
    head += std::to_string(extent) + ", ";
  }
  head += "), }";
  head.append(64 - (magic.size() + 4 + head.size() + 1) % 64, ' ').push_back('\n');
  const auto length = static_cast<std::uint16_t>(head.size());

  std::filesystem::path partial = file;
  partial += ".partial";
  std::ofstream stream(partial, std::ios::binary);
  stream.write(magic.data(), static_cast<std::streamsize>(magic.size())).write("\x01\x00", 2);
  stream.write(reinterpret_cast<const char*>(&length), 2);
  stream.write(head.data(), static_cast<std::streamsize>(head.size()));
  stream.write(
      reinterpret_cast<const char*>(values.data()),
      static_cast<std::streamsize>(values.size() * sizeof(T))
  );
  stream.close();
  std::error_code problem;
  if (stream) {
    std::filesystem::rename(partial, file, problem);
  }
  if (!stream || problem) {
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    fail(file, "the file cannot be written");
  }
}

} // namespace

auto load_floats(const std::filesystem::path& file) -> xt::xarray<float> {
  std::ifstream stream = open(file);
  const header head = read_header(stream, file);
  if (head.element != "<f4") {
    fail(file, "float32 is needed, the array's elements are " + head.element);
  }
  return read_values<float, float>(stream, head, file);
}

auto load_integers(const std::filesystem::path& file) -> xt::xarray<std::int64_t> {
  std::ifstream stream = open(file);
  const header head = read_header(stream, file);
  using result = std::int64_t;
  if (head.element == "<i8") {
    return read_values<std::int64_t, result>(stream, head, file);
  }
  if (head.element == "<i4") {
    return read_values<std::int32_t, result>(stream, head, file);
  }
  if (head.element == "<i2") {
    return read_values<std::int16_t, result>(stream, head, file);
  }
  if (head.element == "|i1") {
    return read_values<std::int8_t, result>(stream, head, file);
  }
  if (head.element == "<u8") {
    return read_values<std::uint64_t, result>(stream, head, file);
  }
  if (head.element == "<u4") {
    return read_values<std::uint32_t, result>(stream, head, file);
  }
  if (head.element == "<u2") {
    return read_values<std::uint16_t, result>(stream, head, file);
  }
  if (head.element == "|u1") {
    return read_values<std::uint8_t, result>(stream, head, file);
  }
  fail(file, "integers are needed, the array's elements are " + head.element);
}

void save(const std::filesystem::path& file, const xt::xarray<float>& values) {
  write(file, "<f4", values);
}

void save(const std::filesystem::path& file, const xt::xarray<std::int64_t>& values) {
  write(file, "<i8", values);
}

} // namespace npy
