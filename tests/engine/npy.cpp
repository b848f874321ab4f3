// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>
#include <npy/npy.hpp>

#include "support/scratch.hpp"

namespace {

struct scratch : ptq::test::scratch {
  [[nodiscard]] auto
  file(const std::string& header, const std::string& values, char version = 1) const
      -> std::filesystem::path {
    std::string bytes("\x93NUMPY", 6);
    bytes += version;
    bytes += '\0';
    bytes += static_cast<char>(header.size());
    bytes += '\0';
    if (version != 1) {
      bytes += std::string(2, '\0');
    }
    const auto path = folder / "made.npy";
    std::ofstream(path, std::ios::binary) << bytes << header << values;
    return path;
  }
};

template <class Load>
auto refusal(Load load, const std::filesystem::path& file) -> std::string {
  try {
    static_cast<void>(load(file));
  } catch (const npy::error& problem) {
    return problem.what();
  }
  return "it was accepted";
}

} // namespace

TEST_CASE("arrays come back as they were saved") {
  const scratch here;
  auto floats = xt::xarray<float>::from_shape({2, 1, 3});
  auto integers = xt::xarray<std::int64_t>::from_shape({4});
  for (std::size_t i = 0; i != floats.size(); ++i) {
    floats.data()[i] = static_cast<float>(i) / 3.0F;
  }
  for (std::size_t i = 0; i != integers.size(); ++i) {
    integers.data()[i] = -static_cast<std::int64_t>(i);
  }
  npy::save(here.folder / "floats.npy", floats);
  npy::save(here.folder / "integers.npy", integers);
  const auto floats_again = npy::load_floats(here.folder / "floats.npy");
  const auto integers_again = npy::load_integers(here.folder / "integers.npy");
  REQUIRE(floats_again.shape() == floats.shape());
  REQUIRE(integers_again.shape() == integers.shape());
  CHECK(std::equal(floats.data(), floats.data() + floats.size(), floats_again.data()));
  CHECK(std::equal(integers.data(), integers.data() + integers.size(), integers_again.data()));
  CHECK_FALSE(std::filesystem::exists(here.folder / "floats.npy.partial"));
}

TEST_CASE("integers of any width are read as int64") {
  const scratch here;
  const std::string shape = ", 'fortran_order': False, 'shape': (2,), }\n";
  const auto bytes = here.file("{'descr': '|u1'" + shape, std::string("\x03\xff", 2));
  CHECK(npy::load_integers(bytes).data()[1] == 255);
  const auto shorts = here.file("{'descr': '<i2'" + shape, std::string("\xfe\xff\x05\0", 4), 2);
  CHECK(npy::load_integers(shorts).data()[0] == -2);
  const auto large = here.file("{'descr': '<u8'" + shape, std::string(16, '\xff'));
  CHECK(refusal(npy::load_integers, large).find("does not fit into int64") != std::string::npos);
}

TEST_CASE("what is no such array is refused in one line that names the file") {
  const scratch here;
  const auto floats = [&](const std::string& header, const std::string& values) {
    const auto file = here.file(header, values);
    const std::string said = refusal(npy::load_floats, file);
    CHECK(said.starts_with(file.string() + ": "));
    CHECK(said.find('\n') == std::string::npos);
    return said;
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  const std::string rest = "'fortran_order': False, 'shape': (2, 2), }\n";
  CHECK(has(
      floats("{'descr': '<f4', " + rest, "123"), "promises 16 bytes of values, the file holds 3"
  ));
  CHECK(has(floats("{'descr': '<f8', " + rest, std::string(32, '\0')), "elements are <f8"));
  CHECK(has(floats("{" + rest, ""), "no entry 'descr'"));
  CHECK(has(floats("{'descr': [('a', '<f4')], " + rest, ""), "not a plain one"));
  const std::string f4 = "{'descr': '<f4', ";
  CHECK(has(floats(f4 + "'fortran_order': True, 'shape': (1,)}", "1234"), "Fortran order"));
  CHECK(has(floats(f4 + "'fortran_order': False, 'shape': 4}", "1234"), "not a tuple"));
  CHECK(has(floats(f4 + "'fortran_order': False, 'shape': (x,)}", "1234"), "no extent"));
  CHECK(has(
      floats(f4 + "'fortran_order': False, 'shape': (4294967296, 4294967296)}", "1234"), "too large"
  ));
  CHECK(has(refusal(npy::load_floats, here.folder / "none.npy"), "there is no such file"));
  CHECK(has(refusal(npy::load_floats, here.folder), "cannot be read"));
  std::ofstream(here.folder / "text.npy") << "hello, this is text";
  CHECK(has(refusal(npy::load_floats, here.folder / "text.npy"), "this is no .npy file"));
  std::ofstream(here.folder / "cut.npy") << std::string("\x93NUMPY\x01\0\x80\0{", 11);
  CHECK(has(refusal(npy::load_floats, here.folder / "cut.npy"), "ends within the .npy header"));
}

TEST_CASE("an array that cannot be written leaves nothing behind") {
  const scratch here;
  const auto values = xt::xarray<float>::from_shape({2});
  CHECK_THROWS_AS(npy::save(here.folder / "no" / "such" / "folder.npy", values), npy::error);
  std::filesystem::create_directories(here.folder / "taken.npy" / "inside");
  CHECK_THROWS_AS(npy::save(here.folder / "taken.npy", values), npy::error);
  CHECK_FALSE(std::filesystem::exists(here.folder / "taken.npy.partial"));
}
