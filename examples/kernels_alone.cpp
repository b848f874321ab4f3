// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernels without graph, engine or plan: on spans, on tensors of any layout, on xtensor's.
#include <ptq/interop/xtensor.hpp>
#include <ptq/ptq.hpp>

#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

#include <xtensor/xarray.hpp>
#include <xtensor/xview.hpp>

int main() {
  std::vector<float> x{-2.0F, -1.0F, -0.4F, 0.0F, 0.001F, 0.3F, 0.999F, 5.0F};
  std::vector<float> y(x.size());

  //! [span]
  const ptq::grid grid{.in_low = -1.0F, .in_high = 1.0F, .levels = 256};
  ptq::fake_quantize(std::span{x}, std::span{y}, grid);
  //! [span]
  for (std::size_t i = 0; i != x.size(); ++i) {
    std::printf("%g -> %.6f\n", static_cast<double>(x[i]), static_cast<double>(y[i]));
  }

  //! [error]
  const ptq::noise e = ptq::quantization_error(x, grid); // y is never written
  //! [error]
  std::printf(
      "largest error %g, signal to noise %.2f dB\n", static_cast<double>(e.largest), e.sqnr_db()
  );

  //! [channels]
  const std::size_t n = 1, c = 2, h = 2, w = 2;
  const std::vector<ptq::grid> grids{
      {.in_low = -2.0F, .in_high = 2.0F, .levels = 5},
      {.in_low = 0.0F, .in_high = 6.0F, .levels = 4}
  };
  ptq::fake_quantize( // any axis, in place allowed
      ptq::tensor_view{x, {n, c, h, w}},
      x,
      ptq::channel_grids{.axis = 1, .grids = grids}
  );
  //! [channels]
  for (const float value : x) {
    std::printf("%g ", static_cast<double>(value));
  }
  std::puts("");

  const xt::xarray<float> image{{{-1.0F, 0.26F}, {0.5F, 2.0F}}, {{7.0F, 8.0F}, {9.0F, 10.0F}}};
  //! [xtensor]
  const auto q = ptq::fake_quantize(xt::view(image, 0), grid); // xtensor in, xtensor out
  //! [xtensor]
  for (const float value : q) {
    std::printf("%.6f ", static_cast<double>(value));
  }
  std::puts("");
}
