// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/evaluator/concept.hpp>
#include <ptq/observer/observer.hpp>
#include <ptq/observer/step_text.hpp>
#include <ptq/ranking/measurement_log.hpp>
#include <ptq/ranking/measuring_engine.hpp>
#include <ptq/ranking/plan_meter.hpp>
#include <ptq/ranking/state_file.hpp>
#include <ptq/ranking/unlabelled_engine.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace ptq::detail {

/// What measures plans for an algorithm, and what it measures, in words.
struct measuring_session {
  std::unique_ptr<measuring_engine> engine{};
  std::string measured_by = "labels";

  /// @param annotation_free  The float model's answers are the labels, whatever the evaluator has.
  template <class G, class E>
  static auto over(
      const G& of,
      E& evaluator,
      bool annotation_free,
      const without_labels& unlabelled,
      const observers& tell
  ) -> measuring_session {
    measuring_session result{.engine = std::make_unique<measuring_engine_of<G, E>>(of, evaluator)};
    if (annotation_free || !measuring_evaluator_for<E, G>) {
      auto without = std::make_unique<unlabelled_engine>(std::move(result.engine), unlabelled);
      tell.on_note({"metrics", "no labels: the metric is " + without->name()});
      result.measured_by = without->name();
      if (!unlabelled.distance) {
        result.measured_by +=
            " where it is sure by " + json_number(unlabelled.annotation_conf_threshold);
      }
      result.engine = std::move(without);
    }
    return result;
  }

  /// Begins a search, or goes on from its state.
  /// @param about  What tells this search from others.
  static void
  begin(plan_meter& meter, const std::string& state, bool resume, const std::string& about) {
    std::optional<measurement_log> before;
    if (resume && !state.empty()) {
      before = load_state(state, meter.tell());
    }
    if (before) {
      meter.resume(std::move(*before), about);
    } else {
      meter.begin(about);
    }
  }
};

} // namespace ptq::detail
