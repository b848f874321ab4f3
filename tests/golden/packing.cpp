// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/tensor_data.hpp>
#include <ptq/lowering/rebuild.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/model.hpp"
#include "golden/packed.hpp"

namespace {

using namespace ptq::test;

auto sha256_of(const std::vector<float>& values) -> std::string {
  return sha256({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
}

/// The constants of a model, and the same halved, by the SHA-256 of their values.
auto constants_by_hash() -> std::map<std::string, std::vector<float>> {
  std::map<std::string, std::vector<float>> result;
  for (const engine::node& each : engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx").nodes) {
    if (const auto* held = std::get_if<engine::tensor>(&each.value)) {
      std::vector<float> values(held->data(), held->data() + held->size());
      result.emplace(sha256_of(values), values);
      for (float& value : values) {
        value *= 0.5F;
      }
      result.emplace(sha256_of(values), values);
    }
  }
  return result;
}

TEST_CASE("weights are packed to the bytes that POT packed, whatever bits and mode") {
  const auto constants = constants_by_hash();
  const auto recorded = read_recorded_packing("fashion_ds");
  CHECK(recorded.size() == 110);
  std::set<std::int64_t> levels;
  for (const recorded_packing& each : recorded) {
    CAPTURE(each.configuration);
    CAPTURE(each.by.tensor);
    const auto found = constants.find(each.weights_sha256);
    REQUIRE(found != constants.end());
    const ptq::tensor_data weights{each.shape, found->second};
    const ptq::lowered_tensor lowered = lowered_as_pot(each, weights);
    CHECK(sha256_of_codes(lowered) == each.codes_sha256);
    CHECK(std::ranges::all_of(lowered.zero_points, [](float zero) {
            return zero == 0.0F;
          }) == each.zero_point_removed);
    CHECK(
        ptq::rebuild(lowered, each.by.format).values ==
        ptq::rebuild(ptq::detail::lowered_weights(weights, each.by, {}), each.by.format).values
    );
    levels.insert(each.by.format.grids.front().levels);
  }
  CHECK(levels == std::set<std::int64_t>{15, 16, 63, 255, 256});
}

} // namespace
