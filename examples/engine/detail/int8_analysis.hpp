// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/lowering/lower.hpp>
#include <ptq/plan/resolve.hpp>

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "../int8_engine.hpp"
#include "int8_kernels.hpp"

namespace engine::detail {

/// The codes of a quantizer as oneDNN takes them: `value = (code - zero_point) * scale`.
struct code_format {
  const ptq::quantizer* by = nullptr;
  bool is_signed = false;
  std::vector<float> scale;     ///< One, or one for each channel.
  std::vector<int> zero_points; ///< One, or one for each channel.
  int most = 255;               ///< The codes are `most - levels + 1` to `most`.
  int least = 0;
};

/// What each node of a model does under a plan, found before anything is prepared.
class int8_analysis {
public:
  int8_analysis(const graph& of, const ptq::plan& under);

  /// Describes a weighted operation that runs in int8, with its result in float; null for all
  /// others. Shapes and the result's type are left open.
  [[nodiscard]] auto operation_at(node_id node) const -> const int8_operation* {
    const auto found = operations_.find(node);
    return found == operations_.end() ? nullptr : &found->second;
  }

  /// The grid on which an input's values lie: by a quantizer there, or because what comes before
  /// only moves values that are on it. Null where they are not on one that codes can stand for.
  [[nodiscard]] auto format_at(node_id node, std::uint32_t input) const -> const code_format*;

  /// Does the node read codes at input 0?
  [[nodiscard]] auto reads_codes(node_id node) const -> bool;

  /// The one format in which everybody reads `of`; null if anybody wants floats.
  [[nodiscard]] auto only_format_of(source of) const -> const code_format*;

  /// The Clip or Relu that alone reads the operation's result and can be part of it.
  [[nodiscard]] auto clip_behind(node_id node) const -> std::optional<node_id>;

  [[nodiscard]] auto weighted_operations() const -> std::size_t { return weighted_; }

  [[nodiscard]] auto float_operations() const -> const std::vector<float_operation>& {
    return floats_;
  }

  [[nodiscard]] auto source_graph() const -> const graph& { return graph_; }

private:
  /// The integers of one constant, by the constant's name and the node that reads it.
  using lowered_constants = std::map<std::pair<std::string, std::string>, ptq::lowered_tensor>;

  auto quantizer_at(node_id node, std::uint32_t input) const -> const ptq::quantizer*;
  [[nodiscard]] auto is_seen_as_floats(source of) const -> bool;
  auto describe(node_id node) -> int8_operation;
  void describe_weights(node_id node, int8_operation& result);
  void describe_source(node_id node, int8_operation& result);
  void describe_bias(node_id node, int8_operation& result);

  const graph& graph_;
  const model& model_;
  ptq::plan plan_;
  ptq::resolved_plan<node_id> resolved_;
  lowered_constants lowered_;
  std::map<const ptq::quantizer*, code_format> formats_;
  std::map<const ptq::quantizer*, std::string> without_format_;
  std::map<source, const ptq::quantizer*> carried_;
  std::map<node_id, int8_operation> operations_;
  std::vector<std::vector<shape>> shapes_;
  std::size_t weighted_ = 0;
  std::vector<float_operation> floats_;
};

} // namespace engine::detail
