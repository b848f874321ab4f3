// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/nibbles.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"

namespace {

using ptq::test::message_of;
using int8s = std::vector<std::int8_t>;
using bytes = std::vector<std::uint8_t>;

template <class Code>
auto packed(const std::vector<Code>& codes) -> bytes {
  bytes result(ptq::nibble_bytes(codes.size()));
  ptq::pack_nibbles(std::span<const Code>(codes), std::span(result));
  return result;
}

TEST_CASE("the first code is in the lower half, and an odd number ends with zero") {
  // OpenVINO 2023.3 reads the constant 0x12 0x34 of type i4 as 2, 1, 4, 3.
  CHECK(packed(int8s{2, 1, 4, 3}) == bytes{0x12, 0x34});
  CHECK(packed(int8s{-8, 7, -1}) == bytes{0x78, 0x0F});
  CHECK(packed(bytes{15, 0, 8}) == bytes{0x0F, 0x08});
  CHECK(packed(int8s{}).empty());
}

TEST_CASE("codes of any number come back") {
  for (std::size_t count = 0; count != 70; ++count) {
    int8s with_sign(count);
    bytes without(count);
    for (std::size_t i = 0; i != count; ++i) {
      with_sign[i] = static_cast<std::int8_t>(static_cast<int>(i * 7 % 16) - 8);
      without[i] = static_cast<std::uint8_t>(i * 11 % 16);
    }
    int8s signed_again(count);
    bytes unsigned_again(count);
    ptq::unpack_nibbles<std::int8_t>(packed(with_sign), signed_again);
    ptq::unpack_nibbles<std::uint8_t>(packed(without), unsigned_again);
    CHECK(signed_again == with_sign);
    CHECK(unsigned_again == without);
  }
}

TEST_CASE("what four bits do not hold is refused") {
  const std::string problem = "pack_nibbles: a code does not fit into four bits";
  for (std::size_t at = 0; at != 5; ++at) {
    int8s with_sign(5, -8);
    bytes without(5, 15);
    CHECK(message_of([&] { (void)packed(with_sign); }) == "no error");
    CHECK(message_of([&] { (void)packed(without); }) == "no error");
    with_sign[at] = 8;
    CHECK(message_of([&] { (void)packed(with_sign); }) == problem);
    with_sign[at] = -9;
    CHECK(message_of([&] { (void)packed(with_sign); }) == problem);
    without[at] = 16;
    CHECK(message_of([&] { (void)packed(without); }) == problem);
  }
  bytes room(2);
  CHECK(message_of([&] {
          ptq::pack_nibbles<std::int8_t>(int8s(5), room);
        }) == "pack_nibbles: 5 codes of four bits, and room for 2 bytes");
  int8s codes(5);
  CHECK(message_of([&] {
          ptq::unpack_nibbles<std::int8_t>(bytes(2), codes);
        }) == "unpack_nibbles: 2 bytes, and room for 5 codes of four bits");
}

} // namespace
