// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/statistics/exact_sum.hpp>
#include <ptq/statistics/log_histogram.hpp>
#include <ptq/statistics/sample_set.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// Which number of which tensor: `{"conv1", "extremes"}`, `{"conv1", "mean/1"}`.
struct statistic_name {
  std::string tensor{};
  std::string statistic{};

  friend auto operator==(const statistic_name&, const statistic_name&) -> bool = default;
  friend auto operator<=>(const statistic_name&, const statistic_name&) = default;
};

/// What calibration saw: a regular value that can be merged, saved and sent.
///
/// Three kinds of entries. *Per sample*: a few numbers for each sample, for aggregators that need
/// them all; memory grows by those numbers with each sample. *Summed*: exact sums over the samples,
/// whose size does not grow. *Counted*: histograms of all values, whose size does not grow either.
///
/// @par Laws
/// - `merge` of any split of the samples, in any order, gives the value of the whole, bit for bit.
/// - The empty statistics are neutral.
/// - A sample counts once: merging two values that both saw it is an error, not a double count.
/// - What is read, by `per_sample`, `mean` and `usual_shape`, is of all samples seen, or an error.
class statistics {
public:
  using per_sample_numbers = std::map<std::uint64_t, std::vector<float>>;

  struct sums {
    std::uint64_t count = 0;
    std::vector<exact_sum> totals{};

    friend auto operator==(const sums&, const sums&) -> bool = default;
  };

  struct counted {
    std::uint64_t count = 0; ///< Of samples.
    std::vector<log_histogram> channels{};

    friend auto operator==(const counted&, const counted&) -> bool = default;
  };

  using shape_counts = std::map<std::vector<std::uint64_t>, std::uint64_t>;

  [[nodiscard]] auto seen() const noexcept -> const sample_set& { return seen_; }

  /// The digest of the graph that was run; empty if it is not known.
  [[nodiscard]] auto model() const noexcept -> const std::string& { return model_; }

  void set_model(std::string digest) { model_ = std::move(digest); }

  [[nodiscard]] auto empty() const noexcept -> bool {
    return model_.empty() && seen_.runs().empty() && per_sample_.empty() && sums_.empty() &&
           counted_.empty() && shapes_.empty();
  }

  void see(std::uint64_t sample) { seen_.insert(sample); }

  /// @pre `first < last`
  void see(std::uint64_t first, std::uint64_t last) { seen_.insert(first, last); }

  /// Keeps the numbers of one sample.
  /// @throws error if there are numbers of another count, or of this sample, already.
  void record(const statistic_name& name, std::uint64_t sample, std::vector<float> numbers) {
    per_sample_numbers& entry = per_sample_[name];
    if (!entry.empty() && entry.begin()->second.size() != numbers.size()) {
      throw error(
          "sample " + std::to_string(sample) + " has " + std::to_string(numbers.size()) +
              " numbers of `" + name.statistic + "`, the samples before it " +
              std::to_string(entry.begin()->second.size()) + ": did its channels change?",
          name.tensor
      );
    }
    if (!entry.emplace(sample, std::move(numbers)).second) {
      throw error(
          "sample " + std::to_string(sample) + " was recorded twice for `" + name.statistic + "`",
          name.tensor
      );
    }
  }

  /// Adds one sample's numbers, all finite, to the sums.
  /// @throws error if the numbers before were of another count.
  void add(const statistic_name& name, std::span<const float> numbers) {
    sums& entry = sums_[name];
    if (entry.count == 0) {
      entry.totals.resize(numbers.size());
    }
    check_same_count(name, entry.totals.size(), numbers.size());
    for (std::size_t i = 0; i != numbers.size(); ++i) {
      entry.totals[i].add(numbers[i]);
    }
    ++entry.count;
  }

  /// Adds what was counted of some samples: a histogram of each channel.
  /// @throws error if one is empty, or those before were of another count.
  void add(const statistic_name& name, const counted& more) {
    for (const log_histogram& histogram : more.channels) {
      if (histogram.empty()) {
        throw error("a channel whose histogram `" + name.statistic + "` is empty", name.tensor);
      }
    }
    counted& entry = counted_[name];
    if (entry.count == 0) {
      entry.channels.resize(more.channels.size());
    }
    check_same_count(name, entry.channels.size(), more.channels.size());
    for (std::size_t i = 0; i != more.channels.size(); ++i) {
      entry.channels[i].merge(more.channels[i]);
    }
    entry.count += more.count;
  }

  /// Counts the shape that a sample's tensor had.
  void note_shape(const std::string& tensor, std::vector<std::uint64_t> shape) {
    ++shapes_[tensor][std::move(shape)];
  }

  /// The numbers of every sample, by sample.
  /// @throws error if they were not collected, or not of the samples seen.
  [[nodiscard]] auto per_sample(const statistic_name& name) const -> const per_sample_numbers& {
    const auto found = per_sample_.find(name);
    if (found == per_sample_.end()) {
      throw missing(name);
    }
    check_covered(name, found->second.size());
    for (const auto& [sample, numbers] : found->second) {
      if (!seen_.contains(sample)) {
        throw error(
            "the statistics hold `" + name.statistic + "` of sample " + std::to_string(sample) +
                ", which they did not see",
            name.tensor
        );
      }
    }
    return found->second;
  }

  /// The mean over the samples of each number.
  /// @throws error if they were not collected, or not of all samples seen.
  [[nodiscard]] auto mean(const statistic_name& name) const -> std::vector<double> {
    const auto found = sums_.find(name);
    if (found == sums_.end() || found->second.count == 0) {
      throw missing(name);
    }
    check_covered(name, found->second.count);
    std::vector<double> result;
    for (const exact_sum& total : found->second.totals) {
      result.push_back(total.value() / static_cast<double>(found->second.count));
    }
    return result;
  }

  /// The histograms of all values, one for each channel.
  /// @throws error if they were not collected, or not of all samples seen.
  [[nodiscard]] auto histograms(const statistic_name& name) const
      -> const std::vector<log_histogram>& {
    const auto found = counted_.find(name);
    if (found == counted_.end()) {
      throw missing(name);
    }
    check_covered(name, found->second.count);
    return found->second.channels;
  }

  /// The shape that most samples had, the least of them on a tie.
  /// @throws error if no shape was noted, or not that of all samples seen.
  [[nodiscard]] auto usual_shape(const std::string& tensor) const
      -> const std::vector<std::uint64_t>& {
    const auto found = shapes_.find(tensor);
    if (found == shapes_.end() || found->second.empty()) {
      throw missing({tensor, "shape"});
    }
    const std::pair<const std::vector<std::uint64_t>, std::uint64_t>* best = nullptr;
    std::uint64_t noted = 0;
    for (const auto& entry : found->second) {
      noted += entry.second;
      if (best == nullptr || entry.second > best->second) {
        best = &entry;
      }
    }
    check_covered({tensor, "shape"}, noted);
    return best->first;
  }

  /// Adds what another part of the samples gave.
  /// @throws error, and changes nothing, if both saw the same sample, their channels differ, or
  /// they
  ///   are of different models.
  void merge(const statistics& other) {
    if (!model_.empty() && !other.model_.empty() && model_ != other.model_) {
      throw error(
          "the statistics to be merged are of different models: the digest of one is " + model_ +
          ", of the other " + other.model_
      );
    }
    statistics result = *this;
    if (result.model_.empty()) {
      result.model_ = other.model_;
    }
    if (const auto shared = seen_.first_shared_with(other.seen_)) {
      throw error("sample " + std::to_string(*shared) + " is in both statistics to be merged");
    }
    for (const auto& [first, last] : other.seen_.runs()) {
      result.seen_.insert(first, last);
    }
    for (const auto& [name, entry] : other.per_sample_) {
      for (const auto& [sample, numbers] : entry) {
        result.record(name, sample, numbers);
      }
    }
    for (const auto& [name, entry] : other.sums_) {
      sums& mine = result.sums_[name];
      if (mine.count == 0) {
        mine.totals.resize(entry.totals.size());
      }
      check_same_count(name, mine.totals.size(), entry.totals.size());
      for (std::size_t i = 0; i != entry.totals.size(); ++i) {
        mine.totals[i].merge(entry.totals[i]);
      }
      mine.count += entry.count;
    }
    for (const auto& [name, entry] : other.counted_) {
      result.add(name, entry);
    }
    for (const auto& [tensor, counts] : other.shapes_) {
      for (const auto& [shape, count] : counts) {
        result.shapes_[tensor][shape] += count;
      }
    }
    *this = std::move(result);
  }

  /// Everything, for saving.
  [[nodiscard]] auto all_per_sample() const noexcept
      -> const std::map<statistic_name, per_sample_numbers>& {
    return per_sample_;
  }

  [[nodiscard]] auto all_sums() const noexcept -> const std::map<statistic_name, sums>& {
    return sums_;
  }

  [[nodiscard]] auto all_counted() const noexcept -> const std::map<statistic_name, counted>& {
    return counted_;
  }

  [[nodiscard]] auto all_shapes() const noexcept -> const std::map<std::string, shape_counts>& {
    return shapes_;
  }

  /// Puts back saved numbers of all samples, in place of those that are there.
  void restore(const statistic_name& name, per_sample_numbers entry) {
    per_sample_[name] = std::move(entry);
  }

  /// Puts back saved sums.
  void restore(const statistic_name& name, sums entry) { sums_[name] = std::move(entry); }

  /// Takes what `newer` holds in place of what is held here by the same names.
  /// @throws error, and changes nothing, if it saw other samples.
  void take_over(const statistics& newer) {
    if (!(seen_ == newer.seen_)) {
      throw error("the statistics to be taken over are of other samples");
    }
    const auto take = [](auto& mine, const auto& theirs) {
      for (const auto& [name, entry] : theirs) {
        mine.insert_or_assign(name, entry);
      }
    };
    take(per_sample_, newer.per_sample_);
    take(sums_, newer.sums_);
    take(counted_, newer.counted_);
    take(shapes_, newer.shapes_);
  }

  void restore_shapes(const std::string& tensor, shape_counts counts) {
    shapes_[tensor] = std::move(counts);
  }

  friend auto operator==(const statistics&, const statistics&) -> bool = default;

private:
  static void
  check_same_count(const statistic_name& name, std::size_t expected, std::size_t given) {
    if (expected != given) {
      throw error(
          std::to_string(given) + " numbers of `" + name.statistic + "` where there were " +
              std::to_string(expected) + " before: did its channels change?",
          name.tensor
      );
    }
  }

  void check_covered(const statistic_name& name, std::uint64_t samples) const {
    if (samples != seen_.size()) {
      throw error(
          "the statistics hold `" + name.statistic + "` of " + std::to_string(samples) +
              " samples, but saw " + std::to_string(seen_.size()) +
              ": were those of unlike algorithms merged?",
          name.tensor
      );
    }
  }

  static auto missing(const statistic_name& name) -> error {
    return error(
        "the statistics hold no `" + name.statistic +
            "` of this tensor: they were collected for another algorithm or model",
        name.tensor
    );
  }

  std::string model_{};
  sample_set seen_{};
  std::map<statistic_name, per_sample_numbers> per_sample_{};
  std::map<statistic_name, sums> sums_{};
  std::map<statistic_name, counted> counted_{};
  std::map<std::string, shape_counts> shapes_{};
};

} // namespace ptq
