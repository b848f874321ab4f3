// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/core/choices.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/depthwise_equalisation.hpp>
#include <ptq/correction/verified_bias.hpp>
#include <ptq/device/devices.hpp>
#include <ptq/placement/choices.hpp>
#include <ptq/placement/options.hpp>
#include <ptq/range/mean_squared_error.hpp>
#include <ptq/range/ranges.hpp>
#include <ptq/scheme/asymmetric.hpp>
#include <ptq/scheme/concept.hpp>
#include <ptq/scheme/symmetric.hpp>

#include <span>
#include <vector>

/// Combinations of policies for users who want to choose none.
namespace ptq::recipe {

/// Symmetric weights, asymmetric activations with one grid for a tensor, and quantizers at the
/// inputs of operations with constant weights alone.
struct preset {
  static constexpr ptq::where where = ptq::where::weighted_inputs;
  static constexpr tensor_options activations{.granularity = per_tensor};

  [[nodiscard]] constexpr auto prefers_accuracy(tensor_kind kind) const -> bool {
    return kind == tensor_kind::activations;
  }

  friend constexpr auto operator==(const preset&, const preset&) -> bool = default;
};

/// Symmetric and asymmetric grids that have zero on a code for any range. Floors of narrow ranges
/// only keep scales from vanishing, and tensors on one grid are unified before it is made.
struct schemes {
  scheme::symmetric symmetric{.floor = 1e-8F, .relative_floor = 1e-4, .align_always = true};
  scheme::asymmetric asymmetric{.floor = 1e-8, .align_always = true};
  ptq::unification unification = ptq::unification::of_ranges;

  [[nodiscard]] auto grids(
      mode wanted, std::span<const value_range<float>> ranges, const scheme_request& request
  ) const -> std::vector<grid> {
    return wanted == mode::symmetric ? symmetric.grids(ranges, request)
                                     : asymmetric.grids(ranges, request);
  }

  void check_options() const {
    symmetric.check_options();
    asymmetric.check_options();
  }

  friend auto operator==(const schemes&, const schemes&) -> bool = default;
};

/// The range of each tensor that has the least squared error on the data, that of all samples among
/// the candidates; each weight's error counts by the energy that it meets.
using ranges = ptq::
    ranges<for_weights<weighted_mean_squared_error>, for_activations<both<mean_squared_error>>>;

/// What a depthwise convolution reads is made equally wide in all channels; each bias is corrected
/// as far as it helps.
using corrections = ptq::corrections<correction::depthwise_equalisation, correction::verified_bias>;

/// The library's own recipe: good on any network, with no option to tune to one.
///
/// Takes any evaluator. One that runs plans lets it correct each bias in the quantized model and
/// keep what lowers the error of the outputs on held-back samples.
template <
    class Device = device::any,
    class Preset = preset,
    class Ranges = ranges,
    class Schemes = schemes,
    class Corrections = corrections>
using standard = default_quantization<Preset, Device, Ranges, Schemes, Corrections>;

} // namespace ptq::recipe
