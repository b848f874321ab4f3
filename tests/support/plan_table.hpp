// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/group.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace ptq::test {

/// What every plan of a model gets right, with what a search asks of an engine besides.
///
/// A plan is a number: bit g is set if group g is reverted to float.
///
/// The file: lines of text, which end with `data`; then the float model's outputs, float32
/// [sample][class]; the labels, a byte each; for each group the outputs with that group alone
/// quantized, float32 [sample of `shown`][class]; and for each sample a byte, 0 or 1 if all plans
/// get it wrong or right, else 2, and behind it a bit for each plan, the lowest first. Numbers are
/// little-endian.
struct plan_table {
  struct port {
    port_name name{};
    bool weights = false;
  };

  struct member {
    std::vector<std::string> operations{};
    std::vector<port> ports{};
  };

  std::vector<member> groups{};
  std::size_t samples = 0;
  std::size_t classes = 0;
  std::vector<std::size_t> shown{};        ///< Samples of which `alone` has the outputs.
  std::vector<float> in_float{};           ///< `[sample][class]`
  std::vector<std::size_t> labels{};       ///< By sample.
  std::vector<std::vector<float>> alone{}; ///< By group: `[sample of shown][class]`.
  std::vector<std::vector<bool>> right{};  ///< `[plan][sample]`: is the label the best class?

  [[nodiscard]] auto plans() const -> std::size_t { return std::size_t{1} << groups.size(); }

  [[nodiscard]] auto everything() const -> std::size_t { return plans() - 1; }

  [[nodiscard]] auto top1(std::size_t plan) const -> double {
    return static_cast<double>(std::ranges::count(right.at(plan), true)) /
           static_cast<double>(samples);
  }

  /// Of top-1, from the float model's.
  [[nodiscard]] auto drop(std::size_t plan) const -> double {
    return top1(everything()) - top1(plan);
  }

  [[nodiscard]] auto operations(std::size_t plan) const -> std::size_t {
    std::size_t result = 0;
    for (std::size_t g = 0; g != groups.size(); ++g) {
      result += (plan >> g & 1U) != 0 ? groups[g].operations.size() : 0U;
    }
    return result;
  }

  /// The fewest operations that any plan within the limit reverts.
  [[nodiscard]] auto fewest(double limit) const -> std::size_t {
    std::size_t result = std::numeric_limits<std::size_t>::max();
    for (std::size_t plan = 0; plan != plans(); ++plan) {
      if (drop(plan) <= limit + 1e-9) { // far below the share of one sample
        result = std::min(result, operations(plan));
      }
    }
    return result;
  }

  /// A plan with everything quantized. Its grids mean nothing.
  [[nodiscard]] auto start() const -> plan {
    plan result;
    for (const member& each : groups) {
      group made{.operations = each.operations};
      for (const port& at : each.ports) {
        result.quantizers.emplace_back(quantizer{
            .tensor = at.name.node + ":" + std::to_string(at.name.input),
            .kind = at.weights ? tensor_kind::weights : tensor_kind::activations,
            .consumers = {at.name},
            .format = {.grids = {grid{.in_low = -1.0F, .in_high = 1.0F}}}
        });
        made.quantizers.push_back(at.name);
      }
      result.groups.emplace_back(std::move(made));
    }
    return result;
  }

  /// The number of a plan in which groups of `start()` were reverted.
  [[nodiscard]] auto number_of(const plan& under) const -> std::size_t {
    std::size_t result = 0;
    for (std::size_t g = 0; g != groups.size(); ++g) {
      const port_name& first = groups[g].ports.front().name;
      result |= under.input(first.node, first.input) == nullptr ? std::size_t{1} << g : 0U;
    }
    return result;
  }
};

namespace detail {

inline auto number_in(std::span<const char> bytes) -> std::uint32_t {
  std::uint32_t result = 0;
  for (std::size_t i = bytes.size(); i-- != 0;) {
    result = result << 8U | static_cast<unsigned char>(bytes[i]);
  }
  return result;
}

inline void put_floats(std::string& to, std::span<const float> values) {
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (unsigned shift = 0; shift != 32; shift += 8) {
      to += static_cast<char>(bits >> shift & 255U);
    }
  }
}

/// Takes bytes from a file, or throws.
inline auto taken(std::istream& from, std::size_t count) -> std::vector<char> {
  std::vector<char> result(count);
  if (!from.read(result.data(), static_cast<std::streamsize>(count))) {
    throw std::runtime_error("a table of plans ends early");
  }
  return result;
}

inline auto taken_floats(std::istream& from, std::size_t count) -> std::vector<float> {
  const std::vector<char> bytes = taken(from, 4 * count);
  std::vector<float> result;
  for (std::size_t i = 0; i != count; ++i) {
    result.push_back(std::bit_cast<float>(number_in(std::span(bytes).subspan(4 * i, 4))));
  }
  return result;
}

} // namespace detail

inline void write_plan_table(const plan_table& of, const std::string& path) {
  std::string text = "plans of a model, version 1\n" + std::to_string(of.samples) + " samples\n" +
                     std::to_string(of.classes) + " classes\n" + std::to_string(of.shown.size()) +
                     " shown";
  for (const std::size_t sample : of.shown) {
    text += ' ' + std::to_string(sample);
  }
  text += '\n' + std::to_string(of.groups.size()) + " groups\n";
  for (const plan_table::member& each : of.groups) {
    text += std::to_string(each.operations.size()) + " operations";
    for (const std::string& name : each.operations) {
      text += ' ' + name;
    }
    text += ' ' + std::to_string(each.ports.size()) + " quantizers";
    for (const plan_table::port& at : each.ports) {
      text += ' ' + at.name.node + ' ' + std::to_string(at.name.input) +
              (at.weights ? " weights" : " activations");
    }
    text += '\n';
  }
  text += "data\n";
  detail::put_floats(text, of.in_float);
  for (const std::size_t label : of.labels) {
    text += static_cast<char>(label);
  }
  for (const std::vector<float>& each : of.alone) {
    detail::put_floats(text, each);
  }
  for (std::size_t s = 0; s != of.samples; ++s) {
    std::string bits(of.plans() / 8, '\0');
    std::size_t count = 0;
    for (std::size_t plan = 0; plan != of.plans(); ++plan) {
      const bool yes = of.right[plan][s];
      count += yes ? 1U : 0U;
      const auto before = static_cast<unsigned char>(bits.at(plan / 8));
      bits[plan / 8] = static_cast<char>(before | (yes ? 1U : 0U) << plan % 8);
    }
    const bool varies = count != 0 && count != of.plans();
    text += static_cast<char>(varies ? 2 : count == 0 ? 0 : 1);
    text += varies ? bits : "";
  }
  std::ofstream to(path, std::ios::binary);
  if (!(to << text).flush()) {
    throw std::runtime_error(path + " cannot be written");
  }
}

/// @throws runtime_error for what is no such table.
inline auto read_plan_table(const std::string& path) -> plan_table {
  std::ifstream from(path, std::ios::binary);
  std::string line;
  if (!std::getline(from, line) || line != "plans of a model, version 1") {
    throw std::runtime_error(path + " is no table of plans");
  }
  plan_table result;
  std::string word;
  std::size_t count = 0;
  from >> result.samples >> word >> result.classes >> word >> count >> word;
  result.shown.resize(count);
  for (std::size_t& sample : result.shown) {
    from >> sample;
  }
  from >> count >> word;
  result.groups.resize(count);
  for (plan_table::member& each : result.groups) {
    from >> count >> word;
    each.operations.resize(count);
    for (std::string& name : each.operations) {
      from >> name;
    }
    from >> count >> word;
    each.ports.resize(count);
    for (plan_table::port& at : each.ports) {
      from >> at.name.node >> at.name.input >> word;
      at.weights = word == "weights";
    }
  }
  from >> word;
  if (!from || word != "data" || from.get() != '\n' || result.groups.size() < 3) {
    throw std::runtime_error(path + " is no table of plans");
  }
  result.in_float = detail::taken_floats(from, result.samples * result.classes);
  for (const char label : detail::taken(from, result.samples)) {
    result.labels.push_back(static_cast<unsigned char>(label));
  }
  for (std::size_t g = 0; g != result.groups.size(); ++g) {
    result.alone.push_back(detail::taken_floats(from, result.shown.size() * result.classes));
  }
  result.right.assign(result.plans(), std::vector<bool>(result.samples));
  for (std::size_t s = 0; s != result.samples; ++s) {
    const char kind = detail::taken(from, 1).front();
    const std::vector<char> bits = detail::taken(from, kind == 2 ? result.plans() / 8 : 0);
    for (std::size_t plan = 0; plan != result.plans(); ++plan) {
      const bool set =
          kind == 2 && (static_cast<unsigned char>(bits[plan / 8]) >> plan % 8 & 1) != 0;
      result.right[plan][s] = kind == 1 || set;
    }
  }
  return result;
}

} // namespace ptq::test
