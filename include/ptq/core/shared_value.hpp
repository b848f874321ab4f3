// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <utility>

namespace ptq {

/// An immutable value that is cheap to copy: copies share it, `==` looks inside.
template <class T>
class shared_value {
public:
  shared_value() : value_(std::make_shared<const T>()) {}

  // Copies alone, so that what was moved from still has a value.
  shared_value(const shared_value&) = default;
  auto operator=(const shared_value&) -> shared_value& = default;
  ~shared_value() = default;

  shared_value(T value) : value_(std::make_shared<const T>(std::move(value))) {}

  [[nodiscard]] auto operator*() const noexcept -> const T& { return *value_; }

  [[nodiscard]] auto operator->() const noexcept -> const T* { return value_.get(); }

  friend auto operator==(const shared_value& a, const shared_value& b) -> bool {
    return a.value_ == b.value_ || *a.value_ == *b.value_;
  }

private:
  std::shared_ptr<const T> value_;
};

} // namespace ptq
