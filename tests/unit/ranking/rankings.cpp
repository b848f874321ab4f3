// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/accuracy_aware_quantization.hpp>
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/ranking/by_joint_nmse.hpp>
#include <ptq/ranking/by_metric.hpp>
#include <ptq/ranking/by_output.hpp>
#include <ptq/ranking/by_own_noise.hpp>
#include <ptq/ranking/sample_order.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/scripted_search.hpp"
#include "support/small_net.hpp"
#include "support/toy_evaluator.hpp"

namespace {

using namespace ptq::test;
using names = std::vector<std::string>;

auto first_ranking(const ptq::accuracy_outcome& of) -> const ptq::step& {
  const auto found = std::ranges::find(of.trace, ptq::step_kind::ranking, &ptq::step::kind);
  REQUIRE(found != of.trace.end());
  return *found;
}

/// The small net with a metric: the squared error of its outputs.
class labelled_net : public toy_evaluator {
public:
  using toy_evaluator::toy_evaluator;

  auto measure(const toy_graph& graph, const ptq::plan& under, const ptq::samples& range)
      -> ptq::measurement {
    const auto outputs_of = [&](const ptq::plan& with) {
      std::vector<ptq::tensor_data> result;
      const auto keep = [&](const ptq::samples&, ptq::tensor_ref<int>, const ptq::tensor_view& v) {
        result.push_back(ptq::to_floats(v));
        return ptq::more;
      };
      const std::vector<ptq::tensor_ref<int>> taps{graph.find("dense")};
      observe(
          graph, with, std::span<const ptq::tensor_ref<int>>(taps), range, ptq::show_ref<int>(keep)
      );
      return result;
    };
    const std::vector<ptq::tensor_data> wanted = outputs_of({});
    const std::vector<ptq::tensor_data> found = outputs_of(under);
    ptq::metric result{.name = "error", .direction = ptq::lower_is_better, .least = 0.0};
    for (std::size_t i = 0; i != wanted.size(); ++i) {
      result.per_sample.push_back(ptq::detail::products_of(wanted[i], found[i]).off);
    }
    return {result};
  }
};

/// Quantizes with 8 bits and gives one operation a grid of two levels.
struct spoilt {
  std::string operation;

  template <class G, class E>
  auto operator()(const G& graph, E&& engine) const -> ptq::plan {
    ptq::plan result = ptq::default_quantization<>{}(graph, engine);
    for (auto& entry : result.quantizers) {
      if (entry->consumers.front().node == operation && entry->kind == ptq::tensor_kind::weights) {
        ptq::quantizer worse = *entry;
        for (ptq::grid& each : worse.format.grids) {
          each.levels = 2;
        }
        entry = worse;
      }
    }
    return result;
  }
};

TEST_CASE_TEMPLATE(
    "a ranking puts the one bad layer first",
    Ranking,
    ptq::ranking::by_nmse,
    ptq::ranking::by_cosine,
    ptq::ranking::by_kl,
    ptq::ranking::by_joint_nmse,
    ptq::ranking::by_own_noise,
    ptq::ranking::by_metric,
    ptq::ranking::replay_pot
) {
  for (const std::string bad : {"first", "right"}) {
    CAPTURE(bad);
    const small_net net;
    labelled_net engine(small_net::data(5));
    const ptq::accuracy_aware_quantization<spoilt, Ranking> control{
        .base = {bad}, .maximal_drop = 0.0
    };
    const ptq::accuracy_outcome found = control(net.g, engine);
    CHECK(found.reached);
    const names& first = first_ranking(found).order.front().operations;
    CHECK(std::ranges::count(first, bad) == 1);
  }
}

TEST_CASE("what is gained by reverting a group ranks as well as what it does alone") {
  const small_net net;
  labelled_net engine(small_net::data(5));
  const ptq::accuracy_aware_quantization control{
      .base = spoilt{"right"},
      .ranking = ptq::ranking::by_nmse{.show = ptq::ranking::isolation::reverted},
      .maximal_drop = 0.0
  };
  const ptq::accuracy_outcome found = control(net.g, engine);
  CHECK(std::ranges::count(first_ranking(found).order.front().operations, "right") == 1);
}

TEST_CASE("by metric breaks ties by a continuous metric of the same measurement, else by its seed"
) {
  constexpr std::size_t groups = 6;
  const auto graph = chain(groups);
  const auto lead = [](const std::vector<bool>& quantized, std::size_t s) {
    double now = s < 5 ? 0.01 : 1.0;
    for (std::size_t g = 0; g != quantized.size(); ++g) {
      now -= quantized[g] ? 0.01 * static_cast<double>(g + 1)
                          : 0.0; // nothing but samples 0 to 4 flips
    }
    return now;
  };
  const auto order_with = [&](std::uint64_t seed, bool loss) {
    scripted_engine engine(groups, 400, lead);
    if (loss) {
      engine.metrics = [](std::span<const double> leads) {
        ptq::measurement result = scripted_engine::top1(leads);
        ptq::metric more{.name = "loss", .direction = ptq::lower_is_better, .least = -10.0};
        for (const double each : leads) {
          more.per_sample.push_back(-each);
        }
        result.push_back(more);
        return result;
      };
    }
    const ptq::accuracy_aware_quantization<quantize_chain, ptq::ranking::by_metric> control{
        .base = {groups},
        .ranking = {.seed = seed},
        .maximal_drop = 0.001,
        .metrics = {{.name = "top1"}}
    };
    return first_ranking(control(graph, engine));
  };
  const ptq::step with_loss = order_with(7, true);
  CHECK(with_loss.order.front().operations == names{"op5"});
  CHECK(with_loss.order.back().operations == names{"op0"});
  CHECK(
      with_loss.reason.find("ties are broken by `loss`, then drawn with seed 7") !=
      std::string::npos
  );
  CHECK(order_with(7, true).order == with_loss.order);
  const ptq::step drawn = order_with(7, false);
  CHECK(drawn.reason.find("ties are drawn with seed 7") != std::string::npos);
  CHECK(order_with(7, false).order == drawn.order);
  bool differs = false;
  for (const std::uint64_t seed : {8U, 9U, 10U, 11U}) {
    differs = differs || order_with(seed, false).subset != drawn.subset;
  }
  CHECK(differs);
  CHECK(drawn.subset.size() == 300);
}

TEST_CASE("numpy's descending order is a permutation in order, NaN first, whatever the values") {
  for (const std::size_t size : {0U, 1U, 2U, 15U, 16U, 17U, 100U, 1000U, 5000U}) {
    for (const std::size_t kinds : {1U, 2U, 3U, 50U, 100000U}) {
      std::vector<double> values;
      for (std::size_t i = 0; i != size; ++i) {
        values.push_back(static_cast<double>(
            static_cast<std::size_t>(scripted_number(i, size) * static_cast<double>(kinds))
        ));
      }
      if (size > 20) {
        values[7] = std::numeric_limits<double>::quiet_NaN();
      }
      std::vector<std::size_t> order = ptq::ranking::numpy_descending(values);
      for (std::size_t i = size > 20 ? 2 : 1; i < size; ++i) {
        CHECK(values[order[i - 1]] >= values[order[i]]);
      }
      if (size > 20) {
        CHECK(order.front() == 7);
      }
      std::ranges::sort(order);
      for (std::size_t i = 0; i != size; ++i) {
        REQUIRE(order[i] == i);
      }
    }
  }
}

TEST_CASE("a pattern against median of three is sorted by heap, in order all the same") {
  // Where each pivot is the second smallest of its piece, as for two interleaved runs.
  constexpr std::size_t half = 4096;
  std::vector<double> values(2 * half);
  for (std::size_t i = 0; i != half; ++i) {
    values[i] = i % 2 == 0 ? static_cast<double>(i) : static_cast<double>(half + i);
    values[half + i] = static_cast<double>(2 * i);
  }
  const std::vector<std::size_t> order = ptq::ranking::numpy_descending(values);
  for (std::size_t i = 1; i < order.size(); ++i) {
    REQUIRE(values[order[i - 1]] >= values[order[i]]);
  }
}

struct by_float_cycles { // most accuracy for least speed lost

  auto score(const toy_graph& graph, const ptq::plan&, const ptq::group& what, labelled_net&) const
      -> double {
    return -static_cast<double>(graph.find(what.operations.front()));
  }
};

struct by_two_samples {
  auto score(const ptq::plan& now, const ptq::group& what, ptq::measure_ref measure) const
      -> double {
    return measure(now.without(what), {0, 2})[0].value();
  }
};

TEST_CASE("a ranking of one's own is a type with one member function") {
  const small_net net;
  labelled_net engine(small_net::data(5));
  const ptq::accuracy_aware_quantization<spoilt, by_float_cycles> cheap{
      .base = {"right"}, .maximal_drop = 0.0
  };
  CHECK(first_ranking(cheap(net.g, engine)).order.front().operations == names{"first"});
  const ptq::accuracy_aware_quantization<spoilt, by_two_samples> measured{
      .base = {"dense"}, .maximal_drop = 0.0
  };
  CHECK(measured(net.g, engine).reached);
  static_assert(ptq::group_ranking_for<by_two_samples, toy_graph, labelled_net>);
  static_assert(ptq::group_ranking_for<by_float_cycles, toy_graph, labelled_net>);
  static_assert(!ptq::group_ranking_for<by_float_cycles, toy_graph, toy_evaluator>);
  static_assert(!ptq::group_ranking_for<ptq::ranking::by_nmse, toy_graph, toy_float_evaluator>);
}

TEST_CASE("a ranking that forgets a group is refused") {
  struct forgetful {
    auto order(const ptq::ranking_question&) const -> ptq::ranked_groups { return {}; }
  };

  const auto graph = chain(2);
  scripted_engine engine(2, 100, additive({0.5, 0.5}));
  const ptq::accuracy_aware_quantization<quantize_chain, forgetful> control{
      .base = {2}, .maximal_drop = 0.0
  };
  CHECK(message_of([&] {
          static_cast<void>(control(graph, engine));
        }) == "a ranking lists each group that is still quantized once");
}

TEST_CASE("options of rankings that no run could use are refused by name") {
  const auto graph = chain(2);
  scripted_engine engine(2, 100, additive({0.5, 0.5}));
  const ptq::accuracy_aware_quantization<quantize_chain, ptq::ranking::by_metric> none{
      .base = {2}, .ranking = {.ranking_subset_size = 0}
  };
  CHECK(message_of([&] {
          static_cast<void>(none(graph, engine));
        }) == "at least one sample is needed (option `ranking_subset_size`)");
  const ptq::accuracy_aware_quantization<quantize_chain, ptq::ranking::by_metric> share{
      .base = {2}, .ranking = {.metric_subset_ratio = 1.5}
  };
  CHECK(message_of([&] {
          static_cast<void>(share(graph, engine));
        }) == "the share is above 0 and up to 1 (option `metric_subset_ratio`)");
}

TEST_CASE("by metric takes a continuous metric without values, or with NaN, for the lowest") {
  constexpr std::size_t groups = 4;
  const auto graph = chain(groups);
  for (const bool values_of_float : {false, true}) {
    CAPTURE(values_of_float);
    scripted_engine engine(groups, 400, additive({0.3, 0.3, 0.3, 0.3}));
    std::size_t calls = 0;
    engine.metrics = [&](std::span<const double> leads) {
      ptq::measurement result = scripted_engine::top1(leads);
      ptq::metric more{.name = "loss", .direction = ptq::lower_is_better, .whole = 1.0};
      if (calls++ != 0 || values_of_float) {
        for (std::size_t i = 0; i != leads.size(); ++i) {
          more.per_sample.push_back(
              i % 3 == 0 ? std::numeric_limits<double>::quiet_NaN() : -leads[i]
          );
        }
      }
      result.push_back(more);
      return result;
    };
    const ptq::accuracy_aware_quantization<quantize_chain, ptq::ranking::by_metric> control{
        .base = {groups}, .maximal_drop = 0.01, .metrics = {{.name = "top1"}}
    };
    const ptq::step found = first_ranking(control(graph, engine));
    CHECK(found.order.size() == groups);
    CHECK((found.reason.find("`loss`") != std::string::npos) == values_of_float);
    std::vector<std::size_t> subset = found.subset;
    std::ranges::sort(subset);
    CHECK(subset.size() == 300);
    CHECK(std::ranges::adjacent_find(subset) == subset.end());
  }
}

TEST_CASE("what POT compared and called its groups is checked against the search") {
  const auto graph = chain(2);
  scripted_engine engine(2, 100, additive({0.5, 0.5}));
  ptq::accuracy_aware_quantization<quantize_chain, ptq::ranking::replay_pot> control{
      .base = {2}, .maximal_drop = 0.0
  };
  const auto message = [&] {
    return message_of([&] { static_cast<void>(control(graph, engine)); });
  };
  control.ranking = {.compared = {3, 100}};
  CHECK(message() == "sample 100 is not one of the 100 (option `compared`)");
  control.ranking = {.names = {"op0/fq_input_0"}};
  CHECK(message() == "1 names for 2 groups (option `names`)");
  control.ranking = {.ranking_subset_size = 0};
  CHECK(message() == "at least one sample is needed (option `ranking_subset_size`)");
  control.ranking = {.compared = {3, 99}, .names = {"a", "b"}};
  CHECK(message() == "no error");
}

} // namespace
