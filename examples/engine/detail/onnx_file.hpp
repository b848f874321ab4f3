// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <onnx/onnx_pb.h>

#include "../model.hpp"

namespace engine::detail {

/// The types of ONNX tensors by number: versions of libonnx that are still about do not name all.
enum class onnx_type : std::int32_t {
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  uint4 = 21,
  int4 = 22,
};

template <class T>
inline constexpr onnx_type onnx_type_of = onnx_type::float32;
template <>
inline constexpr onnx_type onnx_type_of<std::uint8_t> = onnx_type::uint8;
template <>
inline constexpr onnx_type onnx_type_of<std::int8_t> = onnx_type::int8;
template <>
inline constexpr onnx_type onnx_type_of<std::uint16_t> = onnx_type::uint16;
template <>
inline constexpr onnx_type onnx_type_of<std::int16_t> = onnx_type::int16;
template <>
inline constexpr onnx_type onnx_type_of<std::int64_t> = onnx_type::int64;

/// An ONNX model in the making: its nodes and constants, and names that are still free.
class onnx_file {
public:
  /// @param opset 13, or 21 with IR version 10: for quantizers of 4 and of 16 bits.
  onnx_file(const model& of, std::int64_t opset);

  [[nodiscard]] auto opset() const -> std::int64_t { return opset_; }

  /// `wanted`, or it with underscores behind it. Taken from now on.
  auto free_name(const std::string& wanted) -> std::string;

  auto add_node(
      const std::string& type, const std::vector<std::string>& inputs, const std::string& output
  ) -> onnx::NodeProto&;

  /// The same with an output of a name that is still free: `wanted`. Gives the name.
  auto
  apply(const std::string& type, const std::vector<std::string>& inputs, const std::string& wanted)
      -> std::string;

  auto
  add_bytes(const std::string& name, onnx_type type, const shape& extents, const std::string& bytes)
      -> std::string;

  template <class T>
  auto add_constant(const std::string& name, const shape& extents, std::span<const T> values)
      -> std::string {
    return add_bytes(
        name,
        onnx_type_of<T>,
        extents,
        {reinterpret_cast<const char*>(values.data()), values.size_bytes()}
    );
  }

  /// One number, or several as a vector, under a name that is still free.
  template <class T>
  auto add_numbers(const std::string& wanted, const std::vector<T>& values) -> std::string {
    const shape extents = values.size() == 1 ? shape{} : shape{values.size()};
    return add_constant<T>(free_name(wanted), extents, values);
  }

  /// Whole numbers as a vector, whatever their count.
  auto add_list(const std::string& wanted, const std::vector<std::int64_t>& values) -> std::string;

  void declare_input(const std::string& name, const shape& extents);
  void declare_output(const std::string& name, const shape& extents);

  /// The file is either whole or as it was.
  /// @throws error if it cannot be written.
  void save(const std::filesystem::path& file) const;

private:
  void declare(onnx::ValueInfoProto& value, const std::string& name, const shape& extents);

  std::int64_t opset_;
  bool fixed_batch_;
  onnx::ModelProto proto_;
  std::set<std::string> names_;
};

void set_integer(onnx::NodeProto& of, const char* name, std::int64_t value);
void set_number(onnx::NodeProto& of, const char* name, float value);
void set_text(onnx::NodeProto& of, const char* name, const std::string& value);
void set_integers(onnx::NodeProto& of, const char* name, std::span<const std::int64_t> values);
void set_integers(onnx::NodeProto& of, const char* name, std::span<const std::size_t> values);

} // namespace engine::detail
