// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/histogram.hpp>
#include <ptq/kernel/quantization_error.hpp>
#include <ptq/range/choose.hpp>
#include <ptq/range/distribution.hpp>
#include <ptq/range/exact_clip.hpp>
#include <ptq/range/kl_divergence.hpp>
#include <ptq/range/mean_squared_error.hpp>
#include <ptq/range/octav.hpp>
#include <ptq/range/percentile.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "laws/distribution_estimator.hpp"
#include "support/message.hpp"
#include "support/toy_evaluator.hpp"

namespace {

using namespace ptq::test;
using floats = std::vector<float>;
using range = ptq::value_range<float>;
using limits = std::numeric_limits<float>;

/// Gives what it was made with.
struct distribution_estimator_archetype {
  distribution_estimator_archetype() = default;

  explicit distribution_estimator_archetype(float most) : most_(most) {}

  void operator&() const = delete;

  auto range(const ptq::log_histogram&, const ptq::target_grid&) const -> ptq::value_range<float> {
    return {-most_, most_};
  }

  friend auto
  operator==(const distribution_estimator_archetype&, const distribution_estimator_archetype&)
      -> bool = default;

private:
  float most_ = 0.0F;
};

static_assert(ptq::explain_distribution_estimator<distribution_estimator_archetype>());
static_assert(ptq::explain_distribution_estimator<ptq::mean_squared_error>());
static_assert(ptq::explain_distribution_estimator<ptq::octav>());
static_assert(ptq::explain_distribution_estimator<ptq::exact_clip>());
static_assert(ptq::explain_distribution_estimator<ptq::kl_divergence>());
static_assert(ptq::explain_distribution_estimator<ptq::percentile>());
static_assert(ptq::explain_distribution_estimator<ptq::min_max>());
static_assert(ptq::explain_distribution_estimator<ptq::choose<ptq::octav, ptq::min_max>>());
static_assert(
    ptq::explain_distribution_estimator<ptq::one_of<ptq::mean_squared_error, ptq::kl_divergence>>()
);
static_assert(!ptq::distribution_estimator<ptq::min>);
static_assert(!ptq::distribution_estimator<ptq::weighted_mean_squared_error>);
static_assert(ptq::explain_constant_estimator<ptq::weighted_mean_squared_error>());
static_assert(ptq::explain_constant_estimator<ptq::one_of<ptq::octav, ptq::exact_clip>>());
static_assert(!ptq::constant_estimator<ptq::kl_divergence>);
static_assert(!ptq::range_estimator<ptq::mean_squared_error>);

constexpr ptq::target_grid signed_8{ptq::tensor_kind::activations, ptq::symmetric, 256};
constexpr ptq::target_grid weights_8{ptq::tensor_kind::weights, ptq::symmetric, 255};
constexpr ptq::target_grid asymmetric_8{ptq::tensor_kind::activations, ptq::asymmetric, 256};

auto counted(const floats& values) -> ptq::log_histogram {
  ptq::log_histogram result;
  ptq::count(std::span<const float>(values), result);
  return result;
}

auto exact(const auto& policy, const floats& values, const ptq::target_grid& target) -> range {
  return policy.range(std::span<const float>(values), std::span<const float>(), target);
}

/// The quantiles of the exponential distribution, in the middle of each of `count` parts.
auto exponential(std::size_t count) -> floats {
  floats result;
  for (std::size_t i = 0; i != count; ++i) {
    const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    result.push_back(static_cast<float>(-std::log1p(-share)));
  }
  return result;
}

/// The same with every other value negative: Laplace.
auto two_sided(floats values) -> floats {
  for (std::size_t i = 0; i < values.size(); i += 2) {
    values[i] = -values[i];
  }
  return values;
}

auto normal(std::size_t count) -> floats {
  std::mt19937 random(1);
  floats result;
  while (result.size() < count) {
    // Marsaglia's polar method: the standard library's may differ between versions.
    const auto uniform = [&] { return static_cast<double>(random()) / 2147483648.0 - 1.0; };
    const double x = uniform();
    const double y = uniform();
    const double square = x * x + y * y;
    if (square > 0.0 && square < 1.0) {
      const double factor = std::sqrt(-2.0 * std::log(square) / square);
      result.push_back(static_cast<float>(x * factor));
      result.push_back(static_cast<float>(y * factor));
    }
  }
  return result;
}

auto linear_histogram(const floats& values, std::size_t bins) -> std::vector<double> {
  std::vector<double> result(bins);
  const double most = static_cast<double>(*std::ranges::max_element(values));
  for (const float value : values) {
    const auto bin =
        static_cast<std::size_t>(static_cast<double>(value) / most * static_cast<double>(bins));
    result[std::min(bin, bins - 1)] += 1.0;
  }
  return result;
}

TEST_CASE("distribution estimators obey their laws") {
  const std::vector<floats> inputs{
      {1.0F},
      {0.0F},
      {-0.0F, 0.0F},
      {0.5F, 0.5F, 0.5F},
      {-3.0F, -0.5F},
      {limits::denorm_min(), 0.0F, -limits::denorm_min()},
      {limits::max(), limits::lowest(), 1.0F},
      {limits::min(), 2.0F * limits::min()},
      {1e-30F, 1e30F},
      two_sided(exponential(500)),
      toy_numbers(300, 3),
      toy_numbers(300, 4, 0.0F, 6.0F),
  };
  for (const floats& values : inputs) {
    CAPTURE(values.size());
    check_distribution_estimator_laws(ptq::mean_squared_error{.candidates = 30}, values);
    check_distribution_estimator_laws(ptq::octav{}, values);
    check_distribution_estimator_laws(ptq::exact_clip{}, values);
    check_distribution_estimator_laws(ptq::kl_divergence{.bins = 1024}, values);
    check_distribution_estimator_laws(ptq::percentile{.percent = 99.0}, values);
    check_distribution_estimator_laws(ptq::min_max{}, values);
    check_distribution_estimator_laws(ptq::choose<ptq::min_max, ptq::octav>{}, values);
    check_distribution_estimator_laws(distribution_estimator_archetype(2.0F), values);
    check_distribution_estimator_laws(
        ptq::one_of<ptq::mean_squared_error, ptq::kl_divergence>(ptq::mean_squared_error{}), values
    );
    check_constant_estimator_laws(ptq::mean_squared_error{.candidates = 30}, values);
    check_constant_estimator_laws(ptq::weighted_mean_squared_error{.candidates = 30}, values);
    check_constant_estimator_laws(ptq::octav{}, values);
    check_constant_estimator_laws(ptq::exact_clip{}, values);
    check_constant_estimator_laws(ptq::percentile{.percent = 99.0}, values);
    check_constant_estimator_laws(ptq::min_max{}, values);
    check_constant_estimator_laws(ptq::choose<ptq::min_max, ptq::octav>{}, values);
  }
}

TEST_CASE("the exact clip is that of a brute force over 2 million clips") {
  // a = [1, .9, .5, .1] by brute force over E(c) of ai-edge-quantizer's OSCAR.
  const floats values{1.0F, -0.9F, 0.5F, 0.1F};
  const floats masses{0.1F, 1.0F, 1.0F, 1.0F};
  const auto clip = [&](double code, const floats& of) {
    return ptq::exact_clip::clip_of(values, of, code);
  };
  CHECK(clip(1, {}) == doctest::Approx(0.8142857142857142).epsilon(1e-7));
  CHECK(clip(7, {}) == doctest::Approx(0.9932432432432432).epsilon(1e-7));
  CHECK(clip(127, {}) == doctest::Approx(0.999979333719104).epsilon(1e-7));
  CHECK(clip(1, masses) == doctest::Approx(0.7361963190184049).epsilon(1e-7));
  CHECK(clip(7, masses) == doctest::Approx(0.9499192245557351).epsilon(1e-7));
  CHECK(clip(127, masses) == doctest::Approx(0.9998398586623549).epsilon(1e-7));
}

TEST_CASE("OCTAV comes to its fixed points") {
  // Iterated in double on -log(1 - (i + .5) / N), Sakr et al., equation 10.
  const std::vector<std::pair<int, double>> of_million{
      {2, 2.87373}, {3, 3.913279}, {4, 5.034046}, {6, 7.413151}, {8, 9.890563}
  };
  const std::vector<std::pair<int, double>> of_thousands{
      {2, 2.873691}, {3, 3.913159}, {4, 5.033644}, {6, 7.408601}, {8, 9.835379}
  };
  for (const auto& [values, points] :
       {std::pair{exponential(1'000'000), of_million}, {exponential(100'000), of_thousands}}) {
    const ptq::log_histogram histogram = counted(values);
    for (const auto& [bits, clip] : points) {
      CAPTURE(bits);
      const ptq::target_grid target{
          ptq::tensor_kind::weights, ptq::symmetric, (std::int64_t{1} << bits) - 1
      };
      CHECK(
          static_cast<double>(exact(ptq::octav{}, values, target).high) ==
          doctest::Approx(clip).epsilon(3e-6)
      );
      CHECK(
          static_cast<double>(ptq::octav{}.range(histogram, target).high) ==
          doctest::Approx(clip).epsilon(1e-3)
      );
    }
  }
}

TEST_CASE("the exact clip comes near ACIQ's closed forms") {
  // Banner et al., Post training 4-bit quantization: the clip of a Laplace distribution in units of
  // its scale, of a normal one in standard deviations, at `2^bits` levels. Its rounding error is
  // that of steps of 2c / 2^bits; here they are 2c / (2^bits - 2).
  const std::vector<std::pair<int, double>> laplace{
      {4, 5.0286}, {5, 6.2048}, {6, 7.4131}, {8, 9.8968}
  };
  const std::vector<std::pair<int, double>> gauss{
      {4, 2.5591}, {5, 2.9362}, {6, 3.2869}, {8, 3.9240}
  };
  const floats of_laplace = two_sided(exponential(1'000'000));
  const floats of_gauss = normal(1'000'000);
  for (const auto& [values, clips] : {std::pair{of_laplace, laplace}, {of_gauss, gauss}}) {
    const ptq::log_histogram histogram = counted(values);
    for (const auto& [bits, clip] : clips) {
      CAPTURE(bits);
      // Codes to half of the levels, as ACIQ counts them.
      const double code = std::ldexp(1.0, bits - 1);
      CHECK(ptq::exact_clip::clip_of(values, {}, code) == doctest::Approx(clip).epsilon(0.01));
      const ptq::target_grid target{
          ptq::tensor_kind::weights, ptq::symmetric, (std::int64_t{1} << bits) + 1
      };
      CHECK(
          static_cast<double>(ptq::exact_clip{}.range(histogram, target).high) ==
          doctest::Approx(clip).epsilon(0.01)
      );
    }
  }
}

TEST_CASE("KL divergence finds the thresholds of the exponential distribution") {
  // Recomputed from TensorRT's description; at 128 bins for 128 levels there is nothing to choose.
  const floats values = exponential(100'000);
  const double most = static_cast<double>(*std::ranges::max_element(values));
  const auto threshold = [&](std::size_t bins) {
    const std::size_t kept = ptq::kl_divergence::best_count(linear_histogram(values, bins), 128);
    return most * static_cast<double>(kept) / static_cast<double>(bins);
  };
  CHECK(threshold(128) == doctest::Approx(12.206).epsilon(1e-4));
  CHECK(threshold(512) == doctest::Approx(8.868).epsilon(1e-4));
  CHECK(threshold(2048) == doctest::Approx(8.880).epsilon(1e-4));
  // 8.943 where what smoothing adds is not taken from the other bins: three bins less.
  CHECK(threshold(4096) == doctest::Approx(8.943).epsilon(0.01));
}

TEST_CASE("KL divergence clips one outlier, but not with as many bins as levels") {
  floats values;
  for (int i = 0; i != 100'000; ++i) {
    values.push_back(static_cast<float>((i + 0.5) / 1e5));
  }
  values.push_back(10.0F);
  const auto kept = [&](std::size_t bins) {
    return 10.0 *
           static_cast<double>(ptq::kl_divergence::best_count(linear_histogram(values, bins), 128)
           ) /
           static_cast<double>(bins);
  };
  CHECK(kept(128) == 10.0);
  CHECK(kept(2048) == doctest::Approx(1.00098).epsilon(1e-5));
  // ModelOpt, test_calibrator.py: the entropy calibrator's amax is below 1.1.
  CHECK(ptq::kl_divergence{}.range(counted(two_sided(values)), signed_8).high < 1.1F);
}

TEST_CASE("the least squared error keeps 255 of 255s and one 256") {
  // ModelOpt, test_calibrator.py: closer to 255 than to 256.
  floats values(1000, 255.0F);
  values.push_back(256.0F);
  CHECK(std::abs(exact(ptq::mean_squared_error{}, values, weights_8).high - 255.0F) <= 1.0F);
}

TEST_CASE("percentiles are those of all values") {
  floats hundred(100);
  std::iota(hundred.begin(), hundred.end(), 0.0F);
  const auto of = [&](double percent) {
    return exact(ptq::percentile{.percent = percent}, hundred, signed_8).high;
  };
  CHECK(of(90.0) == 89.0F); // ModelOpt, test_calibrator.py, to 0.1
  CHECK(of(80.0) == 79.0F);
  CHECK(of(100.0) == 99.0F);
  const floats many = normal(100'000);
  for (const ptq::target_grid& target : {signed_8, asymmetric_8}) {
    for (const double percent : {90.0, 99.0, 99.9}) {
      const ptq::percentile policy{.percent = percent};
      const range estimated = policy.range(counted(many), target);
      const range wanted = exact(policy, many, target);
      CHECK(estimated.high == doctest::Approx(static_cast<double>(wanted.high)).epsilon(0.005));
      CHECK(estimated.low == doctest::Approx(static_cast<double>(wanted.low)).epsilon(0.005));
    }
  }
}

TEST_CASE("a percentile leaves out the outliers of all samples, not of each") {
  floats values(99'999, 1.0F);
  values.push_back(50.0F);
  CHECK(ptq::percentile{.percent = 99.99}.range(counted(values), asymmetric_8).high < 1.01F);
  CHECK(ptq::percentile{.percent = 100.0}.range(counted(values), asymmetric_8).high == 50.0F);
}

TEST_CASE("the histogram gives the errors of ranges to a thousandth, and the ranges themselves") {
  floats relu = normal(200'000);
  for (float& value : relu) {
    value = std::max(value, 0.0F);
  }
#ifdef NDEBUG
  const std::vector<floats> all{normal(200'000), two_sided(exponential(200'000)), relu};
  const auto targets = some_targets();
#else // where each takes half a minute
  const std::vector<floats> all{relu};
  const std::vector<ptq::target_grid> targets{asymmetric_8};
#endif
  for (const floats& values : all) {
    const ptq::log_histogram histogram = counted(values);
    for (const ptq::target_grid& target : targets) {
      CAPTURE(target.levels);
      const range found = ptq::mean_squared_error{}.range(histogram, target);
      const range wanted = exact(ptq::mean_squared_error{}, values, target);
      const ptq::detail::exact_errors errors(values, {}, target);
      const std::vector<double> both = errors(std::vector{found, wanted});
      CHECK(both[0] <= both[1] * 1.002);
      const double estimated =
          ptq::detail::histogram_errors(histogram, target)(std::vector{wanted}).front();
      CHECK(estimated == doctest::Approx(both[1]).epsilon(0.005));
    }
  }
}

TEST_CASE("masses move the range to where the error counts") {
  floats values = normal(1'000);
  values.push_back(40.0F);
  floats masses(values.size(), 1.0F);
  masses.back() = 0.0F;
  const ptq::target_grid target{ptq::tensor_kind::weights, ptq::symmetric, 15};
  const ptq::weighted_mean_squared_error policy;
  const auto of = [&](std::span<const float> by) {
    return policy.range(std::span<const float>(values), by, target).high;
  };
  CHECK(of(masses) < 4.0F);
  masses.back() = 1000.0F;
  CHECK(of(masses) > 30.0F);
  CHECK(of({}) == exact(ptq::mean_squared_error{.candidates = 200}, values, target).high);
}

TEST_CASE("choosing takes the candidate with the least error, the first of equal ones") {
  floats values = normal(10'000);
  values.push_back(100.0F);
  const ptq::log_histogram with_outlier = counted(values);
  const ptq::log_histogram without = counted(floats{-1.0F, 0.5F, 1.0F});
  using candidates = ptq::choose<ptq::min_max, ptq::percentile>;
  const candidates policy{.candidates = {ptq::min_max{}, ptq::percentile{.percent = 60.0}}};
  CHECK(policy.range(without, signed_8) == ptq::min_max{}.range(without, signed_8));
  const ptq::target_grid coarse{ptq::tensor_kind::activations, ptq::symmetric, 16};
  using of_clips = ptq::choose<ptq::min_max, ptq::octav>;
  CHECK(of_clips{}.range(with_outlier, coarse) == ptq::octav{}.range(with_outlier, coarse));
}

TEST_CASE("values that are all one, tiny or zero have the range that they fill") {
  for (const float value : {3.0F, 1e-42F, 0.0F}) {
    const ptq::log_histogram h = counted(floats(10, value));
    CHECK(ptq::min_max{}.range(h, asymmetric_8).high == value);
    CHECK(ptq::octav{}.range(h, signed_8).high == value);
    CHECK(ptq::mean_squared_error{}.range(h, signed_8).high <= value);
    CHECK(ptq::kl_divergence{}.range(h, signed_8).high <= value);
  }
}

TEST_CASE("a range of no values is refused") {
  const ptq::log_histogram none;
  CHECK(message_of([&] {
          (void)ptq::mean_squared_error{}.range(none, signed_8);
        }) == "a range of an empty histogram");
  CHECK(message_of([&] {
          (void)ptq::min_max{}.range(none, signed_8);
        }) == "a range of an empty histogram");
  CHECK(message_of([&] { (void)exact(ptq::octav{}, {}, signed_8); }) == "a range of no values");
}

TEST_CASE("the logarithm is the standard library's, but for its last bits") {
  for (const double value : {1e-300, 1e-4, 0.3, 0.999999, 1.0, 1.4142135, 2.0, 12345.6, 1e300}) {
    CHECK(ptq::detail::natural_log(value) == doctest::Approx(std::log(value)).epsilon(1e-14));
  }
}

} // namespace
