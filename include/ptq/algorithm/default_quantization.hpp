// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/collect.hpp>
#include <ptq/calibration/ranges.hpp>
#include <ptq/core/error.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/fast_bias.hpp>
#include <ptq/correction/run.hpp>
#include <ptq/correction/saturation_fix.hpp>
#include <ptq/device/devices.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/graph/digest.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/placement/groups.hpp>
#include <ptq/placement/place.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/preset/presets.hpp>
#include <ptq/range/ranges.hpp>
#include <ptq/scheme/asymmetric.hpp>
#include <ptq/scheme/concept.hpp>
#include <ptq/scheme/symmetric.hpp>
#include <ptq/statistics/statistics.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ptq {

namespace detail {

class stage_clock {
public:
  explicit stage_clock(const observers& tell) : tell_(&tell) {}

  /// Tells how long it was since the last lap, or since the clock was made.
  void lap(std::string_view stage) {
    const auto now = std::chrono::steady_clock::now();
    tell_->on_time({stage, std::chrono::duration<double>(now - last_).count()});
    last_ = now;
  }

private:
  const observers* tell_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

inline void unify(std::vector<quantizer>& quantizers, const placement& sites) {
  for (const std::vector<std::size_t>& group : sites.unified) {
    grid common = quantizers[group.front()].format.grids.front();
    for (const std::size_t member : group) {
      const grid& each = quantizers[member].format.grids.front();
      common.in_low = std::min(common.in_low, each.in_low);
      common.in_high = std::max(common.in_high, each.in_high);
    }
    common.out_low = common.in_low;
    common.out_high = common.in_high;
    for (const std::size_t member : group) {
      quantizers[member].format.grids.front() = common;
    }
  }
}

} // namespace detail

/// Post-training quantization without an accuracy loop: ranges from the statistics of one pass over
/// some samples, then corrections.
///
/// Composed of policies, each a type parameter and a member. Call it with a graph and an evaluator,
/// or with a graph and statistics from `calibrate`; the plan is the same bits either way.
///
/// @tparam Preset       Prefers speed or accuracy among what the device offers.
/// @tparam Device       Which operations run in low precision, and how.
/// @tparam Ranges       From the statistics of a tensor to its range.
/// @tparam Schemes      From a range to a grid.
/// @tparam Corrections  What is done to the plan afterwards.
/// @see POT, DefaultQuantization
template <
    class Preset = preset::performance,
    class Device = device::any,
    class Ranges = default_ranges,
    class Schemes = schemes<scheme::symmetric, scheme::asymmetric>,
    class Corrections = corrections<correction::saturation_fix, correction::fast_bias>>
struct default_quantization {
  static_assert(explain_quantization_preset<Preset>());
  static_assert(explain_target_device<Device>());
  static_assert(explain_range_policy<Ranges>());
  static_assert(explain_scheme_policy<Schemes>());
  static_assert(explain_correction_policy<Corrections>());

  std::size_t stat_subset_size = 300; ///< Samples to calibrate on: the first ones. At least 1.
  tensor_options weights{};           ///< Overrides of the device's and the preset's choice.
  tensor_options activations{};
  Preset preset{};
  Device device{};
  Ranges ranges{};
  Schemes schemes{};
  Corrections corrections{};
  ignored_scope ignored{}; ///< What stays in floating point.
  ptq::model_type model_type = ptq::model_type::none;
  ptq::where where = ptq::where::device_rules; ///< Which inputs get quantizers.
  std::vector<pattern> patterns{}; ///< Of operations that stay in floating point, beside POT's.

  /// Quantizes in one pass over the samples.
  /// @param tell  Any observers: `on_progress`, `on_note`, `on_time`.
  /// @throws error for a graph that breaks its laws, for bad options, and for what calibration met.
  template <class G, class E, class... Observers>
    requires(!std::same_as<std::remove_cvref_t<E>, statistics>)
  [[nodiscard]] auto operator()(const G& of, E&& evaluator, Observers&&... tell) const -> plan {
    using engine = std::remove_reference_t<E>;
    if constexpr (graph<G> && evaluator_for<engine, G>) {
      const observers all = observed_by(tell...);
      const samples range = default_part(evaluator);
      return quantize(of, calibration_of(of, evaluator, range, all), &evaluator, all);
    } else {
      static_assert(explain_evaluator<engine, G>());
      return {};
    }
  }

  /// Quantizes with statistics that `calibrate` collected for an algorithm like this one. There is
  /// no engine for corrections that need one.
  /// @throws error if they lack what this algorithm needs, or are of another model.
  template <class G, class... Observers>
  [[nodiscard]] auto operator()(const G& of, const statistics& collected, Observers&&... tell) const
      -> plan {
    if constexpr (graph<G>) {
      return quantize(of, collected, static_cast<no_engine*>(nullptr), observed_by(tell...));
    } else {
      static_assert(explain_graph<G>());
      return {};
    }
  }

  /// The same with an engine for the corrections that need one. It has the samples that the
  /// statistics saw, under their numbers.
  template <class G, class E, class... Observers>
    requires enable_evaluator<std::remove_cvref_t<E>>
  [[nodiscard]] auto
  operator()(const G& of, const statistics& collected, E&& evaluator, Observers&&... tell) const
      -> plan {
    using engine = std::remove_reference_t<E>;
    if constexpr (graph<G> && evaluator_for<engine, G>) {
      return quantize(of, collected, &evaluator, observed_by(tell...));
    } else {
      static_assert(explain_evaluator<engine, G>());
      return {};
    }
  }

  /// The statistics of `range`; what `calibrate` calls.
  template <class G, evaluator_for<G> E>
  [[nodiscard]] auto
  calibration_of(const G& of, E& evaluator, const samples& range, const observers& tell) const
      -> statistics {
    check_options();
    detail::stage_clock clock(tell);
    const read_graph_result<G> read = read_graph(of);
    statistics result = collect_statistics(
        of, read, evaluator, range, request_for(read.nodes, sites_of(read.nodes)), tell
    );
    result.set_model(digest(read.nodes));
    clock.lap("calibration");
    return result;
  }

  /// The samples to calibrate on when the user does not say.
  template <class E>
  [[nodiscard]] auto default_part(const E& evaluator) const -> samples {
    check_options();
    return {0, std::min(stat_subset_size, static_cast<std::size_t>(evaluator.sample_count()))};
  }

  /// Which tensors get a quantizer, and of what kind.
  [[nodiscard]] auto sites_of(const topology& in) const -> placement {
    return place(
        in,
        view_of(device),
        {.weights = weights,
         .activations = activations,
         .accurate_weights = preset.prefers_accuracy(tensor_kind::weights),
         .accurate_activations = preset.prefers_accuracy(tensor_kind::activations),
         .ignored = ignored,
         .model_type = model_type,
         .where = where,
         .patterns = patterns}
    );
  }

  /// What calibration has to keep.
  [[nodiscard]] auto request_for(const topology& in, const placement& sites) const
      -> statistics_request {
    statistics_request result;
    for (const quantizer_site& site : sites.sites) {
      if (site.kind == tensor_kind::activations) {
        request_range(result, ranges, site);
      }
    }
    corrections.request(in, sites, result);
    return result;
  }

  friend auto operator==(const default_quantization&, const default_quantization&)
      -> bool = default;

  /// @throws error that names an option which no run could use.
  void check_options() const {
    if (stat_subset_size == 0) {
      throw error("at least one sample is needed", {}, "stat_subset_size");
    }
    const auto check_bits = [](const tensor_options& of, const char* option) {
      if (of.bits && (*of.bits < 2 || *of.bits > 16)) {
        throw error("bits are 2 to 16, not " + std::to_string(*of.bits), {}, option);
      }
    };
    check_bits(weights, "weights.bits");
    check_bits(activations, "activations.bits");
    check_rules(device.rules());
    detail::check_options_of(schemes);
    detail::check_options_of(corrections);
  }

private:
  struct no_engine {};

  template <class G, class E>
  auto quantize(const G& of, const statistics& collected, E* evaluator, const observers& tell) const
      -> plan {
    check_options();
    detail::stage_clock clock(tell);
    const read_graph_result<G> read = read_graph(of);
    const topology& in = read.nodes;
    plan result{.model = {.name = {}, .digest = digest(in)}};
    if (!collected.model().empty() && collected.model() != result.model.digest) {
      throw error(
          "the statistics are of another model: its digest is " + collected.model() +
          ", the graph's is " + result.model.digest
      );
    }
    clock.lap("reading");
    const placement sites = sites_of(in);
    clock.lap("placement");
    std::vector<quantizer> quantizers(sites.sites.size());
    for (const tensor_kind kind : {tensor_kind::weights, tensor_kind::activations}) {
      for (std::size_t i = 0; i != quantizers.size(); ++i) {
        if (sites.sites[i].kind == kind) {
          quantizers[i] = quantizer_at(in, sites.sites[i], collected);
        }
      }
      clock.lap(kind == tensor_kind::weights ? "weights" : "activations");
    }
    detail::unify(quantizers, sites);
    for (quantizer& each : quantizers) {
      result.quantizers.emplace_back(std::move(each));
    }
    for (group& each : groups_of(in, view_of(device), sites)) {
      result.groups.emplace_back(std::move(each));
    }
    const correction_context context{in, sites, collected, saturates(device), tell};
    result = corrected(context, of, read, evaluator, std::move(result));
    clock.lap("corrections");
    return result;
  }

  template <class G, class E>
  auto corrected(
      const correction_context& context,
      const G& of,
      const read_graph_result<G>& read,
      E* evaluator,
      plan before
  ) const -> plan {
    if constexpr (plan_evaluator_for<E, G>) {
      const graph_run<G, E> engine(of, read, *evaluator);
      const run_ref run(engine);
      std::vector<std::size_t> list;
      for (const auto& [first, last] : context.collected.seen().runs()) {
        for (std::uint64_t s = first; s != last; ++s) {
          list.push_back(static_cast<std::size_t>(s));
        }
      }
      return corrections(
          correction_context{
              context.nodes,
              context.sites,
              context.collected,
              context.sums_saturate,
              context.tell,
              &run,
              samples(std::move(list))
          },
          std::move(before)
      );
    } else {
      return corrections(context, std::move(before));
    }
  }

  [[nodiscard]] auto
  quantizer_at(const topology& in, const quantizer_site& site, const statistics& collected) const
      -> quantizer {
    const topology::tensor& tensor = in.tensors[site.tensor];
    quantizer result{
        .tensor = tensor.name,
        .kind = site.kind,
        .format = {.bits = site.choice.bits, .mode = site.choice.mode, .axis = site.axis}
    };
    for (const topology::port& port : site.consumers) {
      result.consumers.push_back({in.nodes[port.node].name, port.input});
    }
    std::ranges::sort(result.consumers);
    std::vector<value_range<float>> found;
    if (site.kind == tensor_kind::weights) {
      const constant_view& constant = *in.nodes[tensor.node].constant;
      found = weight_ranges(ranges.of_weights(site.choice.mode), constant, site.axis, tensor.name);
    } else {
      found = activation_ranges(ranges, site, tensor.name, collected);
    }
    scheme_request request{
        .kind = site.kind,
        .bits = site.choice.bits,
        .levels = levels_of(site.kind, site.choice),
        .has_negative = is_signed(site.choice) ||
                        std::ranges::any_of(
                            found, [](const value_range<float>& range) { return range.low < 0.0F; }
                        )
    };
    result.format.grids = schemes.grids(site.choice.mode, found, request);
    if (result.format.grids.size() != found.size()) {
      throw error("the scheme made another number of grids than there are ranges", tensor.name);
    }
    return result;
  }
};

} // namespace ptq
