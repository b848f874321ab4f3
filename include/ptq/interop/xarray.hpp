// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <memory>

// xtensor 0.24's xstorage.hpp uses the macros of xexception.hpp without including it.
#include <xtensor/xexception.hpp>
#include <xtensor/xstorage.hpp>

#if defined(__clang__) && __clang_major__ >= 19
namespace xt {

/// To clang 19 two specialisations of xtensor fit its default shape equally well; one that fits
/// exactly decides. Before any container.
template <class X, class T>
struct rebind_container<X, svector<T, 4, std::allocator<T>, true>> {
  using type = svector<X, 4, std::allocator<X>, true>;
};

} // namespace xt
#endif

#include <xtensor/xarray.hpp>
