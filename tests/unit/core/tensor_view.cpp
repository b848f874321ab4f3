// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/tensor_data.hpp>
#include <ptq/core/tensor_view.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"

namespace {

using ptq::dimension;
using ptq::element_type;
using ptq::tensor_view;
using ptq::test::message_of;

constexpr std::array<float, 24> values{};

/// Where the element lies, counted in elements from the first.
constexpr auto offset(const tensor_view& view, std::initializer_list<std::size_t> index)
    -> std::ptrdiff_t {
  std::ptrdiff_t result = 0;
  for (std::size_t axis = 0; axis != index.size(); ++axis) {
    result += view.dimensions()[axis].offset_of(index.begin()[axis]);
  }
  return result;
}

constexpr tensor_view dense(values, {2, 3, 4});
static_assert(dense.rank() == 3 && dense.size() == 24 && dense.is_dense());
static_assert(dense.type() == element_type::f32);
static_assert(offset(dense, {1, 2, 3}) == 23);
static_assert(tensor_view().size() == 1 && tensor_view().data() == nullptr);

constexpr tensor_view turned = tensor_view(values, {2, 4, 3}).permuted({0, 2, 1});
static_assert(turned.extent(1) == 3 && turned.extent(2) == 4 && !turned.is_dense());
static_assert(offset(turned, {1, 2, 3}) == 12 + 3 * 3 + 2);

TEST_CASE("a view knows the type of its elements") {
  const std::vector<std::int8_t> codes(6);
  CHECK(tensor_view(codes, {2, 3}).type() == element_type::i8);
  const std::vector<std::size_t> extents{2, 3};
  CHECK(tensor_view(codes.data(), extents).size() == 6);
  CHECK(tensor_view(codes.data(), {2, 3}).data_as<std::int8_t>() == codes.data());
  CHECK(tensor_view(codes, extents).extent(1) == 3);
}

TEST_CASE("an axis may lie in blocks, with padding that is never seen") {
  // 19 channels in blocks of 16, as nChw16c has them: element (c, y) at c / 16 * 2 * 16 + y * 16 +
  // c % 16.
  const std::array<dimension, 3> blocked{
      dimension{.extent = 1, .stride = 64},
      dimension{.extent = 19, .stride = 32, .block = 16, .block_stride = 1},
      dimension{.extent = 2, .stride = 16}
  };
  const std::vector<float> memory(64);
  const tensor_view view(memory.data(), element_type::f32, blocked);
  CHECK(view.size() == 38);
  CHECK_FALSE(view.is_dense());
  CHECK(offset(view, {0, 0, 1}) == 16);
  CHECK(offset(view, {0, 15, 0}) == 15);
  CHECK(offset(view, {0, 16, 0}) == 32);
  CHECK(offset(view, {0, 18, 1}) == 50);
  CHECK(view.at(1, 18).data_as<float>() == memory.data() + 34);
}

TEST_CASE("a part of a view keeps the axes") {
  const tensor_view part = dense.at(1, 2);
  CHECK(part.rank() == 3);
  CHECK(part.extent(1) == 1);
  CHECK(part.size() == 8);
  CHECK(part.data_as<float>() == values.data() + 8);
  CHECK(offset(part, {1, 0, 3}) == 15);
}

TEST_CASE("axes of extent 1 do not hinder density") {
  const std::array<dimension, 3> odd_strides{
      dimension{.extent = 1, .stride = 99},
      dimension{.extent = 3, .stride = 4},
      dimension{.extent = 4, .stride = 1}
  };
  CHECK(tensor_view(values.data(), element_type::f32, odd_strides).is_dense());
}

TEST_CASE("views that do not fit are refused") {
  CHECK(message_of([] {
          (void)tensor_view(values, {5, 5});
        }) == "a tensor view of 25 elements over a range of 24");
  CHECK(message_of([] {
          (void)tensor_view(values, {1, 1, 1, 1, 1, 1, 1, 1, 24});
        }) == "a tensor of 9 axes; at most 8 are supported");
  CHECK(message_of([] {
          (void)tensor_view(values.data(), element_type::f32, std::vector<dimension>(9));
        }) == "a tensor of 9 axes; at most 8 are supported");
  const std::string no_permutation = "the order of axes is no permutation of the tensor's axes";
  CHECK(message_of([] { (void)dense.permuted({0, 1}); }) == no_permutation);
  CHECK(message_of([] { (void)dense.permuted({0, 1, 1}); }) == no_permutation);
  CHECK(message_of([] { (void)dense.permuted({0, 1, 3}); }) == no_permutation);
}

TEST_CASE("messages write a shape as extents") {
  CHECK(ptq::shape_text(dense) == "2x3x4");
  CHECK(ptq::shape_text(tensor_view(values.data(), std::vector<int>{})) == "scalar");
}

TEST_CASE("tensor_data is viewed where it lies") {
  const ptq::tensor_data data{{2, 2}, {1, 2, 3, 4}};
  CHECK(data.view().data() == data.values.data());
  CHECK(data.view().extent(0) == 2);
  CHECK(data == ptq::tensor_data{{2, 2}, {1, 2, 3, 4}});
  CHECK(data != ptq::tensor_data{{4}, {1, 2, 3, 4}});
}

TEST_CASE("extents may mix constants and sizes") {
  const std::vector<float> memory(6);
  const std::size_t channels = 2;
  const std::size_t width = 3;
  const ptq::tensor_view view(memory.data(), {1, channels, width});
  CHECK(view.rank() == 3);
  CHECK(view.extent(0) == 1);
  CHECK(view.extent(2) == 3);
  CHECK(ptq::tensor_view(memory, {1, channels, width}).size() == 6);
  CHECK(ptq::tensor_view(memory, {2, 3}).size() == 6);
}

} // namespace
