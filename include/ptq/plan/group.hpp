// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/quantizer.hpp>

#include <string>
#include <vector>

namespace ptq {

/// Quantizers and operations that must change their precision together, so that no operation is
/// half quantized. By names: it is valid for every plan of the model.
struct group {
  std::vector<port_name> quantizers{};   ///< Sorted. The inputs that are quantized.
  std::vector<std::string> operations{}; ///< In the order of the graph.

  friend auto operator==(const group&, const group&) -> bool = default;
};

} // namespace ptq
