// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/window.hpp>
#include <ptq/core/error.hpp>
#include <ptq/range/concept.hpp>
#include <ptq/range/extremes.hpp>
#include <ptq/range/one_of.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ptq {

/// Stands for the last axis, which a matrix product sums over, whatever the rank.
inline constexpr std::size_t last_axis = static_cast<std::size_t>(-1);

/// The name under which the statistics keep a number: `extremes`, `extremes/1`, `mean/last`.
[[nodiscard]] inline auto statistic_key(std::string_view key, std::optional<std::size_t> axis)
    -> std::string {
  std::string name(key);
  if (axis) {
    name += *axis == last_axis ? "/last" : "/" + std::to_string(*axis);
  }
  return name;
}

/// The statistic that holds histograms, but for the axis.
inline constexpr std::string_view histogram_key = "histogram";

namespace detail {

/// A user's estimator at work on one sample of one tensor.
class running_estimation {
public:
  virtual ~running_estimation() = default;
  /// So many values of each channel are to come.
  virtual void expect(std::size_t count) = 0;
  virtual void observe(std::size_t channel, std::span<const float> values) = 0;
  /// The low ends of all channels, then the high ends.
  [[nodiscard]] virtual auto numbers() const -> std::vector<float> = 0;
};

template <range_estimator P>
class running_estimation_of final : public running_estimation {
public:
  running_estimation_of(P policy, std::size_t channels)
      : policy_(std::move(policy)), states_(channels, policy_.template start<float>()) {}

  void expect(std::size_t count) override {
    for (auto& state : states_) {
      expect_values(state, count);
    }
  }

  void observe(std::size_t channel, std::span<const float> values) override {
    states_[channel].observe(values);
  }

  [[nodiscard]] auto numbers() const -> std::vector<float> override {
    std::vector<float> result(2 * states_.size());
    for (std::size_t c = 0; c != states_.size(); ++c) {
      const value_range<float> range = range_of<float>(policy_, states_[c]);
      result[c] = range.low;
      result[states_.size() + c] = range.high;
    }
    return result;
  }

private:
  P policy_;
  std::vector<estimation_of<P, float>> states_;
};

template <class P>
inline constexpr bool is_one_of = false;
template <class... Policies>
inline constexpr bool is_one_of<one_of<Policies...>> = true;

template <class P>
inline constexpr bool reads_extremes =
    std::same_as<estimation_of<P, float>, extremes_estimation<float>>;

} // namespace detail

/// The name under which the statistics keep what `policy` makes of a sample, but for the axis. All
/// that read extremes share those, whatever their own keys.
template <range_estimator P>
[[nodiscard]] auto statistic_key_of(const P& policy) -> std::string {
  if constexpr (detail::is_one_of<P>) {
    return std::visit([](const auto& chosen) { return statistic_key_of(chosen); }, policy.chosen());
  } else if constexpr (detail::reads_extremes<P>) {
    return std::string(extremes_key);
  } else {
    return key_of(policy);
  }
}

/// What calibration shall keep of which tensor: the union of what all policies ask for.
class statistics_request {
public:
  struct custom {
    std::optional<std::size_t> axis{};
    std::function<std::unique_ptr<detail::running_estimation>(std::size_t channels)> start{};
  };

  struct of_tensor {
    bool extremes = false;
    std::set<std::size_t> extremes_axes{};
    std::set<std::size_t> mean_axes{};
    std::set<std::optional<std::size_t>> histogram_axes{}; ///< Empty: of the whole tensor.
    std::set<std::size_t> mean_square_axes{};
    std::set<window> windows{};                  ///< Of the taps whose means are wanted.
    std::map<std::string, custom> estimations{}; ///< By the name of the statistic.
  };

  /// The least and the greatest value: of the whole tensor, or of each channel on `axis`.
  void extremes(std::size_t tensor, std::optional<std::size_t> axis) {
    of_tensor& entry = tensors_[tensor];
    if (axis) {
      entry.extremes_axes.insert(*axis);
    } else {
      entry.extremes = true;
    }
  }

  /// The mean of each channel on `axis`, summed over the samples, and the shape.
  void mean(std::size_t tensor, std::size_t axis) { tensors_[tensor].mean_axes.insert(axis); }

  /// The histogram of all values: of the whole tensor, or of each channel on `axis`.
  void histogram(std::size_t tensor, std::optional<std::size_t> axis) {
    tensors_[tensor].histogram_axes.insert(axis);
  }

  /// The mean of the squares of each channel on `axis`, summed over the samples: the energy that
  /// flows through it.
  void mean_square(std::size_t tensor, std::size_t axis) {
    tensors_[tensor].mean_square_axes.insert(axis);
  }

  /// What each tap of a kernel reads on the mean, summed over the samples.
  void tap_mean(std::size_t tensor, window how) { tensors_[tensor].windows.insert(std::move(how)); }

  /// Asks for what another asks for as well. @return Is anything of that new?
  auto merge(const statistics_request& other) -> bool {
    bool grew = false;
    const auto take = [&grew](auto& mine, const auto& theirs) {
      const std::size_t before = mine.size();
      mine.insert(theirs.begin(), theirs.end());
      grew = grew || mine.size() != before;
    };
    for (const auto& [tensor, theirs] : other.tensors_) {
      // Names all members, so that one more does not compile before it is merged.
      const auto& [extremes, extremes_axes, mean_axes, histogram_axes, mean_square_axes, windows, estimations] =
          theirs;
      of_tensor& mine = tensors_[tensor];
      grew = grew || (extremes && !mine.extremes);
      mine.extremes = mine.extremes || extremes;
      take(mine.extremes_axes, extremes_axes);
      take(mine.mean_axes, mean_axes);
      take(mine.histogram_axes, histogram_axes);
      take(mine.mean_square_axes, mean_square_axes);
      take(mine.windows, windows);
      take(mine.estimations, estimations);
    }
    return grew;
  }

  /// The part of this that is about `chosen`.
  [[nodiscard]] auto only(const std::set<std::size_t>& chosen) const -> statistics_request {
    statistics_request result;
    for (const auto& [tensor, wanted] : tensors_) {
      if (chosen.contains(tensor)) {
        result.tensors_.emplace(tensor, wanted);
      }
    }
    return result;
  }

  /// What an estimator makes of each sample.
  template <range_estimator P>
  void estimate(std::size_t tensor, const P& policy, std::optional<std::size_t> axis) {
    if constexpr (detail::is_one_of<P>) {
      std::visit([&](const auto& chosen) { estimate(tensor, chosen, axis); }, policy.chosen());
    } else if constexpr (detail::reads_extremes<P>) {
      extremes(tensor, axis);
    } else {
      tensors_[tensor].estimations.try_emplace(
          statistic_key(statistic_key_of(policy), axis),
          custom{
              axis,
              [policy](std::size_t channels) {
                return std::make_unique<detail::running_estimation_of<P>>(policy, channels);
              }
          }
      );
    }
  }

  [[nodiscard]] auto tensors() const noexcept -> const std::map<std::size_t, of_tensor>& {
    return tensors_;
  }

private:
  std::map<std::size_t, of_tensor> tensors_;
};

/// The range that `policy` reads off the two numbers that the statistics keep for it.
template <range_estimator P>
[[nodiscard]] auto stored_range(const P& policy, float low, float high) -> value_range<float> {
  if constexpr (detail::is_one_of<P>) {
    return std::visit(
        [&](const auto& chosen) { return stored_range(chosen, low, high); }, policy.chosen()
    );
  } else if constexpr (detail::reads_extremes<P>) {
    return range_of<float>(policy, extremes_estimation<float>{low, high, true});
  } else {
    return {low, high};
  }
}

} // namespace ptq
