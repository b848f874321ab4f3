// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/core/flow.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/core/tensor_ref.hpp>
#include <ptq/core/tensor_view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>

namespace ptq::detail {

/// What one tensor looked like for one sample: a fingerprint, not the values.
struct look {
  std::uint64_t hash = 0xcbf29ce484222325U;
  std::size_t channels = 1;
  float low = std::numeric_limits<float>::infinity();
  float high = -std::numeric_limits<float>::infinity();
  bool finite = true;

  friend auto operator==(const look& a, const look& b) -> bool { return a.hash == b.hash; }
};

inline void look_at(const tensor_view& view, look& result) {
  const auto mix = [&](std::uint64_t value) {
    result.hash = (result.hash ^ value) * 0x100000001b3U;
    result.hash ^= result.hash >> 29U;
  };
  const std::size_t width = size_of(view.type());
  for (const dimension& d : view.dimensions()) {
    mix(d.extent);
  }
  result.channels = view.rank() > 1 ? view.extent(1) : 1;
  for_each_element(view, [&](const std::byte* at) {
    std::uint64_t bits = 0;
    for (std::size_t b = 0; b != width; ++b) {
      bits = bits << 8U | std::to_integer<std::uint64_t>(at[b]);
    }
    mix(bits);
    const float value = element_at(at, view.type());
    result.finite = result.finite && std::isfinite(value);
    result.low = std::min(result.low, value);
    result.high = std::max(result.high, value);
  });
}

/// Remembers how each tensor looked for each sample; serves as the sink of a `show_ref`.
template <class Id>
class record {
public:
  using key = std::pair<tensor_ref<Id>, std::size_t>;

  auto operator()(const samples& batch, tensor_ref<Id> tensor, const tensor_view& view) -> flow {
    if (view.data() == nullptr && view.size() != 0) {
      misshapen.emplace(tensor, "no memory");
    } else if (view.rank() == 0 || view.extent(0) != batch.size()) {
      misshapen.emplace(tensor, "shape " + shape_text(view));
    } else {
      for (std::size_t i = 0; i != batch.size(); ++i) {
        look_at(view.at(0, i), seen[{tensor, batch[i]}]);
      }
    }
    return more;
  }

  std::map<key, look> seen;
  std::map<tensor_ref<Id>, std::string> misshapen;
};

} // namespace ptq::detail
