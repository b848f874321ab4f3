// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "detail/onnx_file.hpp"

#include <ptq/statistics/file.hpp>

#include <fstream>
#include <system_error>

namespace engine::detail {
namespace {

auto attribute(onnx::NodeProto& of, const char* name, onnx::AttributeProto_AttributeType type)
    -> onnx::AttributeProto& {
  onnx::AttributeProto& made = *of.add_attribute();
  made.set_name(name);
  made.set_type(type);
  return made;
}

} // namespace

onnx_file::onnx_file(const model& of, std::int64_t opset)
    : opset_(opset), fixed_batch_(of.fixed_batch) {
  constexpr std::int64_t ir_version = 7;
  constexpr std::int64_t ir_version_of_small_types = 10;
  proto_.set_ir_version(opset < 21 ? ir_version : ir_version_of_small_types);
  proto_.set_producer_name("ptq");
  proto_.add_opset_import()->set_version(opset);
  proto_.mutable_graph()->set_name(of.name);
  for (const node& each : of.nodes) {
    names_.insert(each.name);
    names_.insert(each.outputs.begin(), each.outputs.end());
  }
}

auto onnx_file::free_name(const std::string& wanted) -> std::string {
  std::string name = wanted;
  while (!names_.insert(name).second) {
    name += "_";
  }
  return name;
}

auto onnx_file::add_node(
    const std::string& type, const std::vector<std::string>& inputs, const std::string& output
) -> onnx::NodeProto& {
  onnx::NodeProto& made = *proto_.mutable_graph()->add_node();
  made.set_op_type(type);
  made.set_name(output);
  for (const std::string& input : inputs) {
    made.add_input(input);
  }
  made.add_output(output);
  return made;
}

auto onnx_file::apply(
    const std::string& type, const std::vector<std::string>& inputs, const std::string& wanted
) -> std::string {
  std::string name = free_name(wanted);
  add_node(type, inputs, name);
  return name;
}

auto onnx_file::add_bytes(
    const std::string& name, onnx_type type, const shape& extents, const std::string& bytes
) -> std::string {
  onnx::TensorProto& made = *proto_.mutable_graph()->add_initializer();
  made.set_name(name);
  for (const std::size_t extent : extents) {
    made.add_dims(static_cast<std::int64_t>(extent));
  }
  made.set_data_type(static_cast<std::int32_t>(type));
  made.set_raw_data(bytes);
  return name;
}

auto onnx_file::add_list(const std::string& wanted, const std::vector<std::int64_t>& values)
    -> std::string {
  return add_constant<std::int64_t>(free_name(wanted), {values.size()}, values);
}

void onnx_file::declare_input(const std::string& name, const shape& extents) {
  declare(*proto_.mutable_graph()->add_input(), name, extents);
}

void onnx_file::declare_output(const std::string& name, const shape& extents) {
  declare(*proto_.mutable_graph()->add_output(), name, extents);
}

void onnx_file::declare(
    onnx::ValueInfoProto& value, const std::string& name, const shape& extents
) {
  value.set_name(name);
  auto& type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto_DataType_FLOAT);
  for (std::size_t axis = 0; axis != extents.size(); ++axis) {
    auto& dim = *type.mutable_shape()->add_dim();
    if (axis == 0 && !fixed_batch_) {
      dim.set_dim_param("N");
    } else {
      dim.set_dim_value(static_cast<std::int64_t>(extents[axis]));
    }
  }
}

void onnx_file::save(const std::filesystem::path& file) const {
  const std::filesystem::path partial = [&] {
    try {
      return ptq::new_file_beside(file.string());
    } catch (const ptq::error&) {
      throw error(file.string() + ": the file cannot be written");
    }
  }();
  std::ofstream stream(partial, std::ios::binary);
  const bool written = stream && proto_.SerializeToOstream(&stream);
  stream.close();
  std::error_code problem;
  if (written && stream) {
    std::filesystem::rename(partial, file, problem);
  }
  if (!written || !stream || problem) {
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    throw error(file.string() + ": the file cannot be written");
  }
}

void set_integer(onnx::NodeProto& of, const char* name, std::int64_t value) {
  attribute(of, name, onnx::AttributeProto_AttributeType_INT).set_i(value);
}

void set_number(onnx::NodeProto& of, const char* name, float value) {
  attribute(of, name, onnx::AttributeProto_AttributeType_FLOAT).set_f(value);
}

void set_text(onnx::NodeProto& of, const char* name, const std::string& value) {
  attribute(of, name, onnx::AttributeProto_AttributeType_STRING).set_s(value);
}

void set_integers(onnx::NodeProto& of, const char* name, std::span<const std::int64_t> values) {
  auto& made = attribute(of, name, onnx::AttributeProto_AttributeType_INTS);
  for (const std::int64_t value : values) {
    made.add_ints(value);
  }
}

void set_integers(onnx::NodeProto& of, const char* name, std::span<const std::size_t> values) {
  auto& made = attribute(of, name, onnx::AttributeProto_AttributeType_INTS);
  for (const std::size_t value : values) {
    made.add_ints(static_cast<std::int64_t>(value));
  }
}

} // namespace engine::detail
