// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/tensor_data.hpp>
#include <ptq/range/quantile.hpp>
#include <ptq/statistics/file.hpp>
#include <ptq/statistics/statistics.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "golden/golden_arrays.hpp"

namespace ptq::test {

/// The arrays that POT recorded, by tensor and statistic: `min`, `max` of [sample]; `ch_min`,
/// `ch_max` of [sample, channel]; `mean` of [channel]; `quantile_min`, `quantile_max` of [sample,
/// channel], at probabilities 1e-4 and 1 - 1e-4, before channel alignment; `low_quantile`,
/// `high_quantile`, `abs_quantile` of [sample], at the same, of values and of magnitudes.
struct golden_tensor {
  std::vector<std::uint64_t> shape{}; ///< Without the samples.
  std::map<std::string, tensor_data> statistics{};
};

inline auto read_golden_tensors(const std::string& model = "fashion_ds")
    -> std::map<std::string, golden_tensor> {
  const std::string path = golden_folder + model + ".statistics";
  const nlohmann::json document = nlohmann::json::parse(read_file(path + ".json"));
  const golden_arrays arrays(path + ".npy", document.at("arrays"));
  std::map<std::string, golden_tensor> result;
  for (const auto& [name, entry] : document.at("tensors").items()) {
    golden_tensor& tensor = result[name];
    for (const auto& [statistic, value] : entry.items()) {
      if (statistic == "shape") {
        tensor.shape = value.template get<std::vector<std::uint64_t>>();
      } else {
        tensor.statistics[statistic] = {
            value.at("shape").template get<std::vector<std::size_t>>(), arrays.at(value.at("of"))
        };
      }
    }
  }
  return result;
}

/// The same as the library's calibration would have kept it, for all algorithms at once.
/// @param count  Samples, the first ones.
inline auto golden_statistics(const std::string& model = "fashion_ds", std::size_t count = 300)
    -> statistics {
  statistics result;
  for (const auto& [name, tensor] : read_golden_tensors(model)) {
    const auto pairs = [&](const std::string& prefix, const std::string& key) {
      const auto low = tensor.statistics.find(prefix + "min");
      if (low == tensor.statistics.end()) {
        return;
      }
      const tensor_data& high = tensor.statistics.at(prefix + "max");
      const std::size_t samples = low->second.shape.at(0);
      const std::size_t channels = low->second.values.size() / samples;
      for (std::size_t s = 0; s != count; ++s) {
        std::vector<float> numbers;
        for (const tensor_data* side : {&low->second, &high}) {
          const auto first = side->values.begin() + static_cast<std::ptrdiff_t>(s * channels);
          numbers.insert(numbers.end(), first, first + static_cast<std::ptrdiff_t>(channels));
        }
        result.record({name, key}, s, std::move(numbers));
      }
    };
    pairs("", "extremes");
    pairs("ch_", "extremes/1");
    if (const auto high = tensor.statistics.find("high_quantile");
        high != tensor.statistics.end()) {
      const std::vector<float>& lows = tensor.statistics.at("low_quantile").values;
      const std::vector<float>& of_magnitudes = tensor.statistics.at("abs_quantile").values;
      for (std::size_t s = 0; s != count; ++s) {
        result.record({name, quantile{}.key()}, s, {lows[s], high->second.values[s]});
        result.record({name, abs_quantile{}.key()}, s, {-of_magnitudes[s], of_magnitudes[s]});
      }
    }
    if (const auto mean = tensor.statistics.find("mean"); mean != tensor.statistics.end()) {
      // Recorded over all samples. The sum of equal numbers is exact, and so is its quotient.
      for (std::size_t s = 0; s != count; ++s) {
        result.add({name, "mean/1"}, mean->second.values);
        result.add({name, "mean/last"}, mean->second.values);
      }
    }
    for (std::size_t s = 0; s != count; ++s) {
      result.note_shape(name, tensor.shape);
    }
  }
  result.see(0, count);
  return result;
}

} // namespace ptq::test
