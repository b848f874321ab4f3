// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace onnx_bytes {

/// A protobuf message, written field by field: so that a test can write what no ONNX library would.
class message {
public:
  auto number(unsigned field, std::uint64_t value) -> message& {
    varint(field << 3U);
    varint(value);
    return *this;
  }

  auto number(unsigned field, float value) -> message& {
    varint(field << 3U | 5U);
    char raw[4];
    std::memcpy(raw, &value, sizeof raw);
    bytes_.append(raw, sizeof raw);
    return *this;
  }

  auto text(unsigned field, const std::string& value) -> message& {
    varint(field << 3U | 2U);
    varint(value.size());
    bytes_ += value;
    return *this;
  }

  auto inner(unsigned field, const message& value) -> message& { return text(field, value.bytes_); }

  [[nodiscard]] auto bytes() const -> const std::string& { return bytes_; }

private:
  void varint(std::uint64_t value) {
    for (; value > 127; value >>= 7U) {
      bytes_ += static_cast<char>(value % 128 + 128);
    }
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

using dims = std::vector<std::int64_t>;

enum element : std::uint64_t { float32 = 1, uint8 = 2, int8 = 3, int32 = 6, int64 = 7 };

template <class T>
auto raw(const std::vector<T>& values) -> std::string {
  std::string result(values.size() * sizeof(T), '\0');
  if (!values.empty()) {
    std::memcpy(result.data(), values.data(), result.size());
  }
  return result;
}

inline auto
tensor(const std::string& name, const dims& extents, element type, const std::string& data)
    -> message {
  message result;
  for (const std::int64_t extent : extents) {
    result.number(1, static_cast<std::uint64_t>(extent));
  }
  return result.number(2, type).text(8, name).text(9, data);
}

inline auto floats(const std::string& name, const dims& extents, const std::vector<float>& values)
    -> message {
  return tensor(name, extents, float32, raw(values));
}

inline auto integers(const std::string& name, const std::vector<std::int64_t>& values) -> message {
  return tensor(name, {static_cast<std::int64_t>(values.size())}, int64, raw(values));
}

using attribute = std::variant<
    float,
    std::int64_t,
    std::string,
    std::vector<float>,
    std::vector<std::int64_t>,
    message>;
using attributes = std::vector<std::pair<std::string, attribute>>;

inline auto attribute_message(const std::string& name, const attribute& value) -> message {
  message result;
  result.text(1, name);
  if (const auto* f = std::get_if<float>(&value)) {
    return result.number(2, *f).number(20, std::uint64_t{1});
  }
  if (const auto* i = std::get_if<std::int64_t>(&value)) {
    return result.number(3, static_cast<std::uint64_t>(*i)).number(20, std::uint64_t{2});
  }
  if (const auto* s = std::get_if<std::string>(&value)) {
    return result.text(4, *s).number(20, std::uint64_t{3});
  }
  if (const auto* t = std::get_if<message>(&value)) {
    return result.inner(5, *t).number(20, std::uint64_t{4});
  }
  if (const auto* list = std::get_if<std::vector<float>>(&value)) {
    for (const float each : *list) {
      result.number(7, each);
    }
    return result.number(20, std::uint64_t{6});
  }
  for (const std::int64_t each : std::get<std::vector<std::int64_t>>(value)) {
    result.number(8, static_cast<std::uint64_t>(each));
  }
  return result.number(20, std::uint64_t{7});
}

/// A model under construction.
class model {
public:
  auto opset(std::uint64_t version) -> model& {
    opset_ = version;
    return *this;
  }

  /// An extent of -1 is dynamic.
  auto input(const std::string& name, const dims& extents, std::uint64_t type = float32) -> model& {
    graph_.inner(11, value_info(name, extents, type));
    return *this;
  }

  auto output(const std::string& name) -> model& {
    graph_.inner(12, message{}.text(1, name));
    return *this;
  }

  auto output(const std::string& name, const dims& extents) -> model& {
    graph_.inner(12, value_info(name, extents, float32));
    return *this;
  }

  auto constant(const std::string& name, const dims& extents, const std::vector<float>& values)
      -> model& {
    return initializer(floats(name, extents, values));
  }

  auto constant(const std::string& name, const std::vector<std::int64_t>& values) -> model& {
    return initializer(integers(name, values));
  }

  auto initializer(const message& value) -> model& {
    graph_.inner(5, value);
    return *this;
  }

  auto node(
      const std::string& type,
      const std::vector<std::string>& inputs,
      const std::vector<std::string>& outputs,
      const attributes& with = {},
      const std::string& name = {},
      const std::string& domain = {}
  ) -> model& {
    message made;
    for (const auto& each : inputs) {
      made.text(1, each);
    }
    for (const auto& each : outputs) {
      made.text(2, each);
    }
    made.text(3, name).text(4, type).text(7, domain);
    for (const auto& [key, value] : with) {
      made.inner(5, attribute_message(key, value));
    }
    graph_.inner(1, made);
    return *this;
  }

  [[nodiscard]] auto bytes() const -> std::string {
    return message{}
        .number(1, std::uint64_t{7})
        .inner(8, message{}.text(1, "").number(2, opset_))
        .inner(7, graph_)
        .bytes();
  }

private:
  static auto value_info(const std::string& name, const dims& extents, std::uint64_t type)
      -> message {
    message shape;
    for (const std::int64_t extent : extents) {
      message dim;
      if (extent == -1) {
        dim.text(2, "N");
      } else {
        dim.number(1, static_cast<std::uint64_t>(extent));
      }
      shape.inner(1, dim);
    }
    return message{}.text(1, name).inner(
        2, message{}.inner(1, message{}.number(1, type).inner(2, shape))
    );
  }

  message graph_;
  std::uint64_t opset_ = 13;
};

/// The fields of a message, by number; numbers are kept as decimal text.
using fields = std::multimap<unsigned, std::string>;

inline auto read(const std::string& bytes) -> fields {
  fields result;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.at(at++));
      value |= std::uint64_t{byte & 127U} << shift;
      if (byte < 128) {
        return value;
      }
    }
  };
  while (at < bytes.size()) {
    const std::uint64_t key = varint();
    const auto field = static_cast<unsigned>(key >> 3U);
    if ((key & 7U) == 0) {
      result.emplace(field, std::to_string(varint()));
    } else {
      const std::size_t size = (key & 7U) == 2 ? varint() : 4;
      result.emplace(field, bytes.substr(at, size));
      at += size;
    }
  }
  return result;
}

} // namespace onnx_bytes
