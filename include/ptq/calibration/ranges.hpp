// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/request.hpp>
#include <ptq/core/blocks.hpp>
#include <ptq/core/choices.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/kernel/extremes.hpp>
#include <ptq/placement/choices.hpp>
#include <ptq/placement/place.hpp>
#include <ptq/range/choose.hpp>
#include <ptq/range/detail/least_error.hpp>
#include <ptq/range/ranges.hpp>
#include <ptq/statistics/statistics.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace ptq::detail {

/// What one side of a range comes to over all samples, for each channel.
template <class Side, class Pick>
auto aggregated(
    const statistics& collected,
    const std::string& tensor,
    const Side& side,
    std::optional<std::size_t> axis,
    Pick pick
) -> std::vector<float> {
  const std::string key = statistic_key(
      statistic_key_of(side.estimator), side.granularity == per_channel ? axis : std::nullopt
  );
  const auto& samples = collected.per_sample({tensor, key});
  const std::size_t channels = samples.begin()->second.size() / 2;
  if (channels == 0) {
    throw error("the statistics are damaged: a range of no numbers", tensor);
  }
  std::vector<float> result(channels);
  std::vector<float> values(samples.size());
  for (std::size_t c = 0; c != channels; ++c) {
    std::size_t position = 0;
    for (const auto& [sample, numbers] : samples) {
      if (numbers.size() != 2 * channels) {
        throw error("the statistics are damaged: a range without its other end", tensor);
      }
      values[position++] = pick(stored_range(side.estimator, numbers[c], numbers[channels + c]));
    }
    result[c] = static_cast<float>(side.aggregator(std::span<const float>(values)));
    if (!(result[c] - result[c] == 0.0F)) {
      throw error("the range of channel " + std::to_string(c) + " is NaN or infinite", tensor);
    }
  }
  return result;
}

/// The mode for which the range of a site is estimated: with POT's ranges that before a rule of
/// transformers made it symmetric.
template <class Ranges>
[[nodiscard]] auto estimation_mode(const quantizer_site& site) -> mode {
  if constexpr (requires { requires Ranges::estimates_before_rules; }) {
    return site.mode_before.value_or(site.choice.mode);
  } else {
    return site.choice.mode;
  }
}

} // namespace ptq::detail

namespace ptq {

namespace detail {

template <class Sides>
void request_sides(statistics_request& request, const Sides& sides, const quantizer_site& site) {
  const auto axis_of = [&site](granularity of) {
    return of == per_channel ? site.axis : std::nullopt;
  };
  if constexpr (is_choice<Sides>) {
    std::visit([&](const auto& chosen) { request_sides(request, chosen, site); }, sides);
  } else if constexpr (are_alternatives<Sides>) {
    request.histogram(site.tensor, axis_of(sides.granularity));
    std::apply([&](const auto&... each) { (request_sides(request, each, site), ...); }, sides.of);
  } else if constexpr (sees_all_samples<Sides>) {
    request.histogram(site.tensor, axis_of(sides.granularity));
  } else {
    request.estimate(site.tensor, sides.low.estimator, axis_of(sides.low.granularity));
    request.estimate(site.tensor, sides.high.estimator, axis_of(sides.high.granularity));
  }
}

template <class Sides>
auto aggregated_ranges(
    const Sides& sides,
    const quantizer_site& site,
    const std::string& tensor,
    const statistics& collected
) -> std::vector<value_range<float>> {
  std::vector<float> lows =
      detail::aggregated(collected, tensor, sides.low, site.axis, [](value_range<float> range) {
        return range.low;
      });
  std::vector<float> highs =
      detail::aggregated(collected, tensor, sides.high, site.axis, [](value_range<float> range) {
        return range.high;
      });
  const std::size_t channels = std::max(lows.size(), highs.size());
  if ((lows.size() != 1 && lows.size() != channels) ||
      (highs.size() != 1 && highs.size() != channels)) {
    throw error(
        "the statistics are damaged: " + std::to_string(lows.size()) + " low ends and " +
            std::to_string(highs.size()) + " high ends",
        tensor
    );
  }
  lows.resize(channels, lows.front());
  highs.resize(channels, highs.front());
  std::vector<value_range<float>> result;
  for (std::size_t c = 0; c != channels; ++c) {
    result.push_back({lows[c], highs[c]});
  }
  return result;
}

[[nodiscard]] inline auto histograms_of(
    const quantizer_site& site,
    granularity of,
    const std::string& tensor,
    const statistics& collected
) -> const std::vector<log_histogram>& {
  return collected.histograms(
      {tensor, statistic_key(histogram_key, of == per_channel ? site.axis : std::nullopt)}
  );
}

template <class Sides>
auto ranges_of_sides(
    const Sides& sides,
    const quantizer_site& site,
    const std::string& tensor,
    const statistics& collected
) -> std::vector<value_range<float>> {
  const target_grid target{
      .kind = site.kind, .mode = site.choice.mode, .levels = levels_of(site.kind, site.choice)
  };
  if constexpr (is_choice<Sides>) {
    return std::visit(
        [&](const auto& chosen) { return ranges_of_sides(chosen, site, tensor, collected); }, sides
    );
  } else if constexpr (are_alternatives<Sides>) {
    const auto& channels = histograms_of(site, sides.granularity, tensor, collected);
    std::vector<value_range<float>> best;
    double least = 0.0;
    const auto compare = [&](std::vector<value_range<float>> found) {
      found.resize(channels.size(), found.front());
      double error = 0.0;
      for (std::size_t c = 0; c != channels.size(); ++c) {
        error += histogram_errors(channels[c], target)({&found[c], 1}).front();
      }
      if (best.empty() || error < least) {
        best = std::move(found);
        least = error;
      }
    };
    std::apply(
        [&](const auto&... each) {
          (compare(ranges_of_sides(each, site, tensor, collected)), ...);
        },
        sides.of
    );
    return best;
  } else if constexpr (sees_all_samples<Sides>) {
    std::vector<value_range<float>> result;
    for (const log_histogram& each : histograms_of(site, sides.granularity, tensor, collected)) {
      result.push_back(sides.estimator.range(each, target));
      if (!(result.back().low - result.back().low == 0.0F) ||
          !(result.back().high - result.back().high == 0.0F)) {
        throw error(
            "the range of channel " + std::to_string(result.size() - 1) + " is NaN or infinite",
            tensor
        );
      }
    }
    return result;
  } else {
    return aggregated_ranges(sides, site, tensor, collected);
  }
}

} // namespace detail

/// The policy for a site: of one that has others for single operations, that of the first operation
/// which reads the tensor.
template <range_policy Ranges>
[[nodiscard]] auto ranges_at(const Ranges& ranges, const topology& in, const quantizer_site& site)
    -> Ranges {
  if constexpr (requires { ranges.for_operation(std::string_view()); }) {
    return ranges.for_operation(in.nodes[site.consumers.front().node].name);
  } else {
    return ranges;
  }
}

/// Asks for what the ranges of a site's activations need.
template <range_policy Ranges>
void request_range(statistics_request& request, const Ranges& ranges, const quantizer_site& site) {
  detail::request_sides(
      request,
      ranges.of_activations(detail::estimation_mode<Ranges>(site), site.choice.granularity),
      site
  );
}

/// The ranges of a site's activations: one, or one for each channel.
/// @throws error if the statistics lack what the policy needs.
template <range_policy Ranges>
[[nodiscard]] auto activation_ranges(
    const Ranges& ranges,
    const quantizer_site& site,
    const std::string& tensor,
    const statistics& collected
) -> std::vector<value_range<float>> {
  return detail::ranges_of_sides(
      ranges.of_activations(detail::estimation_mode<Ranges>(site), site.choice.granularity),
      site,
      tensor,
      collected
  );
}

/// The ranges of a constant: one, or one for each index on `axis`.
/// @param name  Of the constant, for messages.
/// @throws error if it holds NaN or infinity.
template <range_estimator Estimator>
[[nodiscard]] auto weight_ranges(
    const Estimator& estimator,
    const tensor_view& constant,
    std::optional<std::size_t> axis,
    const std::string& name = {}
) -> std::vector<value_range<float>> {
  const std::size_t channels = axis ? constant.extent(*axis) : 1;
  std::vector<detail::estimation_of<Estimator, float>> states(
      channels, estimator.template start<float>()
  );
  for_each_block(constant, axis, [&](std::size_t channel, std::span<const float> values) {
    const extremes found = ptq::extremes_of(values);
    if (found.has_nan || found.has_infinity()) {
      throw error(found.has_nan ? "the constant holds NaN" : "the constant holds infinity", name);
    }
    states[channel].observe(values);
  });
  std::vector<value_range<float>> result;
  for (const auto& state : states) {
    result.push_back(range_of<float>(estimator, state));
    const value_range<float>& range = result.back();
    if (!(range.low - range.low == 0.0F) || !(range.high - range.high == 0.0F)) {
      throw error("the estimated range of the constant is NaN or infinite", name);
    }
  }
  return result;
}

} // namespace ptq
