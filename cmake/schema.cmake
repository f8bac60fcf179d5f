# The FlatBuffers header of schema/package.fbs, in the build directory: omni_package_schema. Headers only, nothing to link.
find_package(FlatBuffers REQUIRED)

set(OMNI_SCHEMA_DIR ${PROJECT_BINARY_DIR}/generated/schema)
file(MAKE_DIRECTORY ${OMNI_SCHEMA_DIR})
add_custom_command(
  OUTPUT ${OMNI_SCHEMA_DIR}/package_generated.h
  COMMAND flatbuffers::flatc --cpp --scoped-enums -o ${OMNI_SCHEMA_DIR} ${PROJECT_SOURCE_DIR}/schema/package.fbs
  DEPENDS ${PROJECT_SOURCE_DIR}/schema/package.fbs
  VERBATIM)
add_custom_target(omni_package_schema_header DEPENDS ${OMNI_SCHEMA_DIR}/package_generated.h)
add_library(omni_package_schema INTERFACE)
target_include_directories(omni_package_schema SYSTEM INTERFACE ${PROJECT_BINARY_DIR}/generated)
add_dependencies(omni_package_schema omni_package_schema_header)
