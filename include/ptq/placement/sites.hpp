// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/device/table.hpp>
#include <ptq/graph/topology.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace ptq {

/// Where a quantizer will sit, and of what kind it will be; not yet its range.
struct quantizer_site {
  std::size_t tensor = 0; ///< Index in the topology.
  tensor_kind kind = tensor_kind::activations;
  std::vector<topology::port> consumers{};
  quantization_choice choice{};
  std::optional<std::size_t> axis{}; ///< Of the channels; empty: per tensor.

  /// The mode before a rule for transformers made it symmetric, for which POT chose the estimator
  /// of the range; empty: that of `choice`.
  std::optional<ptq::mode> mode_before{};

  friend auto operator==(const quantizer_site&, const quantizer_site&) -> bool = default;
};

/// All quantizers of a model, without ranges.
struct placement {
  std::vector<quantizer_site> sites{};             ///< In the order of the tensors.
  std::vector<std::vector<std::size_t>> unified{}; ///< Groups of sites that share one range.

  friend auto operator==(const placement&, const placement&) -> bool = default;
};

} // namespace ptq
