// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/correction/concept.hpp>
#include <ptq/device/table.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/preset/presets.hpp>
#include <ptq/range/concept.hpp>
#include <ptq/scheme/concept.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "support/archetypes.hpp"

/// Policies that model exactly one concept each: what the library uses beyond the concept does not
/// compile with them.
namespace ptq::test {

/// A regular value and nothing else.
class regular_archetype {
public:
  regular_archetype() = default;

  explicit regular_archetype(int number) : number_(number) {}

  void operator&() const = delete;

  friend auto operator==(const regular_archetype&, const regular_archetype&) -> bool = default;

protected:
  int number_ = 0;
};

class range_estimator_archetype : public regular_archetype {
public:
  using regular_archetype::regular_archetype;

  class estimation {
  public:
    explicit estimation(float first) : most_(first) {}

    void operator&() const = delete;

    void observe(std::span<const float> values) {
      for (const float value : values) {
        most_ = std::max(most_, value);
      }
    }

    auto range() const -> value_range<float> { return {-most_, most_}; }

  private:
    float most_;
  };

  template <class T>
    requires std::same_as<T, float>
  auto start() const -> estimation {
    return estimation(static_cast<float>(number_));
  }

  auto key() const -> convertible_archetype<std::string> {
    return convertible_archetype("archetype " + std::to_string(number_));
  }
};

class aggregator_archetype : public regular_archetype {
public:
  using regular_archetype::regular_archetype;

  auto operator()(std::span<const float> values) const -> convertible_archetype<float> {
    return convertible_archetype(values.back());
  }
};

class scheme_archetype : public regular_archetype {
public:
  using regular_archetype::regular_archetype;

  auto grids(std::span<const value_range<float>> ranges, const scheme_request& request) const
      -> std::vector<grid> {
    std::vector<grid> result;
    for (const value_range<float>& range : ranges) {
      const float high = std::max(range.high, 1e-3F);
      result.push_back({.in_low = -high, .in_high = high, .levels = request.levels});
    }
    return result;
  }
};

/// Default constructible and copyable, but not even equality comparable.
class device_archetype {
public:
  device_archetype() = default;
  void operator&() const = delete;

  auto rules() const -> convertible_archetype<std::span<const device_rule>> {
    static constexpr std::array list{quantizes(
        op::matmul,
        {.activations = {8, symmetric, per_tensor}, .weights = {8, symmetric, per_channel}}
    )};
    return convertible_archetype(std::span<const device_rule>(list));
  }
};

class preset_archetype : public regular_archetype {
public:
  using regular_archetype::regular_archetype;

  auto prefers_accuracy(tensor_kind /*kind*/) const -> convertible_archetype<bool> {
    return convertible_archetype(false);
  }
};

class correction_archetype : public regular_archetype {
public:
  using regular_archetype::regular_archetype;

  auto operator()(const correction_context& /*context*/, const plan& before) const -> plan {
    return before;
  }
};

/// Hears notes and nothing else, and cannot be copied.
class observer_archetype {
public:
  observer_archetype() = default;
  observer_archetype(const observer_archetype&) = delete;
  void operator&() const = delete;

  void on_note(const note& what) { last = what.message; }

  std::string last;
};

} // namespace ptq::test
