#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Installs the Debian packages that are missing for a purpose: run (the default) builds the library, the example engine and
# the main program; test and bench add what those need; all is everything.
set -euo pipefail

purpose=${1:-run}

run=(cmake ninja-build g++ libxsimd-dev libxtensor-dev libboost-dev nlohmann-json3-dev libcli11-dev libdnnl-dev
  libonnx-dev libprotobuf-dev protobuf-compiler zlib1g-dev dataset-fashion-mnist)
test=("${run[@]}" doctest-dev clang-19 libclang-rt-19-dev clang-format-19 ccache)
bench=("${run[@]}" libbenchmark-dev)
all=("${test[@]}" libbenchmark-dev clang-tidy-19)

case $purpose in
run) packages=("${run[@]}") ;;
test) packages=("${test[@]}") ;;
bench) packages=("${bench[@]}") ;;
all) packages=("${all[@]}") ;;
*)
  echo "usage: scripts/install-dependencies.sh [run|test|bench|all]" >&2
  exit 2
  ;;
esac

say_what_is_needed() {
  cat >&2 <<LIST
$1
ptq is developed on Debian 12. For \`$purpose\` it needs, from wherever your system has them:
  to build      CMake >= 3.25, Ninja, a C++20 compiler (g++ >= 12 or clang >= 19)
  the library   xsimd >= 8.1; for the optional targets nlohmann-json >= 3.11, Boost headers >= 1.74, xtensor >= 0.24
  the examples  oneDNN 2.6, ONNX (the C++ protobuf library) >= 1.12, protobuf and its compiler, CLI11 >= 2.1, zlib
  quickstart    the four Fashion-MNIST files, gzipped IDX
  test          doctest >= 2.4.9, clang 19, clang-format 19; ccache if you like
  bench         Google Benchmark >= 1.7
As Debian packages: ${packages[*]}
With those in place: cmake --preset release && cmake --build --preset release && ctest --preset release
LIST
  exit 1
}

command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
  say_what_is_needed "This script installs with apt-get, which is not here."

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || true
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null ||
    say_what_is_needed "Missing: ${missing[*]}. To install them, run this as root, or install sudo."
  as_root=(sudo)
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
quiet=(-qq -o Dpkg::Use-Pty=0 -o APT::Install-Recommends=false)
"${as_root[@]}" apt-get "${quiet[@]}" update
"${as_root[@]}" apt-get "${quiet[@]}" install -y "${missing[@]}" >/dev/null ||
  say_what_is_needed "apt-get could not install: ${missing[*]}"
