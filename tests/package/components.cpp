// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/version.hpp>

#include <boost/hana.hpp>
#include <nlohmann/json.hpp>
#include <xsimd/xsimd.hpp>
#include <xtensor/xtensor_config.hpp>

#ifdef XTENSOR_USE_XSIMD
#error ptq::xtensor turns on xtensor's own SIMD
#endif

int main() {
  const auto numbers = nlohmann::json::parse("[0, 1, 0]");
  const auto version =
      boost::hana::make_tuple(PTQ_VERSION_MAJOR, PTQ_VERSION_MINOR, PTQ_VERSION_PATCH);
  return numbers[1] == boost::hana::at_c<1>(version) && XTENSOR_VERSION_MAJOR == 0 ? 0 : 1;
}
