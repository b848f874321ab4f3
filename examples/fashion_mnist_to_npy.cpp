// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <zlib.h>

#include "npy/npy.hpp"

namespace {

constexpr std::uint32_t side = 28;

/// A gzipped IDX file: a big-endian header, then one byte for each pixel or label.
class idx_file {
public:
  idx_file(const std::filesystem::path& file, std::uint32_t magic)
      : name_(file.string()), file_(gzopen(name_.c_str(), "rb")) {
    if (file_ == nullptr) {
      fail("the file cannot be opened");
    }
    if (number() != magic) {
      fail("this is not the IDX file that was expected");
    }
    count_ = number();
  }

  idx_file(const idx_file&) = delete;
  auto operator=(const idx_file&) -> idx_file& = delete;

  ~idx_file() { gzclose(file_); }

  [[nodiscard]] auto count() const -> std::uint32_t { return count_; }

  auto number() -> std::uint32_t {
    std::array<unsigned char, 4> bytes{};
    read(bytes.data(), bytes.size());
    return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U |
           std::uint32_t{bytes[2]} << 8U | bytes[3];
  }

  void read(unsigned char* to, std::size_t size) {
    if (gzread(file_, to, static_cast<unsigned>(size)) != static_cast<int>(size)) {
      fail("the file is shorter than its header says, or damaged");
    }
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw std::runtime_error(name_ + ": " + problem);
  }

private:
  std::string name_;
  gzFile file_;
  std::uint32_t count_ = 0;
};

auto images(const std::filesystem::path& file, std::size_t count) -> xt::xarray<float> {
  idx_file source(file, 0x803);
  if (source.count() < count || source.number() != side || source.number() != side) {
    source.fail("it does not hold " + std::to_string(count) + " images of 28 x 28 pixels");
  }
  auto result = xt::xarray<float>::from_shape({count, std::size_t{1}, side, side});
  std::array<unsigned char, side * side> pixels{};
  for (std::size_t i = 0; i != count; ++i) {
    source.read(pixels.data(), pixels.size());
    for (std::size_t k = 0; k != pixels.size(); ++k) {
      result.data()[i * pixels.size() + k] = static_cast<float>(pixels[k]) / 255.0F;
    }
  }
  return result;
}

auto labels(const std::filesystem::path& file, std::size_t count) -> xt::xarray<std::int64_t> {
  idx_file source(file, 0x801);
  if (source.count() < count) {
    source.fail("it does not hold " + std::to_string(count) + " labels");
  }
  auto result = xt::xarray<std::int64_t>::from_shape({count});
  for (std::size_t i = 0; i != count; ++i) {
    unsigned char label = 0;
    source.read(&label, 1);
    result.data()[i] = label;
  }
  return result;
}

constexpr std::string_view usage =
    "usage: fashion_mnist_to_npy DATASET_DIR OUTPUT_DIR [--calibration-count N]\n"
    "\n"
    "Reads the four gzipped IDX files of Fashion-MNIST (Debian: dataset-fashion-mnist, installed "
    "in\n"
    "/usr/share/datasets/fashion-mnist) and writes into OUTPUT_DIR\n"
    "  calibration.npy   the first N training images (default 1000), float32 [N, 1, 28, 28], 0 .. "
    "1\n"
    "  test.npy          the 10,000 test images, likewise\n"
    "  test_labels.npy   their classes, int64 [10000]\n";

} // namespace

auto main(int argument_count, char** arguments) -> int {
  try {
    std::size_t calibration_count = 1000;
    const bool counted =
        argument_count == 5 && std::string_view(arguments[3]) == "--calibration-count";
    if (counted) {
      const std::string_view text = arguments[4];
      const auto [end, problem] =
          std::from_chars(text.data(), text.data() + text.size(), calibration_count);
      if (problem != std::errc{} || end != text.data() + text.size() || calibration_count == 0 ||
          calibration_count > 60'000) {
        throw std::runtime_error("--calibration-count takes a number from 1 to 60000");
      }
    } else if (argument_count == 2 && std::string_view(arguments[1]) == "--help") {
      std::cout << usage;
      return 0;
    } else if (argument_count != 3) {
      std::cerr << usage;
      return 2;
    }
    const std::filesystem::path from = arguments[1];
    const std::filesystem::path to = arguments[2];
    std::filesystem::create_directories(to);
    npy::save(
        to / "calibration.npy", images(from / "train-images-idx3-ubyte.gz", calibration_count)
    );
    npy::save(to / "test.npy", images(from / "t10k-images-idx3-ubyte.gz", 10'000));
    npy::save(to / "test_labels.npy", labels(from / "t10k-labels-idx1-ubyte.gz", 10'000));
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << "fashion_mnist_to_npy: " << problem.what() << '\n';
    return 1;
  }
}
