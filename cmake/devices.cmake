# Shipped device profiles: embedded into the library, so that they are found wherever it is, and installed to be read.
file(GLOB device_profiles CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/devices/*.yaml)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${device_profiles})
set(profiles "")
foreach(path IN LISTS device_profiles)
  cmake_path(GET path FILENAME name)
  file(READ ${path} text)
  string(APPEND profiles "--- # ${name}\n${text}")
endforeach()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/device_profiles.yaml CONTENT "${profiles}" @ONLY)
add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/device_profiles.cc
  COMMAND ${CMAKE_COMMAND} -DINPUT=${PROJECT_BINARY_DIR}/device_profiles.yaml -DOUTPUT=${PROJECT_BINARY_DIR}/device_profiles.cc -DHEADER=device/store.h
          -DNAMESPACE=omni::device -DFUNCTION=shipped_text -P ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake
  DEPENDS ${PROJECT_BINARY_DIR}/device_profiles.yaml ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake VERBATIM)
target_sources(omni_device PRIVATE ${PROJECT_BINARY_DIR}/device_profiles.cc)
install(FILES ${device_profiles} DESTINATION ${CMAKE_INSTALL_DATADIR}/omni/devices)
