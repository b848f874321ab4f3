// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/algorithm/detail/quantizer_maker.hpp>
#include <ptq/calibration/collect.hpp>
#include <ptq/calibration/energies.hpp>
#include <ptq/core/error.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/fast_bias.hpp>
#include <ptq/correction/preparation.hpp>
#include <ptq/correction/prepared_statistics.hpp>
#include <ptq/correction/run_access.hpp>
#include <ptq/correction/saturation_fix.hpp>
#include <ptq/device/devices.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/evaluator/plan_runner.hpp>
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
#include <map>
#include <optional>
#include <string>
#include <string_view>
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

/// Where a preset says so, quantizers go to other inputs than all that the device can take.
template <class Preset>
[[nodiscard]] consteval auto usual_place() -> where {
  if constexpr (requires { Preset::where; }) {
    return Preset::where;
  } else {
    return where::device_rules;
  }
}

/// What a preset wants of activations beside the mode.
template <class Preset>
[[nodiscard]] constexpr auto usual_activations() -> tensor_options {
  if constexpr (requires { Preset::activations; }) {
    return Preset::activations;
  } else {
    return {};
  }
}

} // namespace detail

/// Post-training quantization without an accuracy loop: ranges from the statistics of one pass over
/// some samples, then corrections.
///
/// Composed of policies, each a type parameter and a member. Call it with a graph and an evaluator,
/// or with a graph and statistics from `calibrate`; the plan is the same bits either way.
/// Corrections that run the model, if they can or because they must, need an evaluator in both
/// cases: with statistics, behind them.
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
  tensor_options activations = detail::usual_activations<Preset>();
  Preset preset{};
  Device device{};
  Ranges ranges{};
  Schemes schemes{};
  Corrections corrections{};
  ignored_scope ignored{}; ///< What stays in floating point.
  ptq::model_type model_type = ptq::model_type::none;
  ptq::where where = detail::usual_place<Preset>(); ///< Which inputs get quantizers.
  std::vector<pattern> patterns{}; ///< Operations to keep in floating point, beside POT's.
  /// Of what single operations read, by name: overrides `weights` and `activations`.
  std::map<std::string, operation_options> operations{};

  /// Quantizes in one pass over the samples; in two where a correction changes the model before
  /// ranges are taken, and what it makes of a tensor does not follow from the first.
  /// @param tell  Any observers: `on_progress`, `on_note`, `on_time`.
  /// @throws error for a graph that breaks its laws, for bad options, and for what calibration met.
  template <class G, class E, class... Observers>
    requires(!std::same_as<std::remove_cvref_t<E>, statistics>)
  [[nodiscard]] auto operator()(const G& of, E&& evaluator, Observers&&... tell) const -> plan {
    using engine = std::remove_reference_t<E>;
    if constexpr (may_run<G, engine>()) {
      const observers all = observed_by(tell...);
      const samples part = default_part(evaluator);
      return quantize_with(of, calibration_of(of, evaluator, part, all), evaluator, part, all);
    } else {
      return {};
    }
  }

  /// Quantizes with statistics that `calibrate` collected for an algorithm like this one.
  /// @throws error if they lack what this algorithm needs, or are of another model.
  template <class G, class... Observers>
  [[nodiscard]] auto operator()(const G& of, const statistics& collected, Observers&&... tell) const
      -> plan {
    static_assert(
        !runs_the_model<Corrections>,
        "a correction of this algorithm runs the model: call it with a graph and an evaluator that "
        "runs plans, or with a graph, statistics and such an evaluator"
    );
    if constexpr (graph<G>) {
      return quantize(of, collected, nullptr, observed_by(tell...));
    } else {
      static_assert(explain_graph<G>());
      return {};
    }
  }

  /// The same, with an engine at hand for corrections that run the samples that were calibrated on.
  template <class G, class E, class... Observers>
    requires enable_evaluator<std::remove_cvref_t<E>>
  [[nodiscard]] auto
  operator()(const G& of, const statistics& collected, E&& evaluator, Observers&&... tell) const
      -> plan {
    if constexpr (may_run<G, std::remove_reference_t<E>>()) {
      return quantize_with(
          of, collected, evaluator, detail::list_of(collected.seen()), observed_by(tell...)
      );
    } else {
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
         .patterns = patterns,
         .operations = operations}
    );
  }

  /// What calibration has to keep.
  [[nodiscard]] auto request_for(const topology& in, const placement& sites) const
      -> statistics_request {
    statistics_request result;
    for (const quantizer_site& site : sites.sites) {
      if (site.kind == tensor_kind::activations) {
        request_range(result, ranges_at(ranges, in, site), site);
      } else if (detail::wants_masses<decltype(ranges.of_weights(site.choice.mode))>) {
        request_energies(result, in, site);
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
    const auto check_codes = [](const tensor_options& of, const char* option) {
      if (of.level_low && of.level_high && *of.level_low >= *of.level_high) {
        throw error(
            "the least code, " + std::to_string(*of.level_low) + ", is not below the greatest, " +
                std::to_string(*of.level_high),
            {},
            option
        );
      }
    };
    check_codes(weights, "weights.level_low");
    check_codes(activations, "activations.level_low");
    for (const auto& [name, of] : operations) {
      check_bits(of.weights, "operations.weights.bits");
      check_bits(of.activations, "operations.activations.bits");
    }
    check_rules(device.rules());
    detail::check_options_of(ranges);
    detail::check_options_of(schemes);
    detail::check_options_of(corrections);
  }

private:
  /// Is this an evaluator for this graph that can do what the corrections need?
  template <class G, class E>
  static consteval auto may_run() -> bool {
    if constexpr (runs_the_model<Corrections>) {
      return explain_plan_evaluator<E, G>();
    } else {
      return explain_evaluator<E, G>();
    }
  }

  template <class G, class E>
  auto quantize_with(
      const G& of, const statistics& collected, E& evaluator, samples part, const observers& tell
  ) const -> plan {
    if constexpr (plan_evaluator_for<E, G>) {
      const std::size_t available = evaluator.sample_count();
      for (const std::size_t sample : part) {
        if (sample >= available) {
          throw error(
              "the statistics saw sample " + std::to_string(sample) + ", but the evaluator has " +
              std::to_string(available)
          );
        }
      }
      plan_runner_of<G, E> engine(of, evaluator);
      const run_access run{&engine, std::move(part)};
      return quantize(of, collected, &run, tell);
    } else {
      return quantize(of, collected, nullptr, tell);
    }
  }

  template <class G>
  auto quantize(
      const G& of, const statistics& collected, const run_access* run, const observers& tell
  ) const -> plan {
    check_options();
    detail::stage_clock clock(tell);
    const topology in = read_graph(of).nodes;
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
    const preparation prepared =
        corrections.prepare({in, sites, collected, tell, run != nullptr}, preparation{});
    std::optional<statistics> of_prepared;
    if (!prepared.maps.empty()) {
      of_prepared = prepared_statistics(in, collected, prepared, request_for(in, sites), run, tell);
      clock.lap("preparation");
    }
    result.constants = prepared.model.constants;
    const statistics& seen = of_prepared ? *of_prepared : collected;
    const detail::quantizer_maker<Ranges, Schemes> make(ranges, schemes, in, seen);
    std::vector<quantizer> quantizers(sites.sites.size());
    for (const tensor_kind kind : {tensor_kind::weights, tensor_kind::activations}) {
      for (std::size_t i = 0; i != quantizers.size(); ++i) {
        if (sites.sites[i].kind == kind) {
          quantizers[i] = make(sites.sites[i], prepared.model);
        }
      }
      clock.lap(kind == tensor_kind::weights ? "weights" : "activations");
    }
    for (const std::vector<std::size_t>& members : sites.unified) {
      make.unify(quantizers, members, sites);
    }
    for (quantizer& each : quantizers) {
      result.quantizers.emplace_back(std::move(each));
    }
    for (group& each : groups_of(in, view_of(device), sites)) {
      result.groups.emplace_back(std::move(each));
    }
    result = corrections(
        correction_context{in, sites, seen, saturates(device), tell, &prepared, run},
        std::move(result)
    );
    clock.lap("corrections");
    return result;
  }
};

} // namespace ptq
