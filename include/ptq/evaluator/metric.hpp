// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace ptq {

enum class direction : unsigned char { higher_is_better, lower_is_better };

using enum direction;

/// A measure of quality over a set of samples.
struct metric {
  std::string name{};
  ptq::direction direction = higher_is_better;
  std::vector<double> per_sample{}; ///< In the order of the samples asked for.
  double least =
      -std::numeric_limits<double>::infinity();          ///< The worst or best one sample can get;
  double most = std::numeric_limits<double>::infinity(); ///< lets a search stop early.
  std::optional<double> whole{}; ///< Only for what is no mean over samples (mAP, perplexity).
  /// How far each sample is from being judged otherwise, in any unit: the lead of the best class.
  /// Optional. Those of the float model say which calls are close, those of a candidate how far it
  /// moves them: a search looks at the closest calls first, and foresees the others.
  std::vector<double> margin{};

  /// `whole` if there is one, else the mean of `per_sample`.
  [[nodiscard]] auto value() const -> double {
    return whole ? *whole
                 : std::accumulate(per_sample.begin(), per_sample.end(), 0.0) /
                       static_cast<double>(per_sample.size());
  }

  friend auto operator==(const metric&, const metric&) -> bool = default;
};

using measurement = std::vector<metric>;

} // namespace ptq
