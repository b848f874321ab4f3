// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: an observer has at least one of on_progress, on_note, on_time, on_step: is a name misspelt.
// expect: on_progress is there, but cannot be called as on_progress.const ptq::progress&.
// expect: on_note is there, but cannot be called as on_note.const ptq::note&.
// expect: on_time is there, but cannot be called as on_time.const ptq::stage_time&.
// expect: on_step is there, but cannot be called as on_step.const ptq::step&.
#include <ptq/observer/observer.hpp>

#include <string>

#ifdef PTQ_EXPECT_ERROR
struct misspelt {
  void on_notes(const ptq::note&);
};

struct of_other_types {
  void on_progress(int percent);
  void on_note(const std::string&);
  void on_time(const ptq::stage_time&); // and the observer is const
  auto on_step(ptq::step&) const -> ptq::flow;
};
#else
struct misspelt {
  void on_note(const ptq::note&);
};

struct of_other_types {
  void on_progress(const ptq::progress&) const;
  void on_note(const ptq::note&) const;
  void on_time(const ptq::stage_time&) const;
  auto on_step(const ptq::step&) const -> ptq::flow;
};
#endif

auto tell(misspelt& first, const of_other_types& second) -> ptq::observers {
  return ptq::observed_by(first, second);
}
