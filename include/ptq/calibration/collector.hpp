// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/detail/mean_of_pieces.hpp>
#include <ptq/calibration/histograms.hpp>
#include <ptq/calibration/mean_squares.hpp>
#include <ptq/calibration/request.hpp>
#include <ptq/calibration/tap_means.hpp>
#include <ptq/core/blocks.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/flow.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/kernel/detail/channel_layout.hpp>
#include <ptq/kernel/extremes.hpp>
#include <ptq/statistics/statistics.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ptq::detail {

/// Reduces the tensors that an evaluator shows to statistics. Exceptions, those of a user's
/// estimator as well, are kept, since an engine may swallow them, and thrown by `close`.
class collector {
public:
  collector(const topology& in, const statistics_request& request) : in_(&in), request_(&request) {}

  /// Begins a part of the samples; what is shown of others is not counted.
  void open(const samples& range) {
    wanted_.clear();
    wanted_.insert(range.begin(), range.end());
  }

  auto show(const samples& batch, std::size_t tensor, const tensor_view& view) -> flow {
    const auto request = request_->tensors().find(tensor);
    if (problem_ || request == request_->tensors().end()) {
      return problem_ ? enough : more;
    }
    try {
      check_batch(batch, tensor, view);
      std::size_t position = 0;
      for (const std::size_t sample : batch) {
        if (wanted_.contains(sample)) {
          take(sample, tensor, request->second, batch.size() == 1 ? view : view.at(0, position));
        }
        ++position;
      }
    } catch (...) {
      problem_ = std::current_exception();
    }
    return problem_ ? enough : more;
  }

  /// Ends the part: what it showed is now in the statistics.
  /// @throws error for what went wrong since `open`, or was not shown; what an estimator threw.
  void close() {
    if (problem_) {
      std::rethrow_exception(problem_);
    }
    for (const std::size_t sample : wanted_) {
      for (const auto& [tensor, request] : request_->tensors()) {
        const auto found = open_.find({sample, tensor});
        if (found == open_.end()) {
          throw error(
              "the evaluator did not show this tensor for sample " + std::to_string(sample),
              name_of(tensor)
          );
        }
        keep(sample, tensor, request, found->second);
      }
      collected_.see(sample);
    }
    open_.clear();
  }

  [[nodiscard]] auto collected() && -> statistics {
    std::move(histograms_)
        .give(
            collected_,
            collected_.seen().size(),
            [this](std::size_t tensor) -> const std::string& { return name_of(tensor); }
        );
    return std::move(collected_);
  }

private:
  struct open_estimation {
    std::size_t channels = 0;
    std::unique_ptr<running_estimation> running{};
  };

  struct open_sample {
    std::optional<value_range<float>> whole{};
    std::map<std::size_t, std::vector<summary>> axes{};
    std::map<std::string, open_estimation> estimations{};
    std::map<std::string, mean_of_pieces> means{}; ///< By the name of the statistic.
    std::vector<std::uint64_t> shape{};
  };

  [[nodiscard]] auto name_of(std::size_t tensor) const -> const std::string& {
    return in_->tensors[tensor].name;
  }

  [[nodiscard]] auto at(std::size_t sample, std::size_t tensor) const -> std::string {
    return name_of(tensor) + ", sample " + std::to_string(sample);
  }

  void check_batch(const samples& batch, std::size_t tensor, const tensor_view& view) const {
    if (view.rank() != 0 && view.extent(0) == batch.size()) {
      return;
    }
    const bool single = batch.size() == 1;
    throw error(
        "shown as " + shape_text(view) + " for " +
            (single ? "one sample" : "a batch of " + std::to_string(batch.size()) + " samples") +
            ": axis 0 is the sample",
        single ? at(*batch.begin(), tensor) : name_of(tensor)
    );
  }

  void take(
      std::size_t sample,
      std::size_t tensor,
      const statistics_request::of_tensor& request,
      const tensor_view& shown
  ) {
    if (shown.size() == 0) {
      throw error("the tensor is empty: " + shape_text(shown), at(sample, tensor));
    }
    // An engine's own layout, channels last for one, is swept where it lies: copying each tensor
    // into one order would cost many times the sweep. A mean's last bits then depend on the layout.
    tensor_data converted;
    if (!is_packed(shown)) {
      converted = to_floats(shown);
    }
    const tensor_view view = converted.values.empty() ? shown : converted.view();
    open_sample& state = open_[{sample, tensor}];
    if (state.shape.empty()) {
      for (std::size_t axis = 1; axis < view.rank(); ++axis) {
        state.shape.push_back(view.extent(axis));
      }
    }
    std::set<std::size_t> axes;
    for (const auto* wanted : {&request.extremes_axes, &request.mean_axes}) {
      for (const std::size_t axis : *wanted) {
        axes.insert(axis == last_axis ? view.rank() - 1 : axis);
      }
    }
    for (const std::size_t axis : axes) {
      sweep_channels(sample, tensor, view, axis, state.axes[axis]);
    }
    if (request.extremes) {
      value_range<float> found =
          axes.empty() ? sweep(sample, tensor, view) : over_channels(state.axes[*axes.begin()]);
      if (state.whole) {
        found.low = std::min(found.low, state.whole->low);
        found.high = std::max(found.high, state.whole->high);
      }
      state.whole = found;
    }
    for (const std::optional<std::size_t>& axis : request.histogram_axes) {
      check_axis(sample, tensor, view, axis);
      const extremes found = ptq::extremes_of(std::span(view.data_as<float>(), view.size()));
      check_finite(sample, tensor, found.has_nan, found.has_infinity());
      if (const std::size_t before = histograms_.channels(tensor, axis); before != 0) {
        check_same_channels(sample, tensor, before, axis ? view.extent(*axis) : 1);
      }
      histograms_.count(tensor, axis, view);
    }
    for (const std::size_t wanted : request.mean_square_axes) {
      const std::size_t axis = wanted == last_axis ? view.rank() - 1 : wanted;
      check_axis(sample, tensor, view, axis);
      add_piece(
          sample,
          tensor,
          state.means[statistic_key("mean_square", wanted)],
          mean_squares(view, axis)
      );
    }
    for (const window& how : request.windows) {
      add_piece(sample, tensor, state.means[how.key()], tap_means(view, how));
    }
    for (const auto& [key, custom] : request.estimations) {
      check_axis(sample, tensor, view, custom.axis);
      const std::size_t channels = custom.axis ? view.extent(*custom.axis) : 1;
      open_estimation& begun = state.estimations[key];
      if (begun.running == nullptr) {
        begun = {channels, custom.start(channels)};
      }
      check_same_channels(sample, tensor, begun.channels, channels);
      try {
        begun.running->expect(view.size() / channels);
      } catch (const error& problem) {
        throw error(problem.what(), at(sample, tensor));
      }
      for_each_block(view, custom.axis, [&](std::size_t channel, std::span<const float> values) {
        const extremes found = ptq::extremes_of(values);
        check_finite(sample, tensor, found.has_nan, found.has_infinity());
        begun.running->observe(channel, values);
      });
    }
  }

  void check_axis(
      std::size_t sample,
      std::size_t tensor,
      const tensor_view& view,
      std::optional<std::size_t> axis
  ) const {
    if (axis && *axis >= view.rank()) {
      throw error(
          "shown as " + shape_text(view) + ", which has no channels on axis " +
              std::to_string(*axis),
          at(sample, tensor)
      );
    }
  }

  void check_same_channels(
      std::size_t sample, std::size_t tensor, std::size_t before, std::size_t now
  ) const {
    if (before != now) {
      throw error(
          "shown with " + std::to_string(now) + " channels after " + std::to_string(before),
          at(sample, tensor)
      );
    }
  }

  void add_piece(
      std::size_t sample, std::size_t tensor, mean_of_pieces& to, const std::vector<double>& piece
  ) const {
    if (to.pieces != 0) {
      check_same_channels(sample, tensor, to.sums.size(), piece.size());
    }
    for (const double number : piece) {
      // Also where floats are finite but their squares, as floats, are not.
      if (!(std::abs(number) <= static_cast<double>(std::numeric_limits<float>::max()))) {
        throw error("the tensor holds NaN, infinity or values too large", at(sample, tensor));
      }
    }
    to.add(piece);
  }

  void check_finite(std::size_t sample, std::size_t tensor, bool has_nan, bool has_infinity) const {
    if (has_nan || has_infinity) {
      throw error(
          std::string("the tensor holds ") + (has_nan ? "NaN" : "infinity"), at(sample, tensor)
      );
    }
  }

  // Floats without gaps, in whatever order of axes: the kernels take them where they lie.
  static auto is_packed(const tensor_view& view) -> bool {
    return view.type() == element_type::f32 && layout_of(view, view.rank()).has_value();
  }

  [[nodiscard]] auto sweep(std::size_t sample, std::size_t tensor, const tensor_view& view) const
      -> value_range<float> {
    std::optional<value_range<float>> result;
    const auto look = [&](std::size_t, std::span<const float> values) {
      const extremes found = ptq::extremes_of(values);
      check_finite(sample, tensor, found.has_nan, found.has_infinity());
      result =
          result ? value_range<
                       float>{std::min(result->low, found.low), std::max(result->high, found.high)}
                 : value_range<float>{found.low, found.high};
    };
    if (is_packed(view)) {
      look(0, {view.data_as<float>(), view.size()});
    } else {
      for_each_block(view, std::nullopt, look);
    }
    return *result;
  }

  void sweep_channels(
      std::size_t sample,
      std::size_t tensor,
      const tensor_view& view,
      std::size_t axis,
      std::vector<summary>& channels
  ) const {
    check_axis(sample, tensor, view, axis);
    const bool first = channels.empty();
    const std::size_t count = view.extent(axis);
    if (!first) {
      check_same_channels(sample, tensor, channels.size(), count);
    }
    std::vector<summary> found(count);
    if (is_packed(view)) {
      summarize(view, axis, std::span<summary>(found));
    } else {
      for_each_block(view, axis, [&found](std::size_t channel, std::span<const float> values) {
        found[channel] = merged(found[channel], summarize(values));
      });
    }
    for (std::size_t c = 0; c != count; ++c) {
      check_finite(sample, tensor, found[c].has_nan, found[c].has_infinity);
    }
    if (first) {
      channels = std::move(found);
      return;
    }
    for (std::size_t c = 0; c != count; ++c) {
      channels[c] = merged(channels[c], found[c]);
    }
  }

  static auto merged(const summary& a, const summary& b) -> summary {
    if (a.count == 0 || b.count == 0) {
      return a.count == 0 ? b : a;
    }
    summary result = a;
    result.low = std::min(a.low, b.low);
    result.high = std::max(a.high, b.high);
    result.sum += b.sum;
    result.count += b.count;
    result.has_nan = a.has_nan || b.has_nan;
    result.has_infinity = a.has_infinity || b.has_infinity;
    return result;
  }

  static auto over_channels(const std::vector<summary>& channels) -> value_range<float> {
    value_range<float> result{channels.front().low, channels.front().high};
    for (const summary& channel : channels) {
      result.low = std::min(result.low, channel.low);
      result.high = std::max(result.high, channel.high);
    }
    return result;
  }

  void keep(
      std::size_t sample,
      std::size_t tensor,
      const statistics_request::of_tensor& request,
      const open_sample& state
  ) {
    const std::string& name = name_of(tensor);
    if (request.extremes) {
      collected_.record(
          {name, statistic_key(extremes_key, std::nullopt)},
          sample,
          {state.whole->low, state.whole->high}
      );
    }
    for (const std::size_t axis : request.extremes_axes) {
      const std::vector<summary>& channels =
          state.axes.at(axis == last_axis ? state.shape.size() : axis);
      std::vector<float> numbers;
      std::ranges::transform(channels, std::back_inserter(numbers), &summary::low);
      std::ranges::transform(channels, std::back_inserter(numbers), &summary::high);
      collected_.record({name, statistic_key(extremes_key, axis)}, sample, std::move(numbers));
    }
    for (const std::size_t axis : request.mean_axes) {
      std::vector<float> means;
      for (const summary& channel : state.axes.at(axis == last_axis ? state.shape.size() : axis)) {
        means.push_back(static_cast<float>(channel.sum / static_cast<double>(channel.count)));
      }
      collected_.add({name, statistic_key("mean", axis)}, means);
    }
    for (const auto& [key, mean] : state.means) {
      collected_.add({name, key}, mean.numbers());
    }
    if (!request.mean_axes.empty()) {
      collected_.note_shape(name, state.shape);
    }
    for (const auto& [key, begun] : state.estimations) {
      std::vector<float> numbers = begun.running->numbers();
      for (const float number : numbers) {
        if (!(number - number == 0.0F)) {
          throw error("the estimator `" + key + "` gave NaN or infinity", at(sample, tensor));
        }
      }
      collected_.record({name, key}, sample, std::move(numbers));
    }
  }

  const topology* in_;
  const statistics_request* request_;
  std::set<std::size_t> wanted_{};
  std::map<std::pair<std::size_t, std::size_t>, open_sample> open_{};
  std::exception_ptr problem_{};
  shown_histograms histograms_{};
  statistics collected_{};
};

} // namespace ptq::detail
