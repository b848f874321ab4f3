// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a scheme is a regular value: default constructible, copyable and equality comparable
// expect: a scheme provides .grids.std::span<const ptq::value_range<float>>, const ptq::scheme_request&. const -> std::vector<ptq::grid>.
#include <ptq/scheme/concept.hpp>

#include <span>
#include <vector>

struct power_of_two {
#ifdef PTQ_EXPECT_ERROR
  auto grids(const ptq::value_range<float>& range) const -> ptq::grid; // one channel at a time
#else
  auto
  grids(std::span<const ptq::value_range<float>> ranges, const ptq::scheme_request& request) const
      -> std::vector<ptq::grid>;
  friend auto operator==(const power_of_two&, const power_of_two&) -> bool = default;
#endif
};

static_assert(ptq::explain_quantization_scheme<power_of_two>());
