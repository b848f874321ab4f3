// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/evaluator/metric.hpp>
#include <ptq/graph/digest.hpp>
#include <ptq/ranking/detail/log_bytes.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace ptq {

/// All that an engine was asked during a search, with its answers. A search that is given the same
/// answers takes the same steps: this is the state of a search, whatever its policies.
class measurement_log {
public:
  /// What was asked: of which plan, what, on which samples.
  struct question {
    std::uint64_t plan = 0; ///< Its `fingerprint`; 0 for the float model.
    std::string what{};     ///< `metrics`, or what a ranking calls its question.
    std::uint64_t on = 0;   ///< `fingerprint_of` the samples.

    friend auto operator<=>(const question&, const question&) = default;
  };

  /// @param search  What the search is about: the model, the plan that it starts from, the samples.
  explicit measurement_log(std::string search = {}) : search_(std::move(search)) {}

  [[nodiscard]] auto search() const noexcept -> const std::string& { return search_; }

  [[nodiscard]] auto size() const noexcept -> std::size_t { return answers_.size(); }

  /// Null if it was not asked.
  [[nodiscard]] auto find(const question& of) const -> const measurement* {
    const auto found = answers_.find(of);
    return found == answers_.end() ? nullptr : &found->second;
  }

  /// Adds an answer; the first one to a question counts.
  void add(const question& of, measurement answer) {
    const auto [at, fresh] = answers_.emplace(of, std::move(answer));
    if (fresh) {
      detail::put(body_, of.plan);
      detail::put(body_, of.what);
      detail::put(body_, of.on);
      detail::put(body_, at->second);
    }
  }

  double seconds = 0.0; ///< That the search has taken.

  /// @par Determinism The same bytes for the same answers in the same order, on every machine.
  [[nodiscard]] auto to_bytes() const -> std::string {
    std::string result(detail::state_mark);
    detail::put(result, search_);
    detail::put(result, seconds);
    detail::put(result, static_cast<std::uint64_t>(answers_.size()));
    result += body_;
    detail::put(result, detail::checksum(result));
    return result;
  }

  /// @throws error if these are no such bytes, or damaged.
  [[nodiscard]] static auto from_bytes(std::string_view bytes) -> measurement_log {
    detail::log_reader reader(bytes);
    measurement_log result(reader.text());
    result.seconds = reader.real();
    for (std::size_t left = reader.count(24); left != 0; --left) {
      question of{.plan = reader.number(), .what = reader.text(), .on = reader.number()};
      result.add(of, reader.measured());
    }
    reader.finish();
    return result;
  }

private:
  std::string search_;
  std::map<question, measurement> answers_{};
  std::string body_{}; ///< The answers as bytes, in the order in which they came.
};

[[nodiscard]] inline auto fingerprint_of(const samples& range) -> std::uint64_t {
  detail::fnv1a hash;
  hash.number(range.size());
  for (const std::size_t sample : range) {
    hash.number(sample);
  }
  return hash.value();
}

} // namespace ptq
