#!/usr/bin/env bash
# What libomni.so exports of ours is what tests/cli_public_names.txt lists: nothing becomes public by accident, nothing goes by accident.
# Usage: cli_public_names.sh LIBRARY LIST [--update]
set -euo pipefail
names() {
  # By their qualified name, without parameters, return types and the decorations of the object format. Templates of the standard library that were made for our
  # types are weak and belong to nobody.
  nm -DC --defined-only "$1" | sed -E 's/^[0-9a-f]+ [A-Za-z] //; s/^(typeinfo name|typeinfo|vtable) for //; s/\[abi:[a-z0-9]+\]//g; s/\(.*//' | grep '^omni::' | sort -u
}
if [ "${3:-}" = --update ]; then
  names "$1" > "$2"
  exit 0
fi
diff -u "$2" <(names "$1") || { echo "error: the exported names differ from $2; if that is meant, run $0 $1 $2 --update" >&2; exit 1; }
