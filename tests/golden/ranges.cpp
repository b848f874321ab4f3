// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From the statistics of each sample that POT recorded to the limits of its grids, without a graph
// and without an engine.
#include <ptq/calibration/clip.hpp>
#include <ptq/calibration/ranges.hpp>
#include <ptq/scheme/asymmetric.hpp>
#include <ptq/scheme/symmetric.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "golden/compare.hpp"
#include "golden/range_estimators.hpp"
#include "golden/read_golden.hpp"

namespace {

using namespace ptq::test;
using json = nlohmann::json;

/// Are its limits a matter of estimators and of the schemes' defaults, and its samples the first?
auto is_of_estimators(const golden_run& run) -> bool {
  if (run.refused) {
    return false;
  }
  for (std::size_t i = 0; i != run.samples.size(); ++i) {
    if (run.samples[i] != i) {
      return false;
    }
  }
  const json own = run.parameters().value("activations", json::object());
  const std::set<std::string> devices{"ANY", "CPU", "GPU", "CPU_SPR"};
  return devices.contains(run.parameters().at("target_device").get<std::string>()) &&
         std::ranges::all_of(own.items(), [](const auto& each) {
           return each.key() == "range_estimator" || each.key() == "mode";
         });
}

/// Were the numbers recorded that the estimator makes of each sample?
template <class Sides>
auto is_recorded(const Sides& sides, const ptq::quantizer& of, const ptq::statistics& collected)
    -> bool {
  const auto has = [&](const auto& side) {
    const auto axis = side.granularity == ptq::per_channel ? of.format.axis : std::nullopt;
    const std::string key = ptq::statistic_key(ptq::statistic_key_of(side.estimator), axis);
    try {
      static_cast<void>(collected.per_sample({of.tensor, key}));
      return true;
    } catch (const ptq::error&) {
      return false;
    }
  };
  return has(sides.low) && has(sides.high);
}

/// What POT made symmetric by a rule for transformers has the estimator of the mode before.
auto is_symmetric(const std::vector<ptq::grid>& grids) -> bool {
  return std::ranges::all_of(grids, [](const ptq::grid& each) {
    const double width = static_cast<double>(each.in_high) - static_cast<double>(each.in_low);
    const double wanted = static_cast<double>(each.in_high) * 128.0 / 127.0;
    return std::abs(static_cast<double>(each.in_low) + wanted) < 1e-5 * width;
  });
}

struct tally {
  std::size_t runs = 0;
  std::size_t quantizers = 0;
  std::size_t without_numbers = 0;
  double worst = 0.0;
};

void compare(const golden_run& run, tally& found) {
  const ptq::config::named_ranges ranges = recorded_ranges(run);
  const ptq::statistics collected = golden_statistics(run.model, run.samples.size());
  const json& parameters = run.parameters();
  std::string wanted = parameters.at("preset") == "performance" ? "symmetric" : "asymmetric";
  wanted = parameters.value("activations", json::object()).value("mode", wanted);
  const ptq::mode how = wanted == "symmetric" ? ptq::symmetric : ptq::asymmetric;
  const bool forced = parameters.value("model_type", "") == "transformer";

  using entry = std::pair<const golden_quantizer*, std::vector<ptq::grid>>;
  std::vector<entry> grids;
  for (const golden_quantizer& each : run.quantizers) {
    const ptq::quantizer& recorded = each.quantizer;
    // The statistics were recorded behind channel alignment by all samples, which not all runs do.
    const bool aligned_there = !run.aligned_pairs.empty() && run.samples.size() == 300;
    if (recorded.kind != ptq::tensor_kind::activations ||
        (!aligned_there && recorded.tensor.starts_with("/lin/"))) {
      continue;
    }
    const ptq::quantizer_site site{
        .choice = {8, how, recorded.format.axis ? ptq::per_channel : ptq::per_tensor},
        .axis = recorded.format.axis
    };
    const auto sides = ranges.of_activations(how, site.choice.granularity);
    if (!is_recorded(sides, recorded, collected)) {
      ++found.without_numbers;
      continue;
    }
    auto estimated = ptq::activation_ranges(ranges, site, recorded.tensor, collected);
    ptq::clip_ranges(ranges, recorded.kind, estimated);
    const ptq::scheme_request request{
        .has_negative = std::ranges::any_of(estimated, [](const auto& r) { return r.low < 0.0F; })
    };
    const bool symmetric = how == ptq::symmetric || (forced && is_symmetric(recorded.format.grids));
    auto made = symmetric ? ptq::scheme::symmetric{}.grids(estimated, request)
                          : ptq::scheme::asymmetric{}.grids(estimated, request);
    ptq::clip_grids(ranges, recorded.kind, made, recorded.tensor);
    grids.emplace_back(&each, std::move(made));
  }
  // What a concatenation joins has the least and the greatest limit of all.
  std::map<std::string, std::vector<ptq::grid*>> joined;
  for (auto& [recorded, mine] : grids) {
    for (const ptq::port_name& reader : recorded->quantizer.consumers) {
      if (reader.node.find("Concat") != std::string::npos) {
        joined[reader.node].push_back(&mine.front());
      }
    }
  }
  for (auto& [node, members] : joined) {
    ptq::grid common = *members.front();
    for (const ptq::grid* const each : members) {
      common.in_low = std::min(common.in_low, each->in_low);
      common.in_high = std::max(common.in_high, each->in_high);
    }
    common.out_low = common.in_low;
    common.out_high = common.in_high;
    for (ptq::grid* const each : members) {
      *each = common;
    }
  }
  for (const auto& [recorded, mine] : grids) {
    const double apart = distance(mine, recorded->quantizer.format.grids, recorded->factor);
    INFO(run.name << ", " << recorded->quantizer.tensor);
    CHECK(apart <= 1e-6);
    found.worst = std::max(found.worst, apart);
    ++found.quantizers;
  }
  ++found.runs;
}

TEST_CASE("recorded statistics come to POT's limits, whatever the estimators and aggregators") {
  tally all;
  std::set<std::string> compared;
  for (const std::string& model : golden_models) {
    for (const auto& [name, run] : golden_runs(model)) {
      if (is_of_estimators(run)) {
        compare(run, all);
        compared.insert(name);
      }
    }
  }
  for (const std::string model : {"fashion_ds.", "fashion_mix."}) {
    for (const std::string mode : {"mixed_est_", "performance_est_"}) {
      for (const char* const name :
           {"median", "mean_no_outliers", "median_no_outliers", "hl_estimator"}) {
        CHECK(compared.contains(model + mode + name));
      }
    }
    CHECK(compared.contains(model + "mixed_est_clip"));
  }
  for (const char* const name :
       {"mixed",
        "performance",
        "mixed_not_inplace",
        "performance_not_inplace",
        "mixed_median_not_inplace"}) {
    CHECK(compared.contains(std::string("fashion_mix_batch10.") + name));
  }
  CHECK(compared.contains("fashion_vit.mixed_transformer_quantile"));
  MESSAGE(
      all.runs << " runs, " << all.quantizers << " quantizers, " << all.without_numbers
               << " without their numbers, worst " << all.worst
  );
  CHECK(all.quantizers > 2'000);
  CHECK(all.worst > 0.0);
}

} // namespace
