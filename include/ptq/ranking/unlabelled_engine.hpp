// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/evaluator/metric.hpp>
#include <ptq/ranking/measuring_engine.hpp>
#include <ptq/ranking/output_distance.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// What is measured where there are no labels.
struct without_labels {
  /// A distance of the outputs, which is then the metric: lower is better, and `maximal_drop` is in
  /// its unit. Empty: agreement with the float model's best class where the model has one output,
  /// a list of scores; nmse for others.
  std::optional<ptq::distance> distance{};
  /// Of agreement: samples of which the float model is less sure than this are left out.
  double annotation_conf_threshold = 0.6;

  friend auto operator==(const without_labels&, const without_labels&) -> bool = default;
};

/// Measures how far an engine's outputs are from those of the float model, which it keeps: four
/// bytes for each number of the outputs of all samples.
class unlabelled_engine final : public measuring_engine {
public:
  /// Runs the float model on all samples.
  /// @throws error for an engine that shows no outputs under a plan, and if no sample is left.
  unlabelled_engine(std::unique_ptr<measuring_engine> engine, const without_labels& how)
      : engine_(std::move(engine)) {
    if (!engine_->shows_outputs()) {
      throw error("without labels the evaluator has to run plans: `observe` with a plan");
    }
    if (!(how.annotation_conf_threshold >= 0.0) || how.annotation_conf_threshold > 1.0) {
      throw error("the confidence is 0 to 1", {}, "annotation_conf_threshold");
    }
    std::vector<output_tensors> wanted = engine_->outputs_of(plan{}, {0, engine_->sample_count()});
    distance_ = how.distance;
    if (!distance_ && !std::ranges::all_of(wanted, has_class_scores)) {
      distance_ = distance::nmse;
    }
    const bool shares = !distance_ && std::ranges::all_of(wanted, [](const output_tensors& each) {
      return detail::is_distribution(each.front());
    });
    auto known = std::make_shared<reference>();
    for (std::size_t s = 0; s != wanted.size(); ++s) {
      if (distance_ ||
          detail::confidence_of(wanted[s].front(), shares) >= how.annotation_conf_threshold) {
        known->kept.push_back(s);
        known->wanted.push_back(std::move(wanted[s]));
      }
    }
    if (known->kept.empty()) {
      throw error(
          "of no sample the float model is as sure as that", {}, "annotation_conf_threshold"
      );
    }
    reference_ = std::move(known);
  }

  /// What it measures, in words.
  [[nodiscard]] auto name() const -> std::string {
    return distance_ ? std::string(name_of(*distance_)) : "agreement with the float model";
  }

  [[nodiscard]] auto sample_count() const -> std::size_t override {
    return reference_->kept.size();
  }

  [[nodiscard]] auto shows_outputs() const -> bool override { return true; }

  [[nodiscard]] auto measure(const plan& under, const samples& range) -> measurement override {
    metric result{.name = name(), .least = 0.0};
    if (distance_) {
      result.direction = lower_is_better;
    } else {
      result.most = 1.0;
    }
    const std::vector<output_tensors> reached =
        under.empty() ? std::vector<output_tensors>{} : outputs_of(under, range);
    for (std::size_t at = 0; at != range.size(); ++at) {
      const output_tensors& wanted = reference_->wanted[range[at]];
      const output_tensors& found = under.empty() ? wanted : reached[at];
      if (distance_) {
        result.per_sample.push_back(distance_between(*distance_, wanted, found));
        continue;
      }
      const std::size_t best = detail::best_class(wanted.front());
      result.per_sample.push_back(best == detail::best_class(found.front()) ? 1.0 : 0.0);
      result.margin.push_back(detail::lead_of(found.front(), best));
    }
    return {result};
  }

  [[nodiscard]] auto outputs_of(const plan& under, const samples& range)
      -> std::vector<output_tensors> override {
    return engine_->outputs_of(under, kept(range));
  }

  [[nodiscard]] auto nodes() -> const topology& override { return engine_->nodes(); }

  [[nodiscard]] auto runner() -> plan_runner* override { return engine_->runner(); }

  [[nodiscard]] auto runner_samples(const samples& range) const -> samples override {
    return engine_->runner_samples(kept(range));
  }

  [[nodiscard]] auto fork() const -> std::unique_ptr<measuring_engine> override {
    auto another = engine_->fork();
    return another ? std::unique_ptr<measuring_engine>(
                         new unlabelled_engine(std::move(another), distance_, reference_)
                     )
                   : nullptr;
  }

private:
  struct reference {
    std::vector<std::size_t> kept{}; ///< The engine's samples that are measured.
    std::vector<output_tensors> wanted{};
  };

  unlabelled_engine(
      std::unique_ptr<measuring_engine> engine,
      std::optional<distance> kind,
      std::shared_ptr<const reference> known
  )
      : engine_(std::move(engine)), distance_(kind), reference_(std::move(known)) {}

  [[nodiscard]] auto kept(const samples& range) const -> samples {
    std::vector<std::size_t> list;
    for (const std::size_t sample : range) {
      list.push_back(reference_->kept[sample]);
    }
    return samples(std::move(list));
  }

  /// One output with more than one value on one axis, and the sample's.
  static auto has_class_scores(const output_tensors& of) -> bool {
    return of.size() == 1 && of.front().values.size() > 1 &&
           std::ranges::count_if(of.front().shape, [](std::size_t extent) { return extent > 1; }) ==
               1;
  }

  std::unique_ptr<measuring_engine> engine_;
  std::optional<distance> distance_{};
  std::shared_ptr<const reference> reference_{};
};

} // namespace ptq
