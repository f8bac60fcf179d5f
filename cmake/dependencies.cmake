# Libraries beyond the C++ standard library, each used by the rooms that name it (docs/architecture.md).
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
find_package(yaml-cpp REQUIRED)
