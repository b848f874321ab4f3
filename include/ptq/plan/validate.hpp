// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/plan/plan.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <utility>

namespace ptq {

namespace detail {

inline auto entry_path(const char* list, std::size_t index, const std::string& member = {})
    -> std::string {
  return list + ("[" + std::to_string(index) + "]") + (member.empty() ? "" : "." + member);
}

inline void require_named(const std::string& name, const std::string& path) {
  if (name.empty()) {
    throw error("is empty", path);
  }
}

inline void check_grids(const uniform_format& format, std::size_t at) {
  const auto path = [&](const std::string& member) { return entry_path("quantizers", at, member); };
  if (format.bits < 1 || format.bits > 32) {
    throw error("is " + std::to_string(format.bits) + ", not in 1 .. 32", path("bits"));
  }
  if (format.grids.empty()) {
    throw error("is empty", path("in_low"));
  }
  if (!format.axis && format.grids.size() != 1) {
    throw error(
        "has " + std::to_string(format.grids.size()) + " numbers, but `axis` is null",
        path("in_low")
    );
  }
  const std::int64_t levels = format.grids.front().levels;
  if (levels < 2 || levels > (std::int64_t{1} << format.bits)) {
    throw error(
        "is " + std::to_string(levels) + ", not in 2 .. 2^" + std::to_string(format.bits),
        path("levels")
    );
  }
  for (std::size_t i = 0; i != format.grids.size(); ++i) {
    const grid& g = format.grids[i];
    const std::string index = "[" + std::to_string(i) + "]";
    for (const auto& [name, value] : std::initializer_list<std::pair<const char*, float>>{
             {"in_low", g.in_low},
             {"in_high", g.in_high},
             {"out_low", g.out_low},
             {"out_high", g.out_high}
         }) {
      if (!std::isfinite(value)) {
        throw error("is not finite", path(name + index));
      }
    }
    if (g.in_low > g.in_high) {
      throw error("is above in_high" + index, path("in_low" + index));
    }
    if (g.out_low > g.out_high) {
      throw error("is above out_high" + index, path("out_low" + index));
    }
    if (g.levels != levels) {
      throw error("differs between the channels", path("levels"));
    }
  }
}

inline void check_constant(const replaced_constant& of, std::size_t at) {
  const auto path = [&](const std::string& member) { return entry_path("constants", at, member); };
  require_named(of.tensor, path("tensor"));
  require_named(of.cause, path("cause"));
  std::size_t size = 1;
  for (const std::size_t extent : of.value.shape) {
    if (extent != 0 && size > std::numeric_limits<std::size_t>::max() / extent) {
      throw error("is too large", path("shape"));
    }
    size *= extent;
  }
  const std::span<const float> values = of.value.values;
  if (values.size() != size) {
    throw error(
        "has " + std::to_string(values.size()) + " numbers, but `shape` says " +
            std::to_string(size),
        path("values")
    );
  }
  for (std::size_t i = 0; i != values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw error("is not finite", path("values[" + std::to_string(i) + "]"));
    }
  }
}

/// A group's inputs are all quantized, and no other group has them.
inline void check_group(
    const group& of,
    std::size_t at,
    const std::set<std::pair<std::string, std::size_t>>& quantized,
    std::set<port_name>& taken
) {
  const std::string list = entry_path("groups", at, "quantizers");
  if (of.quantizers.empty()) {
    throw error("is empty", list);
  }
  for (std::size_t i = 0; i != of.quantizers.size(); ++i) {
    const port_name& port = of.quantizers[i];
    const std::string named = "input " + std::to_string(port.input) + " of `" + port.node + "`";
    if (!quantized.contains({port.node, port.input})) {
      throw error(named + " is not quantized", list);
    }
    if (i != 0 && !(of.quantizers[i - 1] < port)) {
      throw error(named + " is out of order, or there twice", list);
    }
    if (!taken.insert(port).second) {
      throw error(named + " is in another group, too", list);
    }
  }
  for (std::size_t i = 0; i != of.operations.size(); ++i) {
    require_named(
        of.operations[i], entry_path("groups", at, "operations[" + std::to_string(i) + "]")
    );
  }
}

} // namespace detail

/// Checks what can be said of a plan without its model: names are there, numbers are finite, limits
/// are in order, levels fit the bits, grids fit the axis, no input is quantized twice, values fit
/// their shape, and each input is in one group at most.
/// @throws error whose `where()` is the entry, as in `quantizers[3].in_low[0]`.
inline void validate(const plan& of) {
  std::set<std::pair<std::string, std::size_t>> seen;
  for (std::size_t at = 0; at != of.quantizers.size(); ++at) {
    const quantizer& each = *of.quantizers[at];
    detail::require_named(each.tensor, detail::entry_path("quantizers", at, "tensor"));
    const std::string consumers = detail::entry_path("quantizers", at, "consumers");
    if (each.consumers.empty()) {
      throw error("is empty", consumers);
    }
    for (std::size_t i = 0; i != each.consumers.size(); ++i) {
      const auto& [node, input] = each.consumers[i];
      const std::string here = consumers + "[" + std::to_string(i) + "]";
      detail::require_named(node, here + ".node");
      if (!seen.emplace(node, input).second) {
        throw error(
            "input " + std::to_string(input) + " of `" + node + "` is quantized twice", here
        );
      }
      if (i != 0 && each.consumers[i] < each.consumers[i - 1]) {
        throw error("is out of order: by node, then by input", here);
      }
    }
    detail::check_grids(each.format, at);
  }
  for (std::size_t at = 0; at != of.constants.size(); ++at) {
    detail::check_constant(*of.constants[at], at);
  }
  std::set<port_name> taken;
  for (std::size_t at = 0; at != of.groups.size(); ++at) {
    detail::check_group(*of.groups[at], at, seen, taken);
  }
}

} // namespace ptq
