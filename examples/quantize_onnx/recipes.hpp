// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/algorithm/recipe.hpp>
#include <ptq/config/named_ranges.hpp>
#include <ptq/config/names.hpp>
#include <ptq/correction/channel_alignment.hpp>
#include <ptq/correction/none.hpp>
#include <ptq/correction/overflow_correction.hpp>
#include <ptq/correction/saturation_fix.hpp>
#include <ptq/device/table.hpp>

#include <variant>

#include "engine/model.hpp"
#include "options.hpp"

/// Each axis that the command line offers is a variant over that axis alone.
using some_overflow_correction =
    ptq::one_of<ptq::correction::none, ptq::correction::overflow_correction>;

/// POT's DefaultQuantization.
using pot_recipe = ptq::default_quantization<
    ptq::config::chosen<ptq::config::presets>,
    ptq::device::table,
    ptq::config::named_ranges,
    ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
    ptq::corrections<
        ptq::one_of<ptq::correction::channel_alignment, ptq::correction::none>,
        ptq::correction::saturation_fix,
        ptq::config::chosen<ptq::config::bias_corrections>,
        some_overflow_correction>>;

/// The library's own.
using own_recipe = ptq::recipe::standard<
    ptq::device::table,
    ptq::config::chosen<ptq::config::presets>,
    ptq::ranges<
        ptq::for_weights<ptq::weighted_mean_squared_error>,
        ptq::for_activations<ptq::both<ptq::config::chosen<ptq::config::distribution_estimators>>>>,
    ptq::recipe::schemes,
    ptq::corrections<
        ptq::one_of<ptq::correction::depthwise_equalisation, ptq::correction::none>,
        ptq::correction::saturation_fix,
        ptq::config::chosen<ptq::config::bias_corrections>,
        some_overflow_correction>>;

using quantization = std::variant<own_recipe, pot_recipe>;

/// The recipe that the user chose, with the options set.
/// @throws ptq::error for what does not go together, and for a node or an operator that the model
///   does not have.
[[nodiscard]] auto quantization_of(const options& chosen, const engine::model& model)
    -> quantization;
