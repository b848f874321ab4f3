// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/statistics/file.hpp>

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

namespace ptq::test {

enum class treatment : std::uint8_t {
  supported, ///< Ours is POT's, to the tolerances.
  same_as,   ///< POT refused it; ours is what POT made of another run.
  refused,   ///< POT refused it, and so does the library, with a sentence.
  planned,   ///< POT refused it; the library makes a plan, which a test of its own looks at.
  not_yet,
};

/// How a recorded run is compared with ours.
struct comparison_entry {
  treatment how = treatment::not_yet;
  bool everyday = false;    ///< On the engine, in the tests of every day too.
  bool engine_only = false; ///< The recorded statistics do not have all that it needs.
  std::string text{}; ///< The run that it equals, a part of the message, why it cannot be compared.
  /// What lies on the half between two codes there, so that the last bit of an engine's arithmetic
  /// decides over the accuracy: it is compared in that of OpenVINO's kernel.
  std::string on_halves{};
};

/// How each recorded run is to be compared: `tests/golden/comparisons.json`, by name.
inline auto read_comparisons() -> std::map<std::string, comparison_entry> {
  const std::map<std::string, treatment> words{
      {"supported", treatment::supported},
      {"same_as", treatment::same_as},
      {"refused", treatment::refused},
      {"planned", treatment::planned},
      {"not_yet", treatment::not_yet},
  };
  const std::string path = PTQ_TESTS_DIR "/golden/comparisons.json";
  std::map<std::string, comparison_entry> result;
  const nlohmann::json document = nlohmann::json::parse(read_file(path));
  for (const auto& [model, runs] : document.items()) {
    for (const auto& [name, entry] : runs.items()) {
      comparison_entry& read = result[model + "." + name];
      for (const auto& [key, value] : entry.items()) {
        if (key == "everyday") {
          read.everyday = value.template get<bool>();
        } else if (key == "engine_only") {
          read.engine_only = value.template get<bool>();
        } else if (key == "on_halves") {
          read.on_halves = value.template get<std::string>();
        } else if (const auto found = words.find(key); found != words.end()) {
          read.how = found->second;
          read.text = value.is_string() ? value.template get<std::string>() : std::string();
        } else {
          throw std::runtime_error(path + " says `" + key + "` of " + model + "." + name);
        }
      }
    }
  }
  return result;
}

} // namespace ptq::test
