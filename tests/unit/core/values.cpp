// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/choices.hpp>
#include <ptq/core/element_type.hpp>
#include <ptq/core/error.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/op.hpp>
#include <ptq/core/shared_value.hpp>
#include <ptq/core/tensor_ref.hpp>
#include <ptq/core/value_range.hpp>

#include <concepts>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include "support/archetypes.hpp"

namespace {

static_assert(std::regular<ptq::grid>);
static_assert(std::regular<ptq::value_range<float>>);
static_assert(std::regular<ptq::op_attributes>);
static_assert(std::regular<ptq::shared_value<std::string>>);
static_assert(std::regular<ptq::tensor_ref<int>> && std::totally_ordered<ptq::tensor_ref<int>>);
static_assert(std::totally_ordered<ptq::tensor_ref<ptq::test::id_archetype>>);

constexpr ptq::grid same{.in_low = -1.0F, .in_high = 3.0F, .levels = 5};
static_assert(same.out_low == -1.0F && same.out_high == 3.0F);
static_assert(same.scale() == 1.0 && same.zero_point() == 1.0);
static_assert(ptq::grid{}.scale() == 0.0 && ptq::grid{}.zero_point() == 0.0);
static_assert(ptq::grid{.levels = std::int64_t{1} << 32U}.levels == 4'294'967'296);

static_assert(ptq::symmetric == ptq::mode::symmetric);
static_assert(ptq::per_channel == ptq::granularity::per_channel);

static_assert(ptq::size_of(ptq::element_type::bf16) == 2);
static_assert(ptq::element_type_of<std::uint8_t> == ptq::element_type::u8);
static_assert(!ptq::has_element_type<std::string>);

TEST_CASE("each operation has a name of its own") {
  const std::set<std::string_view> names(ptq::op_names.begin(), ptq::op_names.end());
  CHECK(names.size() == ptq::op_names.size());
  CHECK(
      ptq::op_names.size() == static_cast<std::size_t>(ptq::op::grouped_transposed_convolution) + 1
  );
  CHECK(ptq::name_of(ptq::op::depthwise_convolution) == "depthwise_convolution");
  CHECK(ptq::name_of(ptq::op::softmax) == "softmax");
}

TEST_CASE("each element type has a name and a size") {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ptq::element_type::boolean); ++i) {
    const auto type = static_cast<ptq::element_type>(i);
    CHECK(ptq::size_of(type) > 0);
    CHECK(names.insert(ptq::name_of(type)).second);
  }
}

TEST_CASE("an error says what, where, and which option") {
  const ptq::error bare("nothing to do");
  CHECK(std::string(bare.what()) == "nothing to do");
  const ptq::error full("is negative", "conv1", "threshold");
  CHECK(std::string(full.what()) == "conv1: is negative (option `threshold`)");
  CHECK(full.where() == "conv1");
  CHECK(full.option() == "threshold");
  static_assert(std::is_base_of_v<std::runtime_error, ptq::error>);
}

TEST_CASE("a shared value is compared by what it holds and copied by reference") {
  const ptq::shared_value<std::vector<int>> a(std::vector{1, 2});
  const auto copy = a;
  CHECK(&*copy == &*a);
  CHECK(copy == a);
  CHECK(ptq::shared_value(std::vector{1, 2}) == a);
  CHECK(ptq::shared_value(std::vector{1, 3}) != a);
  CHECK(a->size() == 2);
  CHECK(ptq::shared_value<int>() == ptq::shared_value<int>(0));
}

TEST_CASE("an absent tensor is unlike any output") {
  using ref = ptq::tensor_ref<int>;
  CHECK(ref::absent().is_absent());
  CHECK_FALSE(ref(0).is_absent());
  CHECK(ref::absent() != ref(0));
  CHECK(ref(3) == ref(3, 0));
  CHECK(ref(1, 5) < ref(2, 0));
  CHECK(ref(2, 0) < ref(2, 1));
  const std::map<ptq::tensor_ref<std::string>, int> by_name{{{"b"}, 1}, {{"a", 1}, 2}, {{"a"}, 3}};
  CHECK(by_name.begin()->second == 3);
}

} // namespace
