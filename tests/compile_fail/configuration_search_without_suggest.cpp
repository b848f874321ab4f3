// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a search over configurations provides .suggest.std::span<const ptq::search_axis>, std::span<const ptq::trial>. const -> std::optional<ptq::configuration>.
#include <ptq/search/configuration.hpp>

#include <optional>
#include <span>

struct first_only {
#ifdef PTQ_EXPECT_ERROR
  auto suggest(std::span<const ptq::search_axis> axes) const -> ptq::configuration;
#else
  auto suggest(std::span<const ptq::search_axis> axes, std::span<const ptq::trial> so_far) const
      -> std::optional<ptq::configuration>;
#endif
};

static_assert(ptq::explain_configuration_search<first_only>());
