#!/usr/bin/env bash
# The device runtime stays small and takes no gradient rule along. Usage: runtime_library.sh LIBRARY STRIPPED GRAD_LIST MOST_BYTES
set -u
library=$1 stripped=$2 list=$3 most=$4
bad=0
size=$(wc -c <"$stripped")
echo "$size bytes stripped, $most allowed"
[ "$size" -le "$most" ] || { echo "too large: what grew is in nm -S --size-sort $library"; bad=1; }
rules=$(sed -n 's/^OMNI_GRAD(\(.*\))$/\1/p' "$list")
[ -n "$rules" ] || { echo "no rule in $list"; bad=1; }
found=$(nm -C "$library" | sed -n 's/.* [A-Za-z] omni::ops::\(k[A-Za-z0-9]*\)$/\1/p' | grep -Fx "$rules") && { echo "gradient rules in the runtime:"; echo "$found"; bad=1; }
symbols=$(nm -C "$library" | grep -c 'omni::ops::k[A-Z]')
[ "$symbols" -gt 100 ] || { echo "only $symbols operators are in the library: the check sees nothing"; bad=1; }
needed=$(readelf -d "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v -E '^(libc|libm|libstdc\+\+|libgcc_s|libpthread|ld-linux-x86-64|ld-linux-aarch64)\.so') && { echo "needs $needed"; bad=1; }
exit $bad
