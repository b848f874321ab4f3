// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ptq::json {

/// A value in a JSON document together with the way to it, which every error names.
template <class Json>
class member {
public:
  member(const Json& value, std::string path) : value_(&value), path_(std::move(path)) {}

  [[nodiscard]] auto path() const -> const std::string& { return path_; }

  [[nodiscard]] auto is_null() const -> bool { return value_->is_null(); }

  /// The member `name`, which must be there.
  [[nodiscard]] auto operator[](const std::string& name) const -> member {
    require(value_->is_object(), "an object");
    const auto found = value_->find(name);
    if (found == value_->end()) {
      throw error("is missing", below(name));
    }
    return {*found, below(name)};
  }

  [[nodiscard]] auto has(const std::string& name) const -> bool {
    return value_->is_object() && value_->find(name) != value_->end();
  }

  template <class Visit>
  void for_each(Visit visit) const {
    require(value_->is_array(), "an array");
    for (std::size_t i = 0; i != value_->size(); ++i) {
      visit(member((*value_)[i], path_ + "[" + std::to_string(i) + "]"));
    }
  }

  [[nodiscard]] auto string() const -> std::string {
    require(value_->is_string(), "a string");
    return value_->template get<std::string>();
  }

  [[nodiscard]] auto integer(std::int64_t least, std::int64_t most) const -> std::int64_t {
    require(value_->is_number_integer(), "an integer");
    const bool too_large = value_->is_number_unsigned() &&
                           value_->template get<std::uint64_t>() > static_cast<std::uint64_t>(most);
    const auto result = value_->template get<std::int64_t>();
    if (too_large || result < least || result > most) {
      throw error(
          "is " + value_->dump() + ", not in " + std::to_string(least) + " .. " +
              std::to_string(most),
          path_
      );
    }
    return result;
  }

  /// A position or an extent.
  [[nodiscard]] auto index() const -> std::size_t {
    return static_cast<std::size_t>(integer(0, std::numeric_limits<std::int32_t>::max()));
  }

  /// A finite float.
  [[nodiscard]] auto number() const -> float {
    require(value_->is_number(), "a number");
    const float result = nearest_float(value_->template get<typename Json::number_float_t>());
    if (!std::isfinite(result)) {
      throw error("is no finite float32", path_);
    }
    return result;
  }

  /// A number as it was written; NaN for null.
  [[nodiscard]] auto real() const -> double {
    if (value_->is_null()) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    require(value_->is_number(), "a number");
    return value_->template get<double>();
  }

  [[nodiscard]] auto numbers() const -> std::vector<float> {
    require(value_->is_array(), "an array");
    std::vector<float> result;
    result.reserve(value_->size());
    for (const Json& each : *value_) {
      if (each.is_number_float()) {
        const float quick = nearest_float(each.template get<typename Json::number_float_t>());
        if (std::isfinite(quick)) {
          result.push_back(quick);
          continue;
        }
      }
      result.push_back(member(each, path_ + "[" + std::to_string(result.size()) + "]").number());
    }
    return result;
  }

  /// One of several words.
  template <class Choice>
  [[nodiscard]] auto choice(std::initializer_list<std::pair<std::string_view, Choice>> from) const
      -> Choice {
    const std::string word = string();
    std::string offered;
    for (const auto& [name, value] : from) {
      if (word == name) {
        return value;
      }
      offered += (offered.empty() ? "\"" : ", \"") + std::string(name) + "\"";
    }
    throw error("is \"" + word.substr(0, 40) + "\", not one of " + offered, path_);
  }

private:
  static auto nearest_float(float value) -> float { return value; }

  // Back to the decimal that was read and from there to float: a plain cast would round twice.
  static auto nearest_float(double value) -> float {
    char text[32];
    const auto written = std::to_chars(text, text + sizeof text, value);
    auto result = static_cast<float>(value);
    std::from_chars(text, written.ptr, result);
    return result;
  }

  void require(bool fulfilled, const char* what) const {
    if (!fulfilled) {
      throw error(std::string("is not ") + what, path_.empty() ? "the document" : path_);
    }
  }

  [[nodiscard]] auto below(const std::string& name) const -> std::string {
    return path_.empty() ? name : path_ + "." + name;
  }

  const Json* value_;
  std::string path_;
};

} // namespace ptq::json
