// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/collector.hpp>
#include <ptq/calibration/request.hpp>
#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/error.hpp>
#include <ptq/correction/preparation.hpp>
#include <ptq/correction/run_access.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/range/extremes.hpp>
#include <ptq/statistics/statistics.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

namespace detail {

/// What statistics of a tensor become under a map of its channels. Extremes, means, squares and
/// taps follow exactly; what does not is said.
class mapped_statistics {
public:
  mapped_statistics(const topology& in, statistics& of) : in_(&in), of_(&of) {}

  /// @return The name of a statistic that `wanted` asks for and that does not follow; empty if all
  /// do.
  auto apply(const channel_map& map, const statistics_request::of_tensor& wanted) -> std::string {
    // Names all members, so that one more does not compile before it is known what becomes of it.
    const auto& [whole, extremes_axes, mean_axes, histogram_axes, mean_square_axes, windows, estimations] =
        wanted;
    const std::string& tensor = in_->tensors[map.tensor].name;
    if (!histogram_axes.empty()) {
      return statistic_key("histogram", *histogram_axes.begin());
    }
    for (const auto& [key, custom] : estimations) {
      if (!key.starts_with("channel_quantiles/")) { // that alignment has read already
        return key;
      }
    }
    for (const std::size_t axis : extremes_axes) {
      if (axis != map.axis) {
        return statistic_key(extremes_key, axis);
      }
    }
    for (const auto* axes : {&mean_axes, &mean_square_axes}) {
      for (const std::size_t axis : *axes) {
        if (axis != map.axis) {
          return statistic_key(axes == &mean_axes ? "mean" : "mean_square", axis);
        }
      }
    }
    const bool shifts = std::ranges::any_of(map.shift, [](double each) { return each != 0.0; });
    if (shifts && !mean_square_axes.empty() && !mean_axes.contains(map.axis)) {
      return statistic_key("mean_square", map.axis);
    }
    for (const window& how : windows) {
      const auto pads = [](const std::vector<std::size_t>& list) {
        return std::ranges::any_of(list, [](std::size_t each) { return each != 0; });
      };
      if (map.axis != 1 || (shifts && (pads(how.pads_begin) || pads(how.pads_end)))) {
        return how.key();
      }
    }
    const bool has_channels = !extremes_axes.empty();
    if (whole && !has_channels) {
      return std::string(extremes_key);
    }
    const std::string squares = statistic_key("mean_square", map.axis);
    const std::string means = statistic_key("mean", map.axis);
    if (!mean_square_axes.empty()) {
      map_squares(map, {tensor, squares}, {tensor, means}, shifts);
    }
    if (!mean_axes.empty()) {
      map_means(map, {tensor, means});
    }
    for (const window& how : windows) {
      map_means(map, {tensor, how.key()});
    }
    if (has_channels) {
      map_extremes(map, tensor, whole);
    }
    return {};
  }

private:
  static void check_channels(const channel_map& map, std::size_t count, const std::string& tensor) {
    if (count == 0 || count % map.scale.size() != 0) {
      throw error("the statistics have another number of channels than the constants", tensor);
    }
  }

  static auto sum_of(double total) -> exact_sum {
    exact_sum result;
    for (int part = 0; part != 3; ++part) { // a double is three floats at most
      const auto rounded = static_cast<float>(total);
      result.add(rounded);
      total -= static_cast<double>(rounded);
    }
    return result;
  }

  void map_means(const channel_map& map, const statistic_name& name) {
    const std::vector<double> before = of_->mean(name);
    check_channels(map, before.size(), name.tensor);
    const std::size_t taps = before.size() / map.scale.size();
    statistics::sums after{of_->seen().size(), {}};
    for (std::size_t i = 0; i != before.size(); ++i) {
      const std::size_t c = i / taps;
      after.totals.push_back(
          sum_of((before[i] - map.shift[c]) / map.scale[c] * static_cast<double>(after.count))
      );
    }
    of_->restore(name, std::move(after));
  }

  void map_squares(
      const channel_map& map, const statistic_name& name, const statistic_name& means, bool shifts
  ) {
    const std::vector<double> squares = of_->mean(name);
    const std::vector<double> mean =
        shifts ? of_->mean(means) : std::vector<double>(squares.size(), 0.0);
    check_channels(map, squares.size(), name.tensor);
    statistics::sums after{of_->seen().size(), {}};
    for (std::size_t c = 0; c != squares.size(); ++c) {
      const double cross = rounded(2.0 * map.shift[c] * mean[c]);
      const double own = rounded(map.shift[c] * map.shift[c]);
      const double moved = std::max(squares[c] - cross + own, 0.0);
      after.totals.push_back(
          sum_of(moved / (map.scale[c] * map.scale[c]) * static_cast<double>(after.count))
      );
    }
    of_->restore(name, std::move(after));
  }

  void map_extremes(const channel_map& map, const std::string& tensor, bool whole) {
    const statistic_name name{tensor, statistic_key(extremes_key, map.axis)};
    statistics::per_sample_numbers channels = of_->per_sample(name);
    statistics::per_sample_numbers ends;
    for (auto& [sample, numbers] : channels) {
      const std::size_t count = numbers.size() / 2;
      check_channels(map, count, tensor);
      for (std::size_t i = 0; i != numbers.size(); ++i) {
        const std::size_t c = i % count;
        numbers[i] =
            static_cast<float>((static_cast<double>(numbers[i]) - map.shift[c]) / map.scale[c]);
      }
      const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(count);
      ends[sample] = {
          *std::min_element(numbers.begin(), middle), *std::max_element(middle, numbers.end())
      };
    }
    of_->restore(name, std::move(channels));
    if (whole) {
      of_->restore({tensor, statistic_key(extremes_key, std::nullopt)}, std::move(ends));
    }
  }

  const topology* in_;
  statistics* of_;
};

inline auto list_of(const sample_set& of) -> samples {
  std::vector<std::size_t> result;
  for (const auto& [first, last] : of.runs()) {
    for (std::uint64_t sample = first; sample != last; ++sample) {
      result.push_back(static_cast<std::size_t>(sample));
    }
  }
  return samples(std::move(result));
}

/// The statistics of some tensors in the model under a plan: a second pass over the samples.
inline auto second_pass(
    const topology& in,
    const statistics_request& request,
    const plan& under,
    plan_runner& engine,
    const samples& range,
    const observers& tell
) -> statistics {
  collector collector(in, request);
  std::vector<std::size_t> tensors;
  for (const auto& [tensor, wanted] : request.tensors()) {
    tensors.push_back(tensor);
  }
  constexpr std::size_t part_size = 32;
  for (std::size_t done = 0; done < range.size(); done += part_size) {
    tell.on_progress({"second calibration", done, range.size()});
    const samples part = range.part(done, part_size);
    collector.open(part);
    engine.run(
        under,
        tensors,
        part,
        [&collector](std::size_t sample, std::size_t tensor, const tensor_view& view) {
          static_cast<void>(collector.show({sample, sample + 1}, tensor, view));
        }
    );
    collector.close();
  }
  tell.on_progress({"second calibration", range.size(), range.size()});
  return std::move(collector).collected();
}

} // namespace detail

/// The statistics of the prepared model. What follows from those of the model as it came is
/// computed; tensors of which something does not follow are observed in a second pass.
/// @throws error, with the tensor's name, where a second pass is needed and `run` is null.
[[nodiscard]] inline auto prepared_statistics(
    const topology& in,
    const statistics& collected,
    const preparation& prepared,
    const statistics_request& request,
    const run_access* run,
    const observers& tell
) -> statistics {
  statistics result = collected;
  detail::mapped_statistics mapped(in, result);
  std::map<std::size_t, std::string> open; // tensors and a statistic that does not follow
  for (const channel_map& map : prepared.maps) {
    const auto wanted = request.tensors().find(map.tensor);
    if (wanted == request.tensors().end() || open.contains(map.tensor)) {
      continue;
    }
    std::string lacking = mapped.apply(map, wanted->second);
    if (!lacking.empty()) {
      open.emplace(map.tensor, std::move(lacking));
    }
  }
  if (open.empty()) {
    return result;
  }
  if (run == nullptr) {
    throw error(
        "a correction changes this tensor before its range is taken, and `" + open.begin()->second +
            "` of what it becomes does not follow from the statistics: call the algorithm with an "
            "evaluator that runs plans",
        in.tensors[open.begin()->first].name
    );
  }
  std::set<std::size_t> again;
  for (const auto& [tensor, lacking] : open) {
    again.insert(tensor);
    tell.on_note(
        {in.tensors[tensor].name,
         "observed again, as the model was changed before it: `" + lacking + "` does not follow"}
    );
  }
  result.take_over(detail::second_pass(
      in, request.only(again), prepared.model, *run->engine, run->calibrated, tell
  ));
  return result;
}

} // namespace ptq
