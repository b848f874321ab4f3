// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: .attributes. is there, but not as .attributes.node_id. const -> ptq::op_attributes.
// expect: .tensor_name. is there, but not as .tensor_name.ptq::tensor_ref<node_id>. const.
#include "net.hpp"

struct named : net {
#ifdef PTQ_EXPECT_ERROR
  auto attributes(node_id) -> ptq::op_attributes;
  auto tensor_name(node_id, int) const -> std::string_view;
#else
  auto attributes(node_id) const -> ptq::op_attributes;
  auto tensor_name(ptq::tensor_ref<node_id>) const -> std::string_view;
#endif
};

static_assert(ptq::explain_graph<named>());
