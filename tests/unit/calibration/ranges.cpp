// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/calibration/ranges.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/policy_archetypes.hpp"

namespace {

using namespace ptq::test;
using range = ptq::value_range<float>;
using ranges = std::vector<range>;

auto site_of(ptq::mode how, std::optional<std::size_t> axis) -> ptq::quantizer_site {
  return {
      .choice = {8, how, axis ? ptq::per_channel : ptq::per_tensor},
      .axis = axis,
  };
}

/// Extremes of three samples: of the tensor, and of its two channels.
auto three_samples() -> ptq::statistics {
  ptq::statistics s;
  s.see(0, 3);
  s.record({"x", "extremes"}, 0, {-1, 2});
  s.record({"x", "extremes"}, 1, {-4, 3});
  s.record({"x", "extremes"}, 2, {-1, 7});
  s.record({"x", "extremes/1"}, 0, {-1, 0, 1, 2});
  s.record({"x", "extremes/1"}, 1, {-4, -1, 3, 1});
  s.record({"x", "extremes/1"}, 2, {-1, 1, 2, 7});
  return s;
}

TEST_CASE("default ranges of a few samples, by hand") {
  const ptq::statistics s = three_samples();
  const auto of = [&s](ptq::mode how, std::optional<std::size_t> axis) {
    return ptq::activation_ranges(ptq::default_ranges{}, site_of(how, axis), "x", s);
  };
  CHECK(of(ptq::symmetric, std::nullopt) == ranges{{-4, 13.0F / 3}}); // min; mean of 2, 4, 7
  CHECK(of(ptq::asymmetric, std::nullopt) == ranges{{-2, 4}});
  CHECK(of(ptq::symmetric, 1) == ranges{{-4, 4}, {-4, 7}});
  CHECK(of(ptq::asymmetric, 1) == ranges{{-4, 3}, {-1, 7}});
}

TEST_CASE("ranges of the user's choice take each side from its own estimator") {
  using mine = ptq::ranges<
      ptq::for_weights<ptq::abs_max>,
      ptq::for_activations<
          ptq::low<ptq::max, ptq::aggregate::min>,
          ptq::high<ptq::abs_max, ptq::aggregate::min>>>;
  CHECK(
      ptq::activation_ranges(mine{}, site_of(ptq::symmetric, std::nullopt), "x", three_samples()) ==
      ranges{{2, 2}}
  );
}

/// Reads the library's extremes, under a key of its own.
struct lower_half {
  template <class T>
  auto start() const -> ptq::extremes_estimation<T> {
    return {};
  }

  template <class T>
  auto range(const ptq::extremes_estimation<T>& of) const -> ptq::value_range<T> {
    return {of.low, of.low / 2};
  }

  static auto key() -> std::string { return "mine"; }

  auto operator==(const lower_half&) const -> bool = default;
};

TEST_CASE("an estimator of the user's that reads extremes finds them, whatever its key") {
  const auto check = [](const auto& mine) {
    const ptq::quantizer_site site = site_of(ptq::symmetric, std::nullopt);
    ptq::statistics_request request;
    ptq::request_range(request, mine, site);
    CHECK(request.tensors().at(0).extremes);
    CHECK(request.tensors().at(0).estimations.empty());
    CHECK(ptq::activation_ranges(mine, site, "x", three_samples()) == ranges{{-4, -0.5F}});
  };
  check(ptq::ranges<
        ptq::for_weights<ptq::abs_max>,
        ptq::for_activations<
            ptq::low<lower_half, ptq::aggregate::min>,
            ptq::high<lower_half, ptq::aggregate::max>>>{});
  using chosen = ptq::one_of<lower_half, ptq::max>;
  check(ptq::ranges<
        ptq::for_weights<ptq::abs_max>,
        ptq::for_activations<
            ptq::low<chosen, ptq::aggregate::min>,
            ptq::high<chosen, ptq::aggregate::max>>>{});
}

TEST_CASE("what each side needs is asked for once") {
  const auto asked = [](ptq::mode how, std::optional<std::size_t> axis) {
    ptq::statistics_request request;
    ptq::request_range(request, ptq::default_ranges{}, site_of(how, axis));
    return request.tensors().at(0);
  };
  CHECK(asked(ptq::asymmetric, std::nullopt).extremes);
  CHECK(asked(ptq::asymmetric, std::nullopt).extremes_axes.empty());
  CHECK_FALSE(asked(ptq::asymmetric, 1).extremes);
  CHECK(asked(ptq::asymmetric, 1).extremes_axes == std::set<std::size_t>{1});
  CHECK(asked(ptq::symmetric, 1).extremes); // the sign is of the whole tensor
  CHECK(asked(ptq::symmetric, 1).extremes_axes == std::set<std::size_t>{1});
}

TEST_CASE("statistics that lack something, or are damaged, are refused with the tensor's name") {
  const auto refusal = [](const ptq::statistics& s, std::optional<std::size_t> axis) {
    return message_of([&] {
      (void)ptq::activation_ranges(ptq::default_ranges{}, site_of(ptq::symmetric, axis), "x", s);
    });
  };
  ptq::statistics s;
  s.see(0);
  CHECK(
      refusal(s, std::nullopt) ==
      "x: the statistics hold no `extremes` of this tensor: they were collected for another "
      "algorithm or model"
  );
  SUBCASE("not of all samples") {
    s.see(1);
    s.record({"x", "extremes"}, 1, {1, 2});
    CHECK(
        refusal(s, std::nullopt) ==
        "x: the statistics hold `extremes` of 1 samples, but saw 2: were those of unlike "
        "algorithms merged?"
    );
  }
  SUBCASE("no numbers") {
    s.record({"x", "extremes"}, 0, {});
    CHECK(refusal(s, std::nullopt) == "x: the statistics are damaged: a range of no numbers");
  }
  SUBCASE("a low end without a high end") {
    s.record({"x", "extremes"}, 0, {1, 2, 3});
    CHECK(
        refusal(s, std::nullopt) == "x: the statistics are damaged: a range without its other end"
    );
  }
  SUBCASE("other channels at the other end") {
    s.record({"x", "extremes"}, 0, {1, 2, 3, 4});
    s.record({"x", "extremes/1"}, 0, {1, 2, 3, 4, 5, 6});
    CHECK(refusal(s, 1) == "x: the statistics are damaged: 2 low ends and 3 high ends");
  }
  SUBCASE("not a number") {
    s.record({"x", "extremes"}, 0, {std::numeric_limits<float>::quiet_NaN(), 1});
    CHECK(refusal(s, std::nullopt) == "x: the range of channel 0 is NaN or infinite");
  }
}

TEST_CASE("ranges of constants are of the whole, or of each index on an axis") {
  const std::vector<float> values{1, -2, 3, -4, 5, -6};
  const ptq::tensor_view constant(values, {2, 3});
  CHECK(ptq::weight_ranges(ptq::abs_max{}, constant, std::nullopt) == ranges{{-6, 6}});
  CHECK(ptq::weight_ranges(ptq::abs_max{}, constant, 0) == ranges{{-3, 3}, {-6, 6}});
  CHECK(
      ptq::weight_ranges(ptq::default_ranges::min_and_max{}, constant, 1) ==
      ranges{{-4, 1}, {-2, 5}, {-6, 3}}
  );
  CHECK(ptq::weight_ranges(range_estimator_archetype(4), constant, 0) == ranges{{-4, 4}, {-5, 5}});
  const std::vector<float> one{-7};
  CHECK(
      ptq::weight_ranges(ptq::abs_max{}, ptq::tensor_view(one, std::array<std::size_t, 0>{}), {}) ==
      ranges{{-7, 7}}
  );
}

} // namespace
