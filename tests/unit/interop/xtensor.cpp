// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/interop/xtensor.hpp>
#include <ptq/kernel/reference.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>
#include <xtensor/xadapt.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

namespace {

constexpr ptq::grid usual{-2.5F, 3.1F, -2.5F, 3.1F, 255};

/// 2 x 3 x 4 x 5 values, all of them different.
template <class Container>
auto filled() -> Container {
  Container x;
  x.resize({2, 3, 4, 5});
  for (std::size_t n = 0; n != 2; ++n) {
    for (std::size_t c = 0; c != 3; ++c) {
      for (std::size_t h = 0; h != 4; ++h) {
        for (std::size_t w = 0; w != 5; ++w) {
          const auto place = static_cast<int>(((n * 3 + c) * 4 + h) * 5 + w);
          x(n, c, h, w) = static_cast<float>(place - 57) * 0.061F;
        }
      }
    }
  }
  return x;
}

auto three_grids() -> std::vector<ptq::grid> {
  return {usual, {-1.0F, 1.0F, -1.0F, 1.0F, 255}, {0.0F, 2.0F, 0.0F, 2.0F, 255}};
}

/// Element by element, by index: no layout can hide.
template <class X, class Y>
auto is_fake_quantized(const X& x, const Y& y, const ptq::grid& on) -> bool {
  bool same = x.dimension() == y.dimension() && x.size() == y.size();
  auto a = x.template begin<xt::layout_type::row_major>();
  auto b = y.template begin<xt::layout_type::row_major>();
  for (; same && a != x.template end<xt::layout_type::row_major>(); ++a, ++b) {
    same = ptq::reference::fake_quantize(static_cast<float>(*a), on) == *b;
  }
  return same;
}

template <class X, class Y>
auto is_fake_quantized_by_channel(const X& x, const Y& y, std::span<const ptq::grid> on) -> bool {
  bool same = true;
  for (std::size_t c = 0; c != on.size(); ++c) {
    using xt::all;
    same =
        same && is_fake_quantized(
                    xt::view(x, all(), c, all(), all()), xt::view(y, all(), c, all(), all()), on[c]
                );
  }
  return same;
}

TEST_CASE_TEMPLATE("containers of any layout are mapped by their elements", Container, xt::xarray<float>, xt::xtensor<float, 4>, xt::xarray<float, xt::layout_type::column_major>, xt::xtensor<float, 4, xt::layout_type::column_major>) {
  const auto x = filled<Container>();
  const auto on = three_grids();
  CHECK(is_fake_quantized(x, ptq::fake_quantize(x, usual), usual));
  CHECK(is_fake_quantized_by_channel(x, ptq::fake_quantize(x, ptq::channel_grids{1, on}), on));

  const auto codes = ptq::quantize(x, usual);
  CHECK(int{codes(0, 0, 0, 0)} == -127);
  CHECK(is_fake_quantized(x, ptq::dequantize(codes, usual), usual));
  const auto channel_codes = ptq::quantize<std::uint8_t>(x, ptq::channel_grids{1, on});
  CHECK(int{channel_codes(0, 2, 0, 0)} == 0);
  CHECK(
      is_fake_quantized_by_channel(x, ptq::dequantize(channel_codes, ptq::channel_grids{1, on}), on)
  );
}

TEST_CASE("views, strided and not, are mapped by their elements") {
  const auto x = filled<xt::xarray<float>>();
  CHECK(is_fake_quantized(xt::view(x, 1), ptq::fake_quantize(xt::view(x, 1), usual), usual));
  const auto steps = xt::view(x, xt::all(), xt::range(2, 0, -1), xt::all(), xt::range(0, 5, 2));
  CHECK(is_fake_quantized(steps, ptq::fake_quantize(steps, usual), usual));
  const auto turned = xt::transpose(x);
  CHECK(is_fake_quantized(turned, ptq::fake_quantize(turned, usual), usual));
  const auto some = xt::strided_view(x, {xt::ellipsis(), xt::range(1, 4)});
  CHECK(is_fake_quantized(some, ptq::fake_quantize(some, usual), usual));
}

TEST_CASE("adapted memory is read where it lies") {
  std::vector<float> memory(24);
  for (std::size_t i = 0; i != memory.size(); ++i) {
    memory[i] = static_cast<float>(i) * 0.1F - 1.0F;
  }
  const std::vector<std::size_t> shape{2, 3, 4};
  auto x = xt::adapt(memory, shape);
  CHECK(ptq::detail::row_major<float>(x).values().data() == memory.data());
  CHECK(ptq::detail::row_major<float>(xt::view(x, 1)).values().data() == memory.data() + 12);
  CHECK(is_fake_quantized(x, ptq::fake_quantize(x, usual), usual));
}

TEST_CASE("lazy expressions and other element types are evaluated first") {
  const auto x = filled<xt::xarray<float>>();
  const auto lazy = xt::eval(x * 0.5F + 0.1F);
  CHECK(ptq::fake_quantize(x * 0.5F + 0.1F, usual) == ptq::fake_quantize(lazy, usual));
  const xt::xarray<double> doubles = xt::cast<double>(x);
  CHECK(ptq::fake_quantize(doubles, usual) == ptq::fake_quantize(x, usual));
  const xt::xarray<int> integers{{-3, 0}, {1, 7}};
  CHECK(is_fake_quantized(integers, ptq::fake_quantize(integers, usual), usual));
}

TEST_CASE("the result goes into a container or view, which may be the input") {
  const auto x = filled<xt::xarray<float>>();
  const auto expected = ptq::fake_quantize(x, usual);

  auto in_place = x;
  ptq::fake_quantize(in_place, in_place, usual);
  CHECK(in_place == expected);

  auto turned = filled<xt::xarray<float, xt::layout_type::column_major>>();
  ptq::fake_quantize(turned, turned, usual);
  CHECK(turned == expected);

  xt::xarray<float> whole = xt::zeros<float>({2, 3, 4, 7});
  ptq::fake_quantize(x, xt::view(whole, xt::all(), xt::all(), xt::all(), xt::range(1, 6)), usual);
  CHECK(xt::view(whole, xt::all(), xt::all(), xt::all(), xt::range(1, 6)) == expected);
  CHECK(whole(0, 0, 0, 0) == 0.0F);

  const auto on = three_grids();
  auto channels = x;
  ptq::fake_quantize(xt::view(channels, 1), xt::view(channels, 1), ptq::channel_grids{0, on});
  CHECK(xt::view(channels, 0) == xt::view(x, 0));
  CHECK(xt::view(channels, 1) == xt::view(ptq::fake_quantize(x, ptq::channel_grids{1, on}), 1));
}

TEST_CASE_TEMPLATE("extremes, sums and errors are those of the elements in row-major order", Container, xt::xarray<float>, xt::xtensor<float, 4, xt::layout_type::column_major>) {
  const auto x = filled<Container>();
  const xt::xarray<float> plain = x;
  const std::span<const float> values(plain.data(), plain.size());
  CHECK(ptq::extremes_of(x) == ptq::extremes_of(values));
  CHECK(ptq::summarize(x) == ptq::summarize(values));
  CHECK(ptq::quantization_error(x, usual) == ptq::quantization_error(values, usual));

  const auto on = three_grids();
  std::vector<ptq::summary> channels(3);
  ptq::summarize(ptq::tensor_view(values, {2, 3, 20}), 1, channels);
  CHECK(ptq::summarize(x, 1) == channels);
  CHECK(
      ptq::quantization_error(x, ptq::channel_grids{1, on}) ==
      ptq::quantization_error(ptq::tensor_view(values, {2, 3, 20}), ptq::channel_grids{1, on})
  );
}

TEST_CASE("what does not fit is refused in one line that says why") {
  const auto x = filled<xt::xarray<float>>();
  const auto on = three_grids();
  xt::xarray<float> other = xt::zeros<float>({2, 3, 5, 4});
  CHECK_THROWS_WITH_AS(
      ptq::fake_quantize(x, other, usual),
      "fake_quantize: the shapes of input and output differ",
      ptq::error
  );
  CHECK_THROWS_WITH_AS(
      static_cast<void>(ptq::fake_quantize(x, ptq::channel_grids{4, on})),
      "fake_quantize: axis 4 of a tensor of 4 axes (option `axis`)",
      ptq::error
  );
  CHECK_THROWS_WITH_AS(
      static_cast<void>(ptq::quantize(x, ptq::channel_grids{0, on})),
      "quantize: 3 grids for the 2 channels on axis 1 of 1x2x60",
      ptq::error
  );
}

} // namespace
