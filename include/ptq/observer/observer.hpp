// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/flow.hpp>
#include <ptq/observer/step.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

namespace ptq {

/// How far a long stage is.
struct progress {
  std::string_view stage{}; ///< `calibration`; `second calibration` where that is needed; ...
  std::size_t done = 0;
  std::size_t of = 0;
};

/// What the user may want to know of what was done or left out.
struct note {
  std::string where{};   ///< The node or tensor.
  std::string message{}; ///< A sentence.
};

/// How long a stage took.
struct stage_time {
  /// `calibration` if an engine ran; then, for a plan, `reading` the graph, `placement`, `weights`,
  /// `activations`, `corrections`.
  std::string_view stage{};
  double seconds = 0.0;
};

namespace detail {

template <class O>
concept hears_progress = requires(O& observer, const progress& p) { observer.on_progress(p); };
template <class O>
concept hears_notes = requires(O& observer, const note& n) { observer.on_note(n); };
template <class O>
concept hears_times = requires(O& observer, const stage_time& t) { observer.on_time(t); };
template <class O>
concept hears_steps = requires(O& observer, const step& s) { observer.on_step(s); };

struct has_on_progress {
  void on_progress();
};

struct has_on_note {
  void on_note();
};

struct has_on_time {
  void on_time();
};

struct has_on_step {
  void on_step();
};

template <class O, class Probe>
struct joined : O, Probe {};

// A name is there, under whatever signature, iff it is ambiguous with that of another base.
template <class O>
concept mentions_on_progress = std::is_class_v<O> && !std::is_final_v<O> &&
                               !requires { &joined<O, has_on_progress>::on_progress; };
template <class O>
concept mentions_on_note =
    std::is_class_v<O> && !std::is_final_v<O> && !requires { &joined<O, has_on_note>::on_note; };
template <class O>
concept mentions_on_time =
    std::is_class_v<O> && !std::is_final_v<O> && !requires { &joined<O, has_on_time>::on_time; };
template <class O>
concept mentions_on_step =
    std::is_class_v<O> && !std::is_final_v<O> && !requires { &joined<O, has_on_step>::on_step; };

} // namespace detail

/// Has at least one of `on_progress(const progress&)`, `on_note(const note&)`, `on_time(const
/// stage_time&)` and `on_step(const step&)`. The last may return a `flow`: `ptq::enough` ends the
/// search.
template <class O>
concept observer = detail::hears_progress<O> || detail::hears_notes<O> || detail::hears_times<O> ||
                   detail::hears_steps<O>;

/// Is `observer<O>`, but fails to compile with one sentence for each misspelt piece.
template <class O>
consteval auto explain_observer() -> bool {
  static_assert(
      detail::hears_progress<O> || !detail::mentions_on_progress<O>,
      "on_progress is there, but cannot be called as on_progress(const ptq::progress&)"
  );
  static_assert(
      detail::hears_notes<O> || !detail::mentions_on_note<O>,
      "on_note is there, but cannot be called as on_note(const ptq::note&)"
  );
  static_assert(
      detail::hears_times<O> || !detail::mentions_on_time<O>,
      "on_time is there, but cannot be called as on_time(const ptq::stage_time&)"
  );
  static_assert(
      detail::hears_steps<O> || !detail::mentions_on_step<O>,
      "on_step is there, but cannot be called as on_step(const ptq::step&)"
  );
  static_assert(
      observer<O>,
      "an observer has at least one of on_progress, on_note, on_time, on_step: is a name misspelt?"
  );
  return observer<O>;
}

/// Any number of observers behind one type.
struct observers {
  std::function<void(const progress&)> on_progress = [](const progress&) {};
  std::function<void(const note&)> on_note = [](const note&) {};
  std::function<void(const stage_time&)> on_time = [](const stage_time&) {};
  std::function<flow(const step&)> on_step = [](const step&) { return more; };
};

/// One `observers` that tells all of `each`, which must outlive it.
template <class... Each>
[[nodiscard]] auto observed_by(Each&... each) -> observers {
  static_assert((explain_observer<Each>() && ...));
  return {
      .on_progress =
          [&each...](const progress& what) {
            const auto tell = [&what](auto& one) {
              if constexpr (detail::hears_progress<std::remove_reference_t<decltype(one)>>) {
                one.on_progress(what);
              }
            };
            (tell(each), ...);
            static_cast<void>(tell);
          },
      .on_note =
          [&each...](const note& what) {
            const auto tell = [&what](auto& one) {
              if constexpr (detail::hears_notes<std::remove_reference_t<decltype(one)>>) {
                one.on_note(what);
              }
            };
            (tell(each), ...);
            static_cast<void>(tell);
          },
      .on_time =
          [&each...](const stage_time& what) {
            const auto tell = [&what](auto& one) {
              if constexpr (detail::hears_times<std::remove_reference_t<decltype(one)>>) {
                one.on_time(what);
              }
            };
            (tell(each), ...);
            static_cast<void>(tell);
          },
      .on_step =
          [&each...](const step& what) {
            flow wanted = more;
            const auto tell = [&what, &wanted](auto& one) {
              using hearer = std::remove_reference_t<decltype(one)>;
              if constexpr (detail::hears_steps<hearer>) {
                if constexpr (std::convertible_to<decltype(one.on_step(what)), flow>) {
                  wanted = one.on_step(what) == enough ? enough : wanted;
                } else {
                  one.on_step(what);
                }
              }
            };
            (tell(each), ...);
            static_cast<void>(tell);
            return wanted;
          },
  };
}

} // namespace ptq
