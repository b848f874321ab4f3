// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/collect.hpp>
#include <ptq/calibration/request.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/correction/prepared_statistics.hpp>
#include <ptq/evaluator/concept.hpp>
#include <ptq/graph/digest.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/search/configuration.hpp>
#include <ptq/statistics/statistics.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// Another setting of an algorithm: a name, and what it changes.
template <class Algorithm>
struct tuning_choice {
  std::string name{};
  std::function<void(Algorithm&)> set{};
};

/// Settings of which one at most is chosen; beside them an algorithm stays as it is.
template <class Algorithm>
struct tuning_axis {
  std::string name{};
  std::vector<tuning_choice<Algorithm>> choices{};
  /// Are neighbouring choices alike, as bits are? The algorithm as it is counts as the first.
  bool ordered = false;
  std::size_t stage = 0; ///< For `search::one_at_a_time`.
};

/// An algorithm and its other settings: a value, with an axis for each choice at run time.
///
/// @tparam Algorithm  A `default_quantization`, whose policies are variants where they are to be
///                    chosen.
template <class Algorithm>
struct tuning_space {
  Algorithm base{};
  std::vector<tuning_axis<Algorithm>> axes{};

  /// The algorithm of a configuration.
  [[nodiscard]] auto at(const configuration& chosen) const -> Algorithm {
    check_configuration(search_axes(), chosen);
    Algorithm result = base;
    for (std::size_t a = 0; a != axes.size(); ++a) {
      if (chosen[a] != 0) {
        axes[a].choices[chosen[a] - 1].set(result);
      }
    }
    return result;
  }

  /// The axes for a search; choice 0 is the algorithm as it is.
  [[nodiscard]] auto search_axes() const -> std::vector<search_axis> {
    std::vector<search_axis> result;
    for (const auto& each : axes) {
      search_axis made{
          .name = each.name, .choices = {"as given"}, .ordered = each.ordered, .stage = each.stage
      };
      for (const auto& choice : each.choices) {
        made.choices.push_back(choice.name);
      }
      result.push_back(std::move(made));
    }
    return result;
  }

  template <class E>
  [[nodiscard]] auto default_part(const E& evaluator) const -> samples {
    return base.default_part(evaluator);
  }

  /// What calibration has to keep for any configuration, so that one pass serves them all: for each
  /// single change and, of small spaces, for every combination.
  [[nodiscard]] auto request_for(const topology& in) const -> statistics_request {
    constexpr std::size_t small = 64;
    statistics_request result;
    const std::vector<search_axis> all = search_axes();
    const auto add = [&](const configuration& chosen) {
      const Algorithm algorithm = at(chosen);
      algorithm.check_options();
      result.merge(algorithm.request_for(in, algorithm.sites_of(in)));
    };
    const bool every = configurations_of(all) <= small;
    configuration chosen(all.size());
    add(chosen);
    for (std::size_t a = 0; a != all.size(); ++a) {
      for (std::size_t c = 1; c != all[a].choices.size(); ++c) {
        chosen[a] = c;
        add(chosen);
      }
      chosen[a] = 0;
    }
    while (every) {
      std::size_t a = 0;
      while (a != all.size() && ++chosen[a] == all[a].choices.size()) {
        chosen[a++] = 0;
      }
      if (a == all.size()) {
        break;
      }
      add(chosen);
    }
    return result;
  }

  /// The statistics for all configurations; what `calibrate` calls.
  template <class G, evaluator_for<G> E>
  [[nodiscard]] auto
  calibration_of(const G& of, E& evaluator, const samples& range, const observers& tell) const
      -> statistics {
    const read_graph_result<G> read = read_graph(of);
    statistics result =
        collect_statistics(of, read, evaluator, range, request_for(read.nodes), tell);
    result.set_model(digest(read.nodes));
    return result;
  }

  /// The plans of the configurations, from statistics that this collected.
  /// @param of, evaluator  Must outlive the result.
  template <class G, class E>
  [[nodiscard]] auto plans(const G& of, statistics collected, E& evaluator) const -> plan_space {
    struct shared {
      tuning_space space;
      statistics collected;
      statistics_request asked;
    };

    auto held = std::make_shared<shared>(shared{*this, std::move(collected), {}});
    const topology nodes = read_graph(of).nodes;
    held->asked = request_for(nodes);
    return {
        .axes = search_axes(),
        .plan_of =
            [held, &of, &evaluator, nodes](const configuration& chosen) {
              const Algorithm algorithm = held->space.at(chosen);
              // Choices that change the same quantizer may need what none of them needs alone.
              if (held->asked.merge(algorithm.request_for(nodes, algorithm.sites_of(nodes)))) {
                const samples range = detail::list_of(held->collected.seen());
                statistics more = collect_statistics(
                    of, read_graph(of), evaluator, range, held->asked, observers{}
                );
                more.set_model(held->collected.model());
                held->collected = std::move(more);
              }
              return plan(algorithm(of, held->collected, evaluator));
            }
    };
  }

  /// The same without an engine, for algorithms that do not run the model.
  template <class G>
  [[nodiscard]] auto plans(const G& of, statistics collected) const -> plan_space {
    return {
        .axes = search_axes(),
        .plan_of = [space = *this, &of, from = std::move(collected)](const configuration& chosen
                   ) { return plan(space.at(chosen)(of, from)); }
    };
  }
};

} // namespace ptq
