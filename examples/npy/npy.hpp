// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/interop/xarray.hpp>

#include <cstdint>
#include <filesystem>
#include <stdexcept>

/// NumPy's .npy files as xtensor containers.
namespace npy {

/// What is wrong with a file, in one line that names it.
class error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Reads an array of float32.
/// @throws error if the file is missing, is no .npy file, holds another element type, or is shorter
/// or longer than its header says. Nothing is allocated before the length has been checked.
[[nodiscard]] auto load_floats(const std::filesystem::path& file) -> xt::xarray<float>;

/// Reads an array of integers of any width, signed or not.
/// @throws error as `load_floats`, and for a number that int64 cannot hold.
[[nodiscard]] auto load_integers(const std::filesystem::path& file) -> xt::xarray<std::int64_t>;

/// Writes beside `file` and renames, so that `file` is either whole or as it was.
/// @throws error if that cannot be done.
void save(const std::filesystem::path& file, const xt::xarray<float>& values);
void save(const std::filesystem::path& file, const xt::xarray<std::int64_t>& values);

} // namespace npy
