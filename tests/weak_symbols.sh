#!/usr/bin/env bash
# Fails on a weak symbol in an object of an instruction set's own file: the linker could keep that copy for everybody and crash an older CPU.
# Usage: weak_symbols.sh OBJECT… (semicolons separate too)
set -u
bad=0 seen=0
for object in ${*//;/ }; do
  case $object in *_avx2.cc.o | *_avx512.cc.o | *_avx512vnni.cc.o) ;; *) continue ;; esac
  seen=$((seen + 1))
  weak=$(nm -C "$object" | grep -E ' [WVu] ') && { echo "$object:"; echo "$weak"; bad=1; }
done
[ "$seen" -gt 0 ] || { echo "no object of an instruction set among the arguments"; exit 1; }
echo "$seen objects of instruction sets"
exit $bad
