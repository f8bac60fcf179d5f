# Other engines behind runtime/engine.h. What they are made of is opened at run time, so nothing has to be installed to build them.
add_library(omni_backend_onnxruntime OBJECT ${PROJECT_SOURCE_DIR}/backends/onnxruntime/onnxruntime_engine.cc)
target_link_libraries(omni_backend_onnxruntime PRIVATE omni_options PUBLIC ${CMAKE_DL_LIBS})
target_include_directories(omni_backend_onnxruntime PUBLIC ${PROJECT_SOURCE_DIR})
