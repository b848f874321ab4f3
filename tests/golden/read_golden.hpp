// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/tensor_data.hpp>
#include <ptq/json/read.hpp>
#include <ptq/json/text.hpp>
#include <ptq/plan/quantizer.hpp>
#include <ptq/statistics/file.hpp>
#include <ptq/statistics/statistics.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// What POT 2023.3 did, as `scripts/golden/convert.py` wrote it.
namespace ptq::test {

inline const std::string golden_folder = PTQ_TESTS_DIR "/golden/data/";

inline const std::vector<std::string> golden_configurations{
    "performance",
    "mixed",
    "accuracy",
    "mixed_cpu",
    "performance_cpu_sat_first_layer",
    "performance_cpu_sat_all",
    "performance_cpu_sat_no",
    "mixed_cpu_sat_all",
    "mixed_wpertensor",
    "performance_wpertensor"
};

/// `quantizer.tensor` is empty for weights: they are known by their consumer. The mode is not
/// recorded.
struct golden_quantizer {
  ptq::quantizer quantizer{};
  std::string weights_sha256{}; ///< Of the float32 values, halved where POT halved them.
};

struct golden_bias {
  std::string node{};
  bool skipped = false; ///< By the threshold.
  std::vector<float> before{};
  std::vector<float> after{};
};

struct golden_codes {
  std::string node{};
  std::vector<std::size_t> shape{};
  std::vector<std::int8_t> first16{};
  std::int64_t sum = 0;
  std::string sha256{};
  std::vector<float> scale_first8{};
  std::string scale_sha256{};
  std::vector<float> zero_points{}; ///< One, or one for each channel; empty if all are 0.
};

struct golden_run {
  std::string configuration{};
  std::string preset{};
  std::string device{};
  std::string saturation_fix{}; ///< Empty: not given.
  float top1_float = 0.0F;
  float top1_emulated = 0.0F;
  float top1_int8 = 0.0F;
  std::vector<golden_quantizer> quantizers{};
  std::vector<golden_bias> biases{};
  std::vector<std::string> halved{}; ///< Nodes whose weights the saturation fix halved.
  std::vector<golden_codes> codes{};
};

namespace detail {

using golden_member = json::member<json::float_json>;

inline auto read_golden_quantizer(const golden_member& from) -> golden_quantizer {
  golden_quantizer result;
  quantizer& q = result.quantizer;
  q.kind = from["kind"].choice<tensor_kind>(
      {{"weights", tensor_kind::weights}, {"activations", tensor_kind::activations}}
  );
  q.tensor = from["tensor"].is_null() ? "" : from["tensor"].string();
  from["consumers"].for_each([&](const golden_member& each) {
    q.consumers.push_back({each["node"].string(), each["input"].index()});
  });
  if (!from["axis"].is_null()) {
    q.format.axis = from["axis"].index();
  }
  const std::vector<float> limits[4]{
      from["in_low"].numbers(),
      from["in_high"].numbers(),
      from["out_low"].numbers(),
      from["out_high"].numbers()
  };
  for (std::size_t c = 0; c != limits[0].size(); ++c) {
    q.format.grids.push_back(
        {limits[0][c],
         limits[1].at(c),
         limits[2].at(c),
         limits[3].at(c),
         from["levels"].integer(2, 65'536)}
    );
  }
  if (q.kind == tensor_kind::weights) {
    result.weights_sha256 = from["weights_sha256"].string();
  }
  return result;
}

inline auto read_golden_codes(const golden_member& from) -> golden_codes {
  golden_codes result{.node = from["node"].string()};
  from["shape"].for_each([&](const golden_member& each) { result.shape.push_back(each.index()); });
  const golden_member codes = from["codes"];
  codes["first16"].for_each([&](const golden_member& each) {
    result.first16.push_back(static_cast<std::int8_t>(each.integer(-128, 127)));
  });
  result.sum = codes["sum"].integer(-1'000'000'000, 1'000'000'000);
  result.sha256 = codes["sha256"].string();
  result.scale_first8 = from["scale"]["first8"].numbers();
  result.scale_sha256 = from["scale"]["sha256_f32"].string();
  if (!from["zero_point"].is_null()) {
    result.zero_points = from["zero_point"]["values"].numbers();
  }
  return result;
}

} // namespace detail

inline auto read_golden(const std::string& configuration) -> golden_run {
  using detail::golden_member;
  const std::string path = golden_folder + "fashion_ds." + configuration + ".json";
  const json::float_json document = json::parse(read_file(path));
  const golden_member from(document, "");
  golden_run result{.configuration = from["configuration"].string()};
  from["config"]["algorithms"].for_each([&](const golden_member& algorithm) {
    const golden_member parameters = algorithm["params"];
    result.preset = parameters["preset"].string();
    result.device = parameters["target_device"].string();
    const auto& given = document["config"]["algorithms"][0]["params"];
    result.saturation_fix = given.value("saturation_fix", "");
  });
  result.top1_float = from["top1"]["fp32"].number();
  result.top1_emulated = from["top1"]["quantized_emulated"].number();
  result.top1_int8 = from["top1"]["quantized_int8_kernels"].number();
  from["quantizers"].for_each([&](const golden_member& each) {
    result.quantizers.push_back(detail::read_golden_quantizer(each));
  });
  from["biases"].for_each([&](const golden_member& each) {
    result.biases.push_back(
        {.node = each["node"].string(),
         .skipped = document["biases"][result.biases.size()]["skipped"].get<bool>(),
         .before = each["before"].numbers(),
         .after = each["after"].numbers()}
    );
  });
  from["halved"].for_each([&](const golden_member& each) { result.halved.push_back(each.string()); }
  );
  from["codes"].for_each([&](const golden_member& each) {
    result.codes.push_back(detail::read_golden_codes(each));
  });
  return result;
}

/// An array of float32, row-major; nothing else is read.
inline auto read_npy(const std::string& path) -> tensor_data {
  const std::string bytes = read_file(path);
  if (bytes.size() < 10 || bytes.compare(0, 6, "\x93NUMPY") != 0) {
    throw std::runtime_error(path + " is no .npy file");
  }
  const auto length = static_cast<std::size_t>(static_cast<unsigned char>(bytes[8])) +
                      256U * static_cast<unsigned char>(bytes[9]);
  const std::string header = bytes.substr(10, length);
  if (header.find("'<f4'") == std::string::npos ||
      header.find("'fortran_order': False") == std::string::npos) {
    throw std::runtime_error(path + " does not hold float32 in row-major order");
  }
  tensor_data result;
  std::size_t size = 1;
  const std::size_t close = header.find(')');
  for (std::size_t at = header.find('(') + 1; at < close; at = header.find(',', at) + 1) {
    if (header.find_first_of("0123456789", at) > close) {
      break;
    }
    result.shape.push_back(std::stoul(header.substr(at)));
    size *= result.shape.back();
    if (header.find(',', at) > close) {
      break;
    }
  }
  if (bytes.size() != 10 + length + size * sizeof(float)) {
    throw std::runtime_error(path + " is shorter or longer than its header says");
  }
  result.values.resize(size);
  std::memcpy(result.values.data(), bytes.data() + 10 + length, size * sizeof(float));
  return result;
}

/// The arrays that POT recorded, by tensor and statistic: `min`, `max` of [sample]; `ch_min`,
/// `ch_max` of [sample, channel]; `mean` of [channel].
struct golden_tensor {
  std::vector<std::uint64_t> shape{}; ///< Without the samples.
  std::map<std::string, tensor_data> statistics{};
};

inline auto read_golden_tensors() -> std::map<std::string, golden_tensor> {
  const std::string folder = golden_folder + "fashion_ds.statistics/";
  const json::float_json document = json::parse(read_file(folder + "index.json"));
  std::map<std::string, golden_tensor> result;
  for (const auto& [name, entry] : document.at("tensors").items()) {
    golden_tensor& tensor = result[name];
    for (const auto& [statistic, value] : entry.items()) {
      if (statistic == "shape") {
        tensor.shape = value.template get<std::vector<std::uint64_t>>();
      } else {
        tensor.statistics[statistic] = read_npy(folder + value.template get<std::string>());
      }
    }
  }
  return result;
}

/// The same as the library's calibration would have kept it, for all algorithms at once.
inline auto golden_statistics() -> statistics {
  constexpr std::size_t count = 300;
  statistics result;
  for (const auto& [name, tensor] : read_golden_tensors()) {
    const auto pairs = [&](const std::string& prefix, const std::string& key) {
      const auto low = tensor.statistics.find(prefix + "min");
      if (low == tensor.statistics.end()) {
        return;
      }
      const tensor_data& high = tensor.statistics.at(prefix + "max");
      const std::size_t samples = low->second.shape.at(0);
      const std::size_t channels = low->second.values.size() / samples;
      for (std::size_t s = 0; s != samples; ++s) {
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
