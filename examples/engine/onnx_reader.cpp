// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cstdint>
#include <cstring>
#include <fstream>
#include <set>
#include <system_error>

#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include "detail/draft.hpp"
#include "model.hpp"

namespace engine {
namespace {

using detail::attribute_value;
using detail::constant_value;
using detail::draft;

constexpr std::size_t max_rank = 8;
constexpr std::size_t max_extent = std::size_t{1} << 31U;

auto name_in_quotes(const std::string& name) -> std::string {
  constexpr std::size_t longest = 120;
  return "'" + name.substr(0, longest) + (name.size() > longest ? "...'" : "'");
}

template <class T, class Field>
auto values_of(
    const onnx::TensorProto& from,
    const Field& field,
    const shape& extents_of,
    const std::string& where
) -> xt::xarray<T> {
  const std::size_t count = extents(extents_of);
  if (from.has_raw_data()) {
    const std::string& raw = from.raw_data();
    if (raw.size() != count * sizeof(T)) {
      throw error(
          where + ": shape " + text(extents_of) + " needs " + std::to_string(count * sizeof(T)) +
          " bytes, raw_data has " + std::to_string(raw.size())
      );
    }
    auto result = xt::xarray<T>::from_shape(extents_of);
    std::memcpy(result.data(), raw.data(), raw.size());
    return result;
  }
  if (static_cast<std::size_t>(field.size()) != count) {
    throw error(
        where + ": shape " + text(extents_of) + " needs " + std::to_string(count) +
        " values, the file has " + std::to_string(field.size())
    );
  }
  auto result = xt::xarray<T>::from_shape(extents_of);
  std::copy(field.begin(), field.end(), result.data());
  return result;
}

auto read_tensor(const onnx::TensorProto& from, const std::string& where) -> constant_value {
  if (from.data_location() == onnx::TensorProto_DataLocation_EXTERNAL ||
      from.external_data_size() > 0) {
    throw error(where + ": its values lie in another file, which this engine does not read");
  }
  if (from.has_segment()) {
    throw error(where + ": it is stored in segments, which this engine does not read");
  }
  if (static_cast<std::size_t>(from.dims_size()) > max_rank) {
    throw error(where + ": " + std::to_string(from.dims_size()) + " axes; at most 8 are supported");
  }
  shape extents_of;
  double count = 1;
  for (const std::int64_t extent : from.dims()) {
    if (extent < 0 || static_cast<std::uint64_t>(extent) > max_extent) {
      throw error(where + ": an extent of " + std::to_string(extent) + " in its shape");
    }
    count *= static_cast<double>(extent);
    extents_of.push_back(static_cast<std::size_t>(extent));
  }
  if (count > static_cast<double>(max_extent)) {
    throw error(where + ": the shape " + text(extents_of) + " is too large for a model file");
  }
  switch (from.data_type()) {
  case onnx::TensorProto_DataType_FLOAT:
    return values_of<float>(from, from.float_data(), extents_of, where);
  case onnx::TensorProto_DataType_INT64:
    return values_of<std::int64_t>(from, from.int64_data(), extents_of, where);
  case onnx::TensorProto_DataType_INT32: {
    integer_tensor result =
        xt::cast<std::int64_t>(values_of<std::int32_t>(from, from.int32_data(), extents_of, where));
    return result;
  }
  default:
    throw error(
        where + ": element type " +
        (onnx::TensorProto_DataType_IsValid(from.data_type())
             ? onnx::TensorProto_DataType_Name(
                   static_cast<onnx::TensorProto_DataType>(from.data_type())
               )
             : std::to_string(from.data_type())) +
        "; this engine reads FLOAT, INT64 and INT32"
    );
  }
}

auto read_attribute(const onnx::AttributeProto& from, const std::string& where) -> attribute_value {
  switch (from.type()) {
  case onnx::AttributeProto_AttributeType_FLOAT:
    return from.f();
  case onnx::AttributeProto_AttributeType_INT:
    return from.i();
  case onnx::AttributeProto_AttributeType_STRING:
    return from.s();
  case onnx::AttributeProto_AttributeType_FLOATS:
    return std::vector<float>(from.floats().begin(), from.floats().end());
  case onnx::AttributeProto_AttributeType_INTS:
    return std::vector<std::int64_t>(from.ints().begin(), from.ints().end());
  case onnx::AttributeProto_AttributeType_TENSOR:
    return read_tensor(from.t(), where);
  default:
    throw error(where + ": an attribute of a type that this engine does not read");
  }
}

auto read_value(const onnx::ValueInfoProto& from, const std::string& what) -> detail::draft_value {
  detail::draft_value result{from.name(), std::nullopt};
  const std::string where = what + " " + name_in_quotes(from.name());
  if (from.name().empty()) {
    throw error("a " + what + " has no name");
  }
  if (!from.has_type()) {
    return result;
  }
  if (!from.type().has_tensor_type()) {
    throw error(where + ": it is no tensor");
  }
  const auto& type = from.type().tensor_type();
  if (type.elem_type() != onnx::TensorProto_DataType_FLOAT) {
    throw error(where + ": its elements are not float32");
  }
  if (!type.has_shape()) {
    return result;
  }
  if (static_cast<std::size_t>(type.shape().dim_size()) > max_rank) {
    throw error(where + ": more than 8 axes");
  }
  result.dims.emplace();
  for (const auto& dim : type.shape().dim()) {
    if (!dim.has_dim_value()) {
      result.dims->push_back(std::nullopt);
    } else if (dim.dim_value() > 0 && static_cast<std::uint64_t>(dim.dim_value()) <= max_extent) {
      result.dims->push_back(static_cast<std::size_t>(dim.dim_value()));
    } else {
      throw error(where + ": an extent of " + std::to_string(dim.dim_value()) + " in its shape");
    }
  }
  return result;
}

auto read_node(const onnx::NodeProto& from) -> detail::draft_node {
  detail::draft_node result;
  result.op_type = from.op_type();
  result.inputs.assign(from.input().begin(), from.input().end());
  result.outputs.assign(from.output().begin(), from.output().end());
  while (!result.outputs.empty() && result.outputs.back().empty()) {
    result.outputs.pop_back();
  }
  if (result.outputs.empty() || result.outputs.front().empty()) {
    throw error("node " + name_in_quotes(from.name()) + ": it has no output");
  }
  result.name = from.name().empty() ? from.op_type() + ":" + from.output(0) : from.name();
  const std::string where = "node " + name_in_quotes(result.name);
  if (!from.domain().empty() && from.domain() != "ai.onnx") {
    throw error(
        where + ": unknown operator " + name_in_quotes(from.op_type()) + " of domain " +
        name_in_quotes(from.domain())
    );
  }
  for (const auto& attribute : from.attribute()) {
    const std::string at = where + ", attribute " + name_in_quotes(attribute.name());
    if (!result.attributes.emplace(attribute.name(), read_attribute(attribute, at)).second) {
      throw error(at + ": it is given twice");
    }
  }
  return result;
}

auto read_graph(const onnx::ModelProto& from) -> draft {
  draft result;
  if (!from.has_graph() || from.graph().node_size() == 0) {
    throw error("there is no graph in it: this is no ONNX model, or a damaged one");
  }
  for (const auto& opset : from.opset_import()) {
    if (opset.domain().empty() || opset.domain() == "ai.onnx") {
      result.opset = opset.version();
    }
  }
  if (result.opset < 7 || result.opset > 18) {
    throw error(
        "it uses operator set " + std::to_string(result.opset) + "; this engine knows 7 to 18"
    );
  }
  if (from.functions_size() > 0) {
    throw error("it defines functions of its own, which this engine does not run");
  }
  const onnx::GraphProto& graph = from.graph();
  if (graph.sparse_initializer_size() > 0) {
    throw error("it has sparse initializers, which this engine does not read");
  }
  std::set<std::string> stored;
  for (const auto& value : graph.initializer()) {
    stored.insert(value.name());
    if (value.name().empty()) {
      throw error("an initializer has no name");
    }
    result.initializers.emplace_back(
        value.name(), read_tensor(value, "initializer " + name_in_quotes(value.name()))
    );
  }
  for (const auto& node : graph.node()) {
    result.nodes.push_back(read_node(node));
  }
  for (const auto& value : graph.input()) {
    if (!stored.contains(value.name())) {
      result.inputs.push_back(read_value(value, "model input"));
    }
  }
  for (const auto& value : graph.output()) {
    result.outputs.push_back(read_value(value, "model output"));
  }
  return result;
}

} // namespace

auto parse(
    std::span<const char> bytes, const std::string& name, const limits& allowed, const shape& sample
) -> model {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw error(name + ": larger than 2 GiB");
  }
  const google::protobuf::LogSilencer quiet;
  onnx::ModelProto proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw error(name + ": this is no ONNX model, or it is damaged or cut short");
  }
  try {
    draft from = read_graph(proto);
    proto.Clear();
    from.name = std::filesystem::path(name).stem().string();
    return detail::assemble(std::move(from), allowed, sample);
  } catch (const error& problem) {
    throw error(name + ": " + problem.what());
  }
}

auto load(const std::filesystem::path& file, const limits& allowed, const shape& sample) -> model {
  std::error_code problem;
  if (std::filesystem::is_directory(file, problem)) {
    throw error(file.string() + ": this is a folder, not a model");
  }
  if (!std::filesystem::is_regular_file(file, problem)) {
    throw error(file.string() + ": there is no such file");
  }
  const auto size = std::filesystem::file_size(file, problem);
  if (problem || size > static_cast<std::uintmax_t>(std::numeric_limits<int>::max())) {
    throw error(file.string() + ": larger than 2 GiB, or its size cannot be read");
  }
  std::ifstream stream(file, std::ios::binary);
  std::string bytes(static_cast<std::size_t>(size), '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!stream) {
    throw error(file.string() + ": the file cannot be read");
  }
  return parse(bytes, file.string(), allowed, sample);
}

} // namespace engine
