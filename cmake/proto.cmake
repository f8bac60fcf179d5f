# C++ from the .proto files, in the build directory: omni_onnx_pb. Generated code is compiled without our warnings.
find_package(Protobuf REQUIRED)

set(OMNI_GENERATED_DIR ${PROJECT_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${OMNI_GENERATED_DIR}/proto)
add_custom_command(
  OUTPUT ${OMNI_GENERATED_DIR}/proto/onnx.pb.cc ${OMNI_GENERATED_DIR}/proto/onnx.pb.h
  COMMAND protobuf::protoc --proto_path=${PROJECT_SOURCE_DIR} --cpp_out=${OMNI_GENERATED_DIR} ${PROJECT_SOURCE_DIR}/proto/onnx.proto
  DEPENDS ${PROJECT_SOURCE_DIR}/proto/onnx.proto
  VERBATIM)
add_library(omni_onnx_pb STATIC ${OMNI_GENERATED_DIR}/proto/onnx.pb.cc)
target_include_directories(omni_onnx_pb SYSTEM PUBLIC ${OMNI_GENERATED_DIR})
target_link_libraries(omni_onnx_pb PUBLIC protobuf::libprotobuf-lite)
