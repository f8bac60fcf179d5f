#!/usr/bin/env bash
# The Debian packages of a purpose. Usage: tools/packages.sh build|test|fuzz|fresh [--install]
# Without --install: prints what is missing. With it: installs that through apt-get, with sudo for an ordinary user.
set -euo pipefail
build="make cmake ninja-build g++ lld pkg-config git zlib1g-dev libprotobuf-dev protobuf-compiler libflatbuffers-dev flatbuffers-compiler libcli11-dev libfmt-dev
       nlohmann-json3-dev libyaml-cpp-dev libturbojpeg0-dev libpng-dev libjs-chart.js dataset-fashion-mnist"
test="$build libgtest-dev libgmock-dev libonnx-testdata binutils"
peers="$test python3 python3-venv python3-pip"
fuzz="$build clang-14 libclang-rt-14-dev"
lint="clang-format clang-tidy"
fresh="debootstrap sudo"
case "${1:-}" in
  build | test | peers | fuzz | lint | fresh) packages=${!1} ;;
  *) echo "usage: $0 build|test|peers|fuzz|lint|fresh [--install]" >&2; exit 2 ;;
esac
missing=()
for package in $packages; do
  [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null)" = "ii " ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "${2:-}" != --install ]; then
  printf '%s\n' "${missing[@]}"
  exit 0
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "error: packages are missing (${missing[*]}) and there is no sudo; install them as root" >&2; exit 3; }
  sudo=(sudo)
fi
echo "installing ${#missing[@]} Debian packages: ${missing[*]}"
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
