// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/tensor_data.hpp>
#include <ptq/kernel/nibbles.hpp>
#include <ptq/lowering/rebuild.hpp>
#include <ptq/lowering/weights.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "engine/model.hpp"
#include "golden/read_golden.hpp"
#include "support/sha256.hpp"

namespace {

using namespace ptq::test;
using floats = std::vector<float>;

template <class T>
auto sha256_of(const std::vector<T>& values) -> std::string {
  return sha256({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
}

/// The constants of a model, as they are, transposed and halved, by the SHA-256 of their values.
auto constants_by_hash(const std::string& model) -> std::map<std::string, floats> {
  std::map<std::string, floats> result;
  const auto add = [&result](floats values) {
    result.emplace(sha256_of(values), values);
    for (float& value : values) {
      value *= 0.5F;
    }
    result.emplace(sha256_of(values), values);
  };
  for (const engine::node& each : engine::load(PTQ_MODELS_DIR "/" + model + ".onnx").nodes) {
    const auto* const held = std::get_if<engine::tensor>(&each.value);
    if (held == nullptr) {
      continue;
    }
    const floats values(held->data(), held->data() + held->size());
    add(values);
    if (const auto shape = engine::shape_of(*held); shape.size() == 2) {
      floats turned;
      for (std::size_t column = 0; column != shape[1]; ++column) {
        for (std::size_t row = 0; row != shape[0]; ++row) {
          turned.push_back(values[row * shape[1] + column]);
        }
      }
      add(std::move(turned));
    }
  }
  return result;
}

/// The bytes that POT stores.
auto stored(const ptq::lowered_tensor& of) -> std::string {
  const auto& codes = std::get<std::vector<std::int8_t>>(of.codes);
  if (of.bits != 4) {
    return sha256_of(codes);
  }
  std::vector<std::uint8_t> bytes(ptq::nibble_bytes(codes.size()));
  ptq::pack_nibbles(std::span<const std::int8_t>(codes), std::span(bytes));
  return sha256_of(bytes);
}

struct counts {
  std::map<std::int64_t, std::size_t> packed{}; ///< By levels.
  std::size_t without_weights = 0; ///< Of which the model has no constant: POT had changed it.
};

/// Packs each of the recorded weights on its recorded grids.
auto pack_all(const std::string& model) -> counts {
  const auto constants = constants_by_hash(model);
  counts result;
  for (const auto& [name, run] : golden_runs(model)) {
    CAPTURE(name);
    for (const golden_codes& recorded : run.codes) {
      const auto of = std::ranges::find_if(run.quantizers, [&](const golden_quantizer& each) {
        return each.quantizer.kind == ptq::tensor_kind::weights &&
               each.quantizer.consumers == recorded.consumers;
      });
      REQUIRE(of != run.quantizers.end());
      const auto found = constants.find(of->weights_sha256);
      if (found == constants.end()) {
        ++result.without_weights;
        continue;
      }
      ptq::quantizer by = of->quantizer;
      CAPTURE(by.consumers.front().node);
      if (by.format.axis) {
        by.format.axis = 0; // in POT's layout
      }
      const ptq::tensor_data weights{recorded.shape, found->second};
      const auto pot = ptq::detail::lowered_weights(
          weights, by, {.removed = ptq::zero_point_removal::of_8_bits}
      );
      CHECK(stored(pot) == recorded.sha256);
      CHECK(sha256_of(pot.scales) == recorded.scale_sha256);
      const floats none(pot.scales.size(), 0.0F);
      CHECK(pot.zero_points == (recorded.zero_points.empty() ? none : recorded.zero_points));
      CHECK(pot.bits == recorded.bits);
      // Wherever zero is, the same values come back.
      const auto ours = ptq::detail::lowered_weights(weights, by, {});
      CHECK(ptq::rebuild(ours, by.format).values == ptq::rebuild(pot, by.format).values);
      ++result.packed[by.format.grids.front().levels];
    }
  }
  return result;
}

TEST_CASE("weights are packed to the bytes, scales and zero points of POT: fashion_ds") {
  const counts found = pack_all("fashion_ds");
  CHECK(found.without_weights == 0);
  CHECK(found.packed == std::map<std::int64_t, std::size_t>{});
}

TEST_CASE("weights are packed to the bytes, scales and zero points of POT: fashion_mix") {
  const counts found = pack_all("fashion_mix");
  CHECK(found.without_weights == 0);
  CHECK(found.packed == std::map<std::int64_t, std::size_t>{});
}

TEST_CASE("weights are packed to the bytes, scales and zero points of POT: fashion_vit") {
  const counts found = pack_all("fashion_vit");
  CHECK(found.without_weights == 0);
  CHECK(found.packed == std::map<std::int64_t, std::size_t>{});
}

} // namespace
