// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/tensor_data.hpp>
#include <ptq/statistics/file.hpp>

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace ptq::test {

inline const std::string golden_folder = PTQ_TESTS_DIR "/golden/data/";

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

/// Arrays that lie one behind the other in a file. In the JSON beside it an array is the number
/// under which it lies there, or its few numbers themselves.
class golden_arrays {
public:
  golden_arrays(const std::string& path, const nlohmann::json& lengths) {
    const std::vector<float> all = read_npy(path).values;
    auto next = all.begin();
    for (const nlohmann::json& length : lengths) {
      const auto size = length.get<std::ptrdiff_t>();
      if (size > all.end() - next) {
        throw std::runtime_error(path + " is shorter than its arrays");
      }
      arrays_.emplace_back(next, next + size);
      next += size;
    }
    if (next != all.end()) {
      throw std::runtime_error(path + " is longer than its arrays");
    }
  }

  [[nodiscard]] auto at(const nlohmann::json& kept) const -> std::vector<float> {
    return kept.is_array() ? kept.get<std::vector<float>>() : arrays_.at(kept.get<std::size_t>());
  }

private:
  std::vector<std::vector<float>> arrays_;
};

} // namespace ptq::test
