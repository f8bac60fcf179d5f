# The rooms, from the ground up. The table of docs/architecture.md says what each may include; DEPENDS here agrees with it.
omni_room(core THREADS)
omni_room(kernels DEPENDS core THREADS)
omni_room(graph DEPENDS core)
omni_room(ops DEPENDS core kernels graph THREADS)
omni_room(passes DEPENDS core graph ops)
omni_room(formats_dataset DIR formats/dataset DEPENDS core LIBRARIES ZLIB::ZLIB PNG::PNG PkgConfig::TURBOJPEG)
include(cmake/proto.cmake)
omni_room(formats_onnx DIR formats/onnx DEPENDS core graph ops LIBRARIES omni_onnx_pb)
