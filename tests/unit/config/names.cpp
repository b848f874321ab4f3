// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/config/names.hpp>

#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

namespace {

namespace config = ptq::config;

template <class Policy>
auto holds(const auto& chosen) -> bool {
  return std::holds_alternative<Policy>(chosen.chosen());
}

static_assert(std::is_same_v<
              config::chosen<config::presets>,
              ptq::one_of<ptq::preset::performance, ptq::preset::mixed, ptq::preset::accuracy>>);
static_assert(ptq::quantization_preset<config::chosen<config::presets>>);
static_assert(ptq::range_estimator<config::chosen<config::range_estimators>>);
static_assert(ptq::aggregator<config::chosen<config::aggregators>>);
static_assert(ptq::plan_correction<config::chosen<config::bias_corrections>>);
static_assert(ptq::distribution_estimator<config::chosen<config::distribution_estimators>>);

TEST_CASE("each name is that of its policy") {
  CHECK(holds<ptq::preset::performance>(config::choose<config::presets>("performance", "preset")));
  CHECK(holds<ptq::preset::mixed>(config::choose<config::presets>("mixed", "preset")));
  CHECK(holds<ptq::preset::accuracy>(config::choose<config::presets>("accuracy", "preset")));
  CHECK(holds<ptq::device::any>(config::choose<config::devices>("ANY", "device")));
  CHECK(holds<ptq::device::cpu>(config::choose<config::devices>("CPU", "device")));
  CHECK(holds<ptq::device::cpu_spr>(config::choose<config::devices>("CPU_SPR", "device")));
  CHECK(holds<ptq::device::gpu>(config::choose<config::devices>("GPU", "device")));
  for (const char* const name : {"NPU", "VPU"}) {
    CHECK(holds<ptq::device::npu>(config::choose<config::devices>(name, "device")));
  }
  CHECK(holds<ptq::device::gna>(config::choose<config::devices>("GNA", "device")));
  for (const char* const name : {"GNA3", "GNA3.5"}) {
    CHECK(holds<ptq::device::gna3>(config::choose<config::devices>(name, "device")));
  }
  CHECK(holds<ptq::min>(config::choose<config::range_estimators>("min", "type")));
  CHECK(holds<ptq::max>(config::choose<config::range_estimators>("max", "type")));
  CHECK(holds<ptq::abs_max>(config::choose<config::range_estimators>("abs_max", "type")));
  CHECK(holds<ptq::quantile>(config::choose<config::range_estimators>("quantile", "type")));
  CHECK(holds<ptq::abs_quantile>(config::choose<config::range_estimators>("abs_quantile", "type")));
  CHECK(holds<ptq::default_ranges>(config::choose<config::range_presets>("default", "preset")));
  CHECK(holds<ptq::quantile_ranges>(config::choose<config::range_presets>("quantile", "preset")));
  CHECK(holds<ptq::aggregate::mean>(config::choose<config::aggregators>("mean", "aggregator")));
  CHECK(holds<ptq::aggregate::max>(config::choose<config::aggregators>("max", "aggregator")));
  CHECK(holds<ptq::aggregate::min>(config::choose<config::aggregators>("min", "aggregator")));
  CHECK(holds<ptq::aggregate::median>(config::choose<config::aggregators>("median", "aggregator")));
  CHECK(holds<ptq::aggregate::mean_no_outliers>(
      config::choose<config::aggregators>("mean_no_outliers", "aggregator")
  ));
  CHECK(holds<ptq::aggregate::median_no_outliers>(
      config::choose<config::aggregators>("median_no_outliers", "aggregator")
  ));
  CHECK(holds<ptq::aggregate::hl_estimator>(
      config::choose<config::aggregators>("hl_estimator", "aggregator")
  ));
  CHECK(holds<ptq::correction::fast_bias>(config::choose<config::bias_corrections>("fast", "bias"))
  );
  CHECK(holds<ptq::correction::full_bias>(config::choose<config::bias_corrections>("full", "bias"))
  );
  CHECK(holds<ptq::correction::exact_bias>(config::choose<config::bias_corrections>("exact", "bias")
  ));
  CHECK(holds<ptq::correction::sequential_bias>(
      config::choose<config::bias_corrections>("sequential", "bias")
  ));
  CHECK(holds<ptq::correction::verified_bias>(
      config::choose<config::bias_corrections>("verified", "bias")
  ));
  CHECK(holds<ptq::correction::none>(config::choose<config::bias_corrections>("none", "bias")));
  const auto estimator = [](const char* name) {
    return config::choose<config::distribution_estimators>(name, "estimator");
  };
  CHECK(holds<ptq::mean_squared_error>(estimator("mean_squared_error")));
  CHECK(holds<ptq::min_max>(estimator("min_max")));
  CHECK(holds<ptq::percentile>(estimator("percentile")));
  CHECK(holds<ptq::octav>(estimator("octav")));
  CHECK(holds<ptq::exact_clip>(estimator("exact_clip")));
  CHECK(holds<ptq::kl_divergence>(estimator("kl_divergence")));
}

TEST_CASE("a name that is none is refused with the names that are") {
  for (const std::string name : {"Mixed", "mixe", "mixed ", ""}) {
    try {
      static_cast<void>(config::choose<config::presets>(name, "preset"));
      FAIL("accepted: " << name);
    } catch (const ptq::error& problem) {
      CHECK(problem.option() == "preset");
      const std::string message = problem.what();
      CHECK(
          message == "`" + name +
                         "` is none of performance, mixed, accuracy: did you mean "
                         "`mixed`? (option `preset`)"
      );
    }
  }
  CHECK(
      config::names_of<config::devices>() == "ANY, CPU, CPU_SPR, GPU, NPU, VPU, GNA, GNA3, GNA3.5"
  );
}

TEST_CASE("a chosen policy does what the chosen type does") {
  const std::vector<float> values{-3.0F, 2.0F, 0.5F};
  const auto chosen = config::choose<config::range_estimators>("abs_max", "type");
  auto mine = chosen.start<float>();
  auto theirs = ptq::abs_max{}.start<float>();
  mine.observe(values);
  theirs.observe(values);
  CHECK(ptq::range_of<float>(chosen, mine) == ptq::range_of<float>(ptq::abs_max{}, theirs));
  CHECK(ptq::key_of(chosen) == ptq::key_of(ptq::abs_max{}));
  CHECK(config::choose<config::aggregators>("max", "aggregator")(values) == 2.0F);
  CHECK(config::choose<config::aggregators>("min", "aggregator")(values) == -3.0F);
  for (const auto kind : {ptq::tensor_kind::weights, ptq::tensor_kind::activations}) {
    CHECK(
        config::choose<config::presets>("mixed", "preset").prefers_accuracy(kind) ==
        ptq::preset::mixed{}.prefers_accuracy(kind)
    );
  }
  CHECK(
      config::choose<config::presets>("mixed", "a") !=
      config::choose<config::presets>("accuracy", "a")
  );
}

} // namespace
