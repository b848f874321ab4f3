// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/nearest.hpp>
#include <ptq/correction/exact_bias.hpp>
#include <ptq/correction/fast_bias.hpp>
#include <ptq/correction/full_bias.hpp>
#include <ptq/correction/none.hpp>
#include <ptq/correction/saturation_fix.hpp>
#include <ptq/correction/sequential_bias.hpp>
#include <ptq/correction/verified_bias.hpp>
#include <ptq/device/devices.hpp>
#include <ptq/preset/presets.hpp>
#include <ptq/range/aggregate.hpp>
#include <ptq/range/exact_clip.hpp>
#include <ptq/range/extremes.hpp>
#include <ptq/range/hodges_lehmann.hpp>
#include <ptq/range/kl_divergence.hpp>
#include <ptq/range/mean_squared_error.hpp>
#include <ptq/range/median.hpp>
#include <ptq/range/no_outliers.hpp>
#include <ptq/range/octav.hpp>
#include <ptq/range/one_of.hpp>
#include <ptq/range/percentile.hpp>
#include <ptq/range/quantile.hpp>
#include <ptq/range/quantile_ranges.hpp>
#include <ptq/range/ranges.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <boost/hana/for_each.hpp>
#include <boost/hana/map.hpp>
#include <boost/hana/pair.hpp>
#include <boost/hana/string.hpp>
#include <boost/hana/type.hpp>
#include <boost/hana/unpack.hpp>

/// Names of policies, for choices at run time: one map for each axis of choice.
///
/// A name is looked up in its own map and becomes a `ptq::one_of` over that axis alone, which
/// models the concept of its alternatives. No product of axes is ever compiled.
namespace ptq::config {

namespace detail {

template <class Policy>
constexpr auto named(auto name) {
  return boost::hana::make_pair(name, boost::hana::type_c<Policy>);
}

template <class Variant>
struct one_of_variant;

template <class... Policies>
struct one_of_variant<std::variant<Policies...>> {
  using type = one_of<Policies...>;
};

// A policy that goes by two names is one alternative.
template <class Map>
struct chosen_from {
  using type =
      decltype(boost::hana::unpack(boost::hana::values(std::declval<Map>()), [](auto... each) {
        using distinct = ptq::detail::distinct_variant<typename decltype(each)::type...>;
        return typename one_of_variant<distinct>::type{};
      }));
};

} // namespace detail

inline constexpr auto presets = boost::hana::make_map(
    detail::named<preset::performance>(BOOST_HANA_STRING("performance")),
    detail::named<preset::mixed>(BOOST_HANA_STRING("mixed")),
    detail::named<preset::accuracy>(BOOST_HANA_STRING("accuracy"))
);

/// Names as POT spells them.
inline constexpr auto devices = boost::hana::make_map(
    detail::named<device::any>(BOOST_HANA_STRING("ANY")),
    detail::named<device::cpu>(BOOST_HANA_STRING("CPU")),
    detail::named<device::cpu_spr>(BOOST_HANA_STRING("CPU_SPR")),
    detail::named<device::gpu>(BOOST_HANA_STRING("GPU")),
    detail::named<device::npu>(BOOST_HANA_STRING("NPU")),
    detail::named<device::npu>(BOOST_HANA_STRING("VPU")),
    detail::named<device::gna>(BOOST_HANA_STRING("GNA")),
    detail::named<device::gna3>(BOOST_HANA_STRING("GNA3")),
    detail::named<device::gna3>(BOOST_HANA_STRING("GNA3.5"))
);

inline constexpr auto range_estimators = boost::hana::make_map(
    detail::named<min>(BOOST_HANA_STRING("min")),
    detail::named<max>(BOOST_HANA_STRING("max")),
    detail::named<abs_max>(BOOST_HANA_STRING("abs_max")),
    detail::named<quantile>(BOOST_HANA_STRING("quantile")),
    detail::named<abs_quantile>(BOOST_HANA_STRING("abs_quantile"))
);

/// Estimators that see the values of all samples at once.
inline constexpr auto distribution_estimators = boost::hana::make_map(
    detail::named<mean_squared_error>(BOOST_HANA_STRING("mean_squared_error")),
    detail::named<min_max>(BOOST_HANA_STRING("min_max")),
    detail::named<percentile>(BOOST_HANA_STRING("percentile")),
    detail::named<octav>(BOOST_HANA_STRING("octav")),
    detail::named<exact_clip>(BOOST_HANA_STRING("exact_clip")),
    detail::named<kl_divergence>(BOOST_HANA_STRING("kl_divergence"))
);

inline constexpr auto aggregators = boost::hana::make_map(
    detail::named<aggregate::mean>(BOOST_HANA_STRING("mean")),
    detail::named<aggregate::max>(BOOST_HANA_STRING("max")),
    detail::named<aggregate::min>(BOOST_HANA_STRING("min")),
    detail::named<aggregate::median>(BOOST_HANA_STRING("median")),
    detail::named<aggregate::mean_no_outliers>(BOOST_HANA_STRING("mean_no_outliers")),
    detail::named<aggregate::median_no_outliers>(BOOST_HANA_STRING("median_no_outliers")),
    detail::named<aggregate::hl_estimator>(BOOST_HANA_STRING("hl_estimator"))
);

/// Which estimators and aggregators to use for which mode and granularity.
inline constexpr auto range_presets = boost::hana::make_map(
    detail::named<default_ranges>(BOOST_HANA_STRING("default")),
    detail::named<quantile_ranges>(BOOST_HANA_STRING("quantile"))
);

inline constexpr auto bias_corrections = boost::hana::make_map(
    detail::named<correction::fast_bias>(BOOST_HANA_STRING("fast")),
    detail::named<correction::full_bias>(BOOST_HANA_STRING("full")),
    detail::named<correction::exact_bias>(BOOST_HANA_STRING("exact")),
    detail::named<correction::sequential_bias>(BOOST_HANA_STRING("sequential")),
    detail::named<correction::verified_bias>(BOOST_HANA_STRING("verified")),
    detail::named<correction::none>(BOOST_HANA_STRING("none"))
);

/// The variant over all policies of a map.
template <const auto& Map>
using chosen = typename detail::chosen_from<std::remove_cvref_t<decltype(Map)>>::type;

/// The names in a map, in its order, for help texts and messages: `performance, mixed, accuracy`.
template <const auto& Map>
[[nodiscard]] auto names_of() -> std::string {
  std::string list;
  boost::hana::for_each(Map, [&list](auto pair) {
    list += (list.empty() ? "" : ", ") + std::string(boost::hana::first(pair).c_str());
  });
  return list;
}

/// The policy that goes by `name` in a map.
/// @param option  What the user set, for the message: `--preset`, `preset`.
/// @throws error that lists the names, and names the nearest, if there is no such one.
template <const auto& Map>
[[nodiscard]] auto choose(std::string_view name, const std::string& option) -> chosen<Map> {
  std::optional<chosen<Map>> found;
  boost::hana::for_each(Map, [&](auto pair) {
    if (name == boost::hana::first(pair).c_str()) {
      found = typename decltype(+boost::hana::second(pair))::type{};
    }
  });
  if (!found) {
    std::vector<std::string_view> known;
    boost::hana::for_each(Map, [&known](auto pair) {
      known.emplace_back(boost::hana::first(pair).c_str());
    });
    throw error(
        "`" + std::string(name) + "` is none of " + names_of<Map>() + ": did you mean `" +
            nearest_name(name, known) + "`?",
        {},
        option
    );
  }
  return *found;
}

} // namespace ptq::config
