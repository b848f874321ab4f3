// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/lowering/lower.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <variant>

#include "golden/comparing.hpp"
#include "support/sha256.hpp"

namespace ptq::test {

namespace {

/// Two codes in a byte, the first in the low half.
auto nibbles(const std::vector<std::int8_t>& codes) -> std::vector<std::int8_t> {
  std::vector<std::int8_t> result((codes.size() + 1) / 2);
  for (std::size_t i = 0; i != codes.size(); ++i) {
    const int half = (codes[i] & 15) << (i % 2 == 0 ? 0 : 4);
    result[i / 2] = static_cast<std::int8_t>(result[i / 2] | half);
  }
  return result;
}

/// How many codes differ from POT's by one where on POT's grid the weight lies so near the half
/// between two codes that the last bits of the limits decide; empty if one differs otherwise.
auto codes_on_halves(
    const comparing& with,
    const lowered_tensor& mine,
    const golden_codes& recorded,
    const golden_quantizer& by
) -> std::optional<std::size_t> {
  const tensor_data weights = with.constant(mine.name);
  const std::vector<std::int8_t>& own = std::get<std::vector<std::int8_t>>(mine.codes);
  const std::vector<grid>& grids = by.quantizer.format.grids;
  if (recorded.transposed || recorded.bits != 8 || by.quantizer.format.axis.value_or(0) != 0) {
    return std::nullopt;
  }
  const lowered_tensor pot = ptq::detail::lowered_weights(
      weights, by.quantizer, {.removed = zero_point_removal::of_8_bits}
  );
  const std::vector<std::int8_t>& theirs = std::get<std::vector<std::int8_t>>(pot.codes);
  if (sha256(bytes_of(theirs)) != recorded.sha256 || theirs.size() != own.size()) {
    return std::nullopt;
  }
  std::size_t found = 0;
  for (std::size_t i = 0; i != own.size(); ++i) {
    if (own[i] == theirs[i]) {
      continue;
    }
    const grid& on = grids[i / (own.size() / grids.size())];
    const double width = static_cast<double>(on.in_high) - static_cast<double>(on.in_low);
    const double level = (static_cast<double>(weights.values[i]) - static_cast<double>(on.in_low)) /
                         width * static_cast<double>(on.levels - 1);
    if (std::abs(own[i] - theirs[i]) != 1 || !(std::abs(std::fmod(level, 1.0) - 0.5) <= 1e-5)) {
      return std::nullopt;
    }
    ++found;
  }
  return found;
}

auto compare_codes_of(
    comparing& with,
    const lowered_tensor& mine,
    const golden_codes& recorded,
    const golden_quantizer& by
) -> bool {
  const std::string& node = recorded.consumers.front().node;
  const std::size_t before = with.result.differences.size();
  std::vector<std::int8_t> codes = std::get<std::vector<std::int8_t>>(mine.codes);
  std::vector<std::size_t> shape = mine.shape;
  if (recorded.transposed) {
    codes = exchanged(codes, shape);
    std::ranges::reverse(shape);
  }
  if (shape != recorded.shape) {
    with.differ("the codes of ", node, " are of another shape");
  }
  if (sha256(bytes_of(recorded.bits == 4 ? nibbles(codes) : codes)) != recorded.sha256) {
    if (const auto halves = codes_on_halves(with, mine, recorded, by)) {
      with.result.codes_on_halves += *halves;
    } else {
      with.differ("the codes of ", node, " are not POT's");
    }
  }
  // All scales of POT: the recorded limits give them to the bit, in float32 as POT reckoned.
  std::vector<float> scales;
  for (const grid& each : by.quantizer.format.grids) {
    scales.push_back((each.out_high - each.out_low) / static_cast<float>(each.levels - 1));
  }
  if (sha256(bytes_of(scales)) != recorded.scale_sha256) {
    with.differ("the recorded scales of ", node, " do not follow from its limits");
  }
  if (mine.scales.size() != scales.size() || mine.zero_points.size() != scales.size()) {
    with.differ("the scales of ", node, " are ", mine.scales.size(), ", in POT ", scales.size());
    return false;
  }
  double scale = 0.0;
  double zero_point = 0.0;
  for (std::size_t c = 0; c != scales.size(); ++c) {
    const float zero = recorded.zero_points.empty() ? 0.0F : recorded.zero_points.at(c);
    scale = std::max(
        scale, std::abs(static_cast<double>(mine.scales[c]) / static_cast<double>(scales[c]) - 1.0)
    );
    zero_point = std::max(
        zero_point, std::abs(static_cast<double>(mine.zero_points[c]) - static_cast<double>(zero))
    );
  }
  if (!(scale <= 1e-6)) {
    with.differ("a scale of ", node, " is off by ", scale, " of itself");
  }
  if (!(zero_point <= 1e-4)) {
    with.differ("a zero point of ", node, " is off by ", zero_point);
  }
  if (expected_mode(with.run, tensor_kind::weights) == symmetric &&
      sha256(bytes_of(mine.scales)) != recorded.scale_sha256) {
    with.differ("the scales of ", node, " are not POT's to the bit");
  }
  return with.result.differences.size() == before;
}

} // namespace

void compare_codes(comparing& with, const std::vector<lowered_tensor>& lowered) {
  std::size_t integers = 0;
  std::map<port_name, const lowered_tensor*> weights;
  for (const lowered_tensor& each : lowered) {
    if (std::holds_alternative<std::vector<std::int8_t>>(each.codes)) {
      ++integers;
      for (const auto& by : with.mine.quantizers) {
        if (by->kind == tensor_kind::weights && by->tensor == each.name) {
          for (const port_name& port : by->consumers) {
            weights[port] = &each;
          }
        }
      }
    }
  }
  std::size_t moved = 0;
  for (const golden_codes& each : with.run.codes) {
    const golden_quantizer* const by = with.quantizer_of(each.consumers);
    if (by != nullptr && by->of_moved_scale) {
      ++moved;
      continue;
    }
    if (with.is_recorded_in_part(each.consumers.front().node)) {
      continue;
    }
    ++with.result.codes;
    const auto mine = weights.find(each.consumers.front());
    if (by == nullptr || mine == weights.end()) {
      with.differ(each.consumers.front().node, " has no integer weights here");
    } else if (compare_codes_of(with, *mine->second, each, *by)) {
      ++with.result.equal_codes;
    }
  }
  // All have codes, those too that are not compared.
  if (integers != with.run.codes.size() - moved) {
    with.differ(integers, " constants have codes, in POT ", with.run.codes.size() - moved);
  }
}

} // namespace ptq::test
