// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "int8_engine.hpp"

#include <ptq/kernel/quantize.hpp>

#include <algorithm>
#include <limits>

#include "detail/batches.hpp"
#include "detail/int8_analysis.hpp"
#include "detail/int8_kernels.hpp"
#include "evaluator.hpp"
#include "program.hpp"

namespace engine {
namespace {

using detail::code_format;
using detail::code_view;
using detail::int8_operation;
using detail::result_type;

/// `like` describes the layout; the codes lie at `codes`.
auto described(const code_view& codes, ptq::element_type type) -> ptq::tensor_view {
  const float* no_values = nullptr;
  const ptq::tensor_view like =
      shown({const_cast<float*>(no_values), codes.extents, codes.channels_last});
  return {codes.data, type, like.dimensions()};
}

template <class Code>
auto quantize_step(const view& from, const code_view& to, const ptq::uniform_format& by)
    -> detail::step {
  return [from, to, &by] {
    const std::span<Code> codes(reinterpret_cast<Code*>(to.data), to.size());
    if (by.axis) {
      ptq::quantize(shown(from), codes, ptq::channel_grids{.axis = *by.axis, .grids = by.grids});
    } else {
      ptq::quantize(std::span<const float>(from.data, from.size()), codes, by.grids.front());
    }
  };
}

template <class Code>
auto dequantize_step(const code_view& from, const view& to, const ptq::uniform_format& by)
    -> detail::step {
  return [from, to, &by] {
    const std::span<float> values(to.data, to.size());
    if (by.axis) {
      ptq::dequantize(
          described(from, ptq::element_type_of<Code>),
          values,
          ptq::channel_grids{.axis = *by.axis, .grids = by.grids}
      );
    } else {
      ptq::dequantize(
          std::span<const Code>(reinterpret_cast<const Code*>(from.data), from.size()),
          values,
          by.grids.front()
      );
    }
  };
}

/// A program in which values may exist as codes, in place of or beside their floats.
class int8_program : public program {
public:
  int8_program(const detail::int8_analysis& by, std::size_t batch, const changes& with)
      : program(by.source_graph().source(), batch, with, unprepared{}), analysis_(by) {
    prepare();
  }

private:
  auto prepare_otherwise(node_id id, const shape& result) -> bool override {
    if (merged_.contains(id)) {
      return true;
    }
    if (!analysis_.reads_codes(id)) {
      return false;
    }
    add_stage({id, 0});
    const node& of = the_model().nodes[id];
    const code_format& format = *analysis_.format_at(id, 0);
    const source from = of.inputs[0];
    if (const auto* described_operation = analysis_.operation_at(id)) {
      prepare_int8(id, *described_operation, format);
    } else if (of.kind == operation::global_average_pool) {
      const view to = allocate(result, true);
      add_step(detail::average_codes(
          codes_in_layout(codes(from, format), true),
          format.is_signed,
          format.zero_points.front(),
          format.scale,
          to
      ));
      set_value({id, 0}, to);
    } else {
      const code_view moved = of.kind == operation::identity
                                  ? codes(from, format)
                                  : codes_in_layout(codes(from, format), false);
      codes_[{{id, 0}, &format}] = {
          moved.data, result, of.kind == operation::identity && moved.channels_last
      };
    }
    return true;
  }

  /// Floats that nobody computed are made from the codes.
  auto operand(node_id id, std::uint32_t index) -> view override {
    const source from = the_model().nodes[id].inputs[index];
    if (has_value(from)) {
      return program::operand(id, index);
    }
    const code_format& format = *analysis_.format_at(id, index);
    auto& place = floats_[{from, &format}];
    if (place.data == nullptr) {
      place = floats_of(codes(from, format), format);
    }
    return place;
  }

  auto floats_of(const code_view& from, const code_format& format) -> view {
    const view to = allocate(from.extents, from.channels_last);
    const ptq::uniform_format& by = format.by->format;
    add_step(
        format.is_signed ? dequantize_step<std::int8_t>(from, to, by)
                         : dequantize_step<std::uint8_t>(from, to, by)
    );
    return to;
  }

  auto codes(source from, const code_format& format) -> code_view {
    const auto found = codes_.find({from, &format});
    if (found != codes_.end()) {
      return found->second;
    }
    const view& values = value(from);
    const code_view to = allocate_codes(values.extents, values.channels_last);
    const ptq::uniform_format& by = format.by->format;
    add_step(
        format.is_signed ? quantize_step<std::int8_t>(values, to, by)
                         : quantize_step<std::uint8_t>(values, to, by)
    );
    return codes_[{from, &format}] = to;
  }

  auto allocate_codes(const shape& of, bool channels_last) -> code_view {
    code_memory_.push_back(
        code_tensor::from_shape(channels_last ? shape{of[0], of[2], of[3], of[1]} : of)
    );
    return {code_memory_.back().data(), of, channels_last};
  }

  auto codes_in_layout(const code_view& from, bool last) -> code_view {
    if (from.channels_last == last || detail::layout_is_moot(from.extents)) {
      return {from.data, from.extents, last && from.extents.size() == 4};
    }
    const code_view to = allocate_codes(from.extents, last);
    add_step(detail::relayout_codes(from, to));
    return to;
  }

  void prepare_int8(node_id id, int8_operation of, const code_format& format) {
    code_view from = codes(the_model().nodes[id].inputs[0], format);
    from = codes_in_layout(from, of.form.has_value());
    if (of.padding) {
      const code_view padded = allocate_codes(of.padding->around(from.extents), true);
      add_step(detail::pad_codes(from, *of.padding, padded));
      from = padded;
    }
    const source result{id, 0};
    of.from = from.extents;
    of.to = shape_at(result);
    const auto clip = analysis_.clip_behind(id);
    const source clipped = clip ? source{*clip, 0} : result;
    const code_format* wanted = analysis_.only_format_of(clipped);
    if (wanted != nullptr && requantizes(of, *wanted, clip)) {
      if (clip) {
        merged_.insert(*clip);
      }
      const code_view to = allocate_codes(of.to, of.form.has_value());
      codes_[{clipped, wanted}] = to;
      add_step(detail::int8_step(of, from.data, to.data));
      return;
    }
    const view to = allocate(of.to, of.form.has_value());
    set_value(result, to);
    add_step(detail::int8_step(of, from.data, to.data));
  }

  /// Makes the operation write codes of `wanted`, with the Clip or Relu `clip` before the rounding.
  /// @return false, with `of` as it was, if that cannot be said to oneDNN.
  auto requantizes(int8_operation& of, const code_format& wanted, std::optional<node_id> clip) const
      -> bool {
    const auto at = [](const auto& list, std::size_t c) { return list[list.size() == 1 ? 0 : c]; };
    const bool channels_on_axis_1 = of.to.size() == 2 || of.form;
    if (wanted.scale.size() != 1 && (!channels_on_axis_1 || wanted.by->format.axis != 1)) {
      return false;
    }
    int8_operation changed = of;
    changed.result = wanted.is_signed ? result_type::s8 : result_type::u8;
    auto low = static_cast<float>(wanted.least);
    auto high = static_cast<float>(wanted.most);
    if (clip) {
      const auto* bounds = std::get_if<clip_bounds>(&the_model().nodes[*clip].form);
      const float lowest = bounds == nullptr ? 0 : bounds->low;
      const float highest = bounds == nullptr ? std::numeric_limits<float>::max() : bounds->high;
      for (std::size_t c = 0; c != wanted.scale.size(); ++c) {
        const auto zero = static_cast<float>(at(wanted.zero_points, c));
        const float below = lowest / wanted.scale[c] + zero;
        const float above = highest / wanted.scale[c] + zero;
        // A bound within rounding of the grid's own end is implied by the saturation.
        constexpr float slack = 1e-3F;
        const bool implied = below <= low + slack && above >= high - slack;
        if (!implied && wanted.scale.size() != 1) {
          return false;
        }
        if (!implied) {
          low = std::max(low, below);
          high = std::min(high, above);
        }
      }
    }
    const bool full = wanted.is_signed ? low <= -128 && high >= 127 : low <= 0 && high >= 255;
    if (!full) {
      changed.clip = {low, high};
    }
    for (std::size_t c = 0; c != of.scale.size(); ++c) {
      changed.scale[c] = of.scale[c] / at(wanted.scale, c);
      const auto zero = static_cast<float>(at(wanted.zero_points, c));
      if (!(changed.scale[c] > 0) && zero != 0) {
        return false;
      }
      changed.bias[c] += zero == 0 ? 0 : zero / changed.scale[c];
    }
    of = std::move(changed);
    return true;
  }

  const detail::int8_analysis& analysis_;
  std::deque<code_tensor> code_memory_;
  std::map<std::pair<source, const code_format*>, code_view> codes_;
  std::map<std::pair<source, const code_format*>, view> floats_;
  std::set<node_id> merged_;
};

} // namespace

class int8_engine::lowered {
public:
  lowered(const graph& of, const ptq::plan& under)
      : graph_(of), plan_(under), changes_(changes_of(graph_, plan_)), analysis_(graph_, plan_) {}

  auto at(std::size_t batch) -> program& {
    auto& place = programs_[batch];
    if (!place) {
      place = std::make_unique<int8_program>(analysis_, batch, changes_);
    }
    return *place;
  }

  [[nodiscard]] auto analysis() const -> const detail::int8_analysis& { return analysis_; }

private:
  graph graph_;
  ptq::plan plan_;
  changes changes_;
  detail::int8_analysis analysis_;
  std::map<std::size_t, std::unique_ptr<int8_program>> programs_;
};

int8_engine::int8_engine(const graph& of, const ptq::plan& under)
    : state_(std::make_unique<lowered>(of, under)) {}

int8_engine::int8_engine(int8_engine&&) noexcept = default;
auto int8_engine::operator=(int8_engine&&) noexcept -> int8_engine& = default;
int8_engine::~int8_engine() = default;

auto int8_engine::outputs(const tensor& samples, std::size_t batch) -> tensor {
  return detail::run_in_batches(
      state_->analysis().source_graph().source(),
      samples,
      batch,
      [&](auto size) -> program& { return state_->at(size); }
  );
}

auto int8_engine::weighted_operations() const -> std::size_t {
  return state_->analysis().weighted_operations();
}

auto int8_engine::float_operations() const -> std::span<const float_operation> {
  return state_->analysis().float_operations();
}

} // namespace engine
