#!/usr/bin/env bash
# An installed tree serves programs outside of it: with find_package, with pkg-config, and after it has been moved. The programs are examples/.
# Usage: cli_install.sh BUILD SOURCE
set -euo pipefail
build=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/first" > /dev/null
mv "$work/first" "$work/moved"
prefix=$work/moved
cmake -S "$source/examples" -B "$work/examples" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release > /dev/null
cmake --build "$work/examples" -j 2 > /dev/null

pc=$(dirname "$(find "$prefix" -name omni.pc)")
cd "$work"
g++ -std=c++20 -Wall -Wextra -Werror $(PKG_CONFIG_PATH=$pc pkg-config --cflags omni) "$source/examples/run.cc" $(PKG_CONFIG_PATH=$pc pkg-config --libs omni) -o run-pc
lib=$(dirname "$(find "$prefix" -name libomni.so)")
export LD_LIBRARY_PATH=$lib
[ "$(PKG_CONFIG_PATH=$pc pkg-config --modversion omni)" = "$("$prefix/bin/omni" --version | cut -d' ' -f2)" ]

# Every page and completion is there.
for page in omni omni-run omni-train; do [ -s "$prefix/share/man/man1/$page.1" ]; done
[ -s "$prefix/share/bash-completion/completions/omni" ]

"$prefix/bin/omni" new lenet5 -o lenet5.onnx > /dev/null
printf '\x93NUMPY\x01\x00\x76\x00' > x.npy
printf '%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 28, 28), }" >> x.npy
head -c 3136 /dev/zero >> x.npy
[ "$("$work/examples/run" lenet5.onnx x.npy)" = "$(./run-pc lenet5.onnx x.npy)" ]
if [ -d /usr/share/datasets/fashion-mnist ]; then
  "$work/examples/compress" lenet5.onnx fashion-mnist@0:64 small.omni > /dev/null
  "$prefix/bin/omni" verify small.omni > /dev/null
  "$work/examples/train" fashion-mnist@0:1000 trained.onnx
elif [ -n "${CI:-}" ]; then
  echo "error: dataset-fashion-mnist is not installed" >&2
  exit 1
fi
# A header alone, and nothing but the standard library behind it.
echo '#include <omni/omni.h>' | g++ -std=c++20 -I "$prefix/include" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ -
! grep -hE '^#include "' "$prefix/include/omni/"*.h | grep -v '"omni/\(error\|compress\|omni\).h"'
