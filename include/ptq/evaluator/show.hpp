// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/flow.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/core/tensor_ref.hpp>
#include <ptq/core/tensor_view.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>

namespace ptq {

/// The callback through which an evaluator shows tensors. A reference of two pointers: it lives as
/// long as the call of `observe` that it was given to, and its calls must not overlap.
template <class Id>
class show_ref {
public:
  /// @param sink Called as `sink(const samples&, tensor_ref<Id>, const tensor_view&) -> flow`.
  template <class Sink>
    requires(!std::same_as<std::remove_cv_t<Sink>, show_ref>)
  explicit constexpr show_ref(Sink& sink)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(sink)))),
        call_([](void* object, const samples& batch, tensor_ref<Id> tensor, const tensor_view& view
              ) { return (*static_cast<Sink*>(object))(batch, tensor, view); }) {}

  /// Shows the tensor that `tensor.node` produced for one sample, before any quantizer on it. Axis
  /// 0 is the sample. More may be shown than was asked, in any order of the samples.
  /// @return `ptq::enough` if nothing more is wanted; it may be ignored.
  auto operator()(std::size_t sample, tensor_ref<Id> tensor, const tensor_view& view) const
      -> flow {
    return call_(object_, samples{sample, sample + 1}, tensor, view);
  }

  /// The same for a batch: axis 0 has one entry for each sample of `batch`, in its order.
  auto operator()(const samples& batch, tensor_ref<Id> tensor, const tensor_view& view) const
      -> flow {
    return call_(object_, batch, tensor, view);
  }

private:
  void* object_;
  flow (*call_)(void*, const samples&, tensor_ref<Id>, const tensor_view&);
};

} // namespace ptq
