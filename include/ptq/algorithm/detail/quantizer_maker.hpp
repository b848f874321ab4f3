// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/clip.hpp>
#include <ptq/calibration/energies.hpp>
#include <ptq/calibration/ranges.hpp>
#include <ptq/calibration/weight_ranges.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/placement/sites.hpp>
#include <ptq/plan/plan.hpp>
#include <ptq/range/ranges.hpp>
#include <ptq/scheme/concept.hpp>
#include <ptq/scheme/unified_range.hpp>
#include <ptq/statistics/statistics.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace ptq::detail {

template <class S>
concept says_when_to_unify = requires(const S& policy) {
  { policy.unification } -> std::convertible_to<ptq::unification>;
};

/// From the places of quantizers and statistics to quantizers.
template <class Ranges, class Schemes>
class quantizer_maker {
public:
  /// All must outlive it.
  quantizer_maker(
      const Ranges& by, const Schemes& with, const topology& in, const statistics& collected
  )
      : ranges_(&by), schemes_(&with), in_(&in), collected_(&collected) {}

  /// @param prepared  Holds the constants that corrections replaced.
  [[nodiscard]] auto operator()(const quantizer_site& site, const plan& prepared) const
      -> quantizer {
    const topology& in = *in_;
    const topology::tensor& tensor = in.tensors[site.tensor];
    quantizer result{
        .tensor = tensor.name,
        .kind = site.kind,
        .format = {.bits = site.choice.bits, .mode = site.choice.mode, .axis = site.axis}
    };
    for (const topology::port& port : site.consumers) {
      result.consumers.push_back({in.nodes[port.node].name, port.input});
    }
    std::ranges::sort(result.consumers);
    std::vector<value_range<float>> found;
    const Ranges ranges = ranges_at(*ranges_, in, site);
    if (site.kind == tensor_kind::weights) {
      const tensor_data* const replaced = prepared.constant(tensor.name);
      const constant_view constant =
          replaced != nullptr ? replaced->view() : *in.nodes[tensor.node].constant;
      const target_grid target{
          .kind = site.kind, .mode = site.choice.mode, .levels = levels_of(site.kind, site.choice)
      };
      const auto estimator = ranges.of_weights(site.choice.mode);
      std::vector<float> energies;
      weight_masses masses;
      if (wants_masses<std::remove_const_t<decltype(estimator)>>) {
        energies = energies_of(in, site, *collected_);
        masses = masses_of(in, site, energies);
      }
      found = weight_ranges(estimator, constant, site.axis, target, masses, tensor.name);
    } else {
      found = activation_ranges(ranges, site, tensor.name, *collected_);
    }
    clip_ranges(ranges, site.kind, found);
    result.format.grids = grids_of(site, tensor.name, found);
    if (result.format.grids.size() != found.size()) {
      throw error("the scheme made another number of grids than there are ranges", tensor.name);
    }
    clip_grids(ranges, site.kind, result.format.grids, tensor.name);
    return result;
  }

  /// Gives some of the quantizers one grid.
  void unify(
      std::vector<quantizer>& quantizers,
      const std::vector<std::size_t>& members,
      const placement& sites
  ) const {
    const topology& in = *in_;
    if constexpr (says_when_to_unify<Schemes>) {
      const auto is_activations = [&](std::size_t member) {
        return sites.sites[member].kind == tensor_kind::activations;
      };
      if (schemes_->unification == ptq::unification::of_ranges &&
          std::ranges::all_of(members, is_activations)) {
        std::vector<value_range<float>> found;
        for (const std::size_t member : members) {
          const quantizer_site& site = sites.sites[member];
          std::ranges::copy(
              activation_ranges(
                  ranges_at(*ranges_, in, site), site, in.tensors[site.tensor].name, *collected_
              ),
              std::back_inserter(found)
          );
        }
        clip_ranges(*ranges_, tensor_kind::activations, found);
        const quantizer_site& first = sites.sites[members.front()];
        const std::vector<value_range<float>> common{unified_range(found)};
        const std::string& name = in.tensors[first.tensor].name;
        std::vector<grid> grids = grids_of(first, name, common);
        clip_grids(*ranges_, tensor_kind::activations, grids, name);
        for (const std::size_t member : members) {
          quantizers[member].format.grids.assign(1, grids.at(0));
        }
        return;
      }
    }
    give_one_grid(quantizers, members);
  }

private:
  static void
  give_one_grid(std::vector<quantizer>& quantizers, const std::vector<std::size_t>& members) {
    std::vector<grid> grids;
    for (const std::size_t member : members) {
      grids.push_back(quantizers[member].format.grids.front());
    }
    for (const std::size_t member : members) {
      quantizers[member].format.grids.front() = unified_grid(grids);
    }
  }

  [[nodiscard]] auto grids_of(
      const quantizer_site& site,
      const std::string& tensor,
      const std::vector<value_range<float>>& found
  ) const -> std::vector<grid> {
    try {
      return schemes_->grids(site.choice.mode, found, scheme_request_of(site, found));
    } catch (const error& problem) {
      if (!problem.where().empty()) {
        throw;
      }
      throw error(problem.what(), tensor);
    }
  }

  [[nodiscard]] static auto
  scheme_request_of(const quantizer_site& site, std::span<const value_range<float>> found)
      -> scheme_request {
    const bool has_negative = std::ranges::any_of(found, [](const value_range<float>& range) {
      return range.low < 0.0F;
    });
    return {
        .kind = site.kind,
        .bits = site.choice.bits,
        .levels = levels_of(site.kind, site.choice),
        .has_negative = has_negative,
        .is_signed = is_signed(site.choice),
        .unified_zero_point =
            site.kind == tensor_kind::weights && site.axis && site.choice.unified_zero_point
    };
  }

  const Ranges* ranges_;
  const Schemes* schemes_;
  const topology* in_;
  const statistics* collected_;
};

} // namespace ptq::detail
