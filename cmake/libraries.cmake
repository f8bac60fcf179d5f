# What comes out of the rooms: libomni (everything, behind include/omni), libomni_runtime (what a device needs to run a package), the command line.
set(OMNI_LINK_OPTIONS -Wl,--exclude-libs,ALL)

add_library(libomni SHARED)
target_link_libraries(libomni PRIVATE ${OMNI_CLOSURE_api} ${OMNI_LIBRARIES_api} omni_options)
target_include_directories(libomni PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(libomni PUBLIC cxx_std_20)
target_link_options(libomni PRIVATE ${OMNI_LINK_OPTIONS} $<$<CXX_COMPILER_ID:GNU>:-Wl,--no-undefined>)
set_target_properties(libomni PROPERTIES OUTPUT_NAME omni LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} EXPORT_NAME omni)

add_library(libomni_runtime SHARED EXCLUDE_FROM_ALL)
target_link_libraries(libomni_runtime PRIVATE ${OMNI_CLOSURE_runtime} ${OMNI_CLOSURE_formats_package} ${OMNI_LIBRARIES_runtime} ${OMNI_LIBRARIES_formats_package} omni_options)
# What a device calls: load_package, find_runtime_op, Session. Whatever they do not reach is left out; the size after stripping is printed.
foreach(root IN ITEMS _ZN4omni7runtime7SessionC1ESt10shared_ptrIKNS_5graph5GraphEENS0_14SessionOptionsE
                      _ZN4omni7runtime7Session3runESt4spanIKNS_4core6TensorELm18446744073709551615EES2_INS3_10TensorViewELm18446744073709551615EE
                      _ZN4omni7formats12load_packageERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEPFPKNS_5graph5OpDefESt17basic_string_viewIcS4_ESE_E
                      _ZN4omni3ops15find_runtime_opESt17basic_string_viewIcSt11char_traitsIcEES4_)
  target_link_options(libomni_runtime PRIVATE -Wl,-u,${root})
endforeach()
# Functions that are the same bytes are kept once, and relative relocations are packed (glibc 2.36 and newer read them).
include(CheckLinkerFlag)
check_linker_flag(CXX "-fuse-ld=lld;-Wl,--icf=all;-Wl,--pack-dyn-relocs=relr" OMNI_LINKER_SHRINKS)
if(OMNI_LINKER_SHRINKS)
  target_link_options(libomni_runtime PRIVATE -fuse-ld=lld -Wl,--icf=all -Wl,--pack-dyn-relocs=relr)
endif()
target_link_options(libomni_runtime PRIVATE ${OMNI_LINK_OPTIONS} $<$<CXX_COMPILER_ID:GNU>:-Wl,--no-undefined>)
add_custom_command(TARGET libomni_runtime POST_BUILD COMMAND ${CMAKE_STRIP} -o ${PROJECT_BINARY_DIR}/libomni_runtime.stripped.so $<TARGET_FILE:libomni_runtime>
  COMMAND wc -c ${PROJECT_BINARY_DIR}/libomni_runtime.stripped.so VERBATIM)
set_target_properties(libomni_runtime PROPERTIES OUTPUT_NAME omni_runtime LINKER_LANGUAGE CXX)

# The commands, as a library of their own for the tests and fuzz targets that call them in process.
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
file(GLOB cli_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cli/*.cc)
set(cli_tests ${cli_sources})
list(FILTER cli_tests INCLUDE REGEX "_test\\.cc$")
list(FILTER cli_sources EXCLUDE REGEX "(_test|/main)\\.cc$")
add_library(omni_cli OBJECT ${cli_sources})
target_include_directories(omni_cli PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/cli)
target_compile_options(omni_cli PRIVATE -Wall -Wextra -Wpedantic -Wshadow)
target_link_libraries(omni_cli PRIVATE CLI11::CLI11 nlohmann_json::nlohmann_json)
# Report pages embed Chart.js.
set(OMNI_CHART_JS /usr/share/javascript/chart.js/chart.min.js)
add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/chart_js.cc
  COMMAND ${CMAKE_COMMAND} -DINPUT=${OMNI_CHART_JS} -DOUTPUT=${PROJECT_BINARY_DIR}/chart_js.cc -DHEADER=chart_js.h -DNAMESPACE=omni::cli -DFUNCTION=chart_js
          -P ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake
  DEPENDS ${OMNI_CHART_JS} ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake VERBATIM)
target_sources(omni_cli PRIVATE ${PROJECT_BINARY_DIR}/chart_js.cc)
set(OMNI_CLOSURE_cli omni_cli ${OMNI_CLOSURE_api} omni_backend_onnxruntime)

add_executable(omni ${PROJECT_SOURCE_DIR}/cli/main.cc)
target_compile_options(omni PRIVATE -Wall -Wextra -Wpedantic -Wshadow)
target_link_libraries(omni PRIVATE ${OMNI_CLOSURE_cli} ${OMNI_LIBRARIES_api} Threads::Threads)

# Man pages and completions come from the command tables.
file(STRINGS ${PROJECT_SOURCE_DIR}/cli/command_list.inc command_lines REGEX "^OMNI_COMMAND")
set(man_dir ${PROJECT_BINARY_DIR}/man)
set(pages ${man_dir}/omni.1)
set(commands COMMAND $<TARGET_FILE:omni> man > ${man_dir}/omni.1)
foreach(line IN LISTS command_lines)
  string(REGEX REPLACE "^OMNI_COMMAND\\(k(.*)\\)$" "\\1" verb "${line}")
  string(REGEX REPLACE "([a-z])([A-Z])" "\\1-\\2" verb ${verb})
  string(TOLOWER ${verb} verb)
  string(REPLACE "-" ";" words ${verb})  # kDeviceList: omni device list
  list(APPEND pages ${man_dir}/omni-${verb}.1)
  list(APPEND commands COMMAND $<TARGET_FILE:omni> man ${words} > ${man_dir}/omni-${verb}.1)
endforeach()
add_custom_command(OUTPUT ${pages} ${man_dir}/omni ${man_dir}/_omni
  COMMAND ${CMAKE_COMMAND} -E make_directory ${man_dir}
  ${commands}
  COMMAND $<TARGET_FILE:omni> completion bash > ${man_dir}/omni
  COMMAND $<TARGET_FILE:omni> completion zsh > ${man_dir}/_omni
  DEPENDS omni COMMENT "Man pages and shell completion" VERBATIM)
add_custom_target(omni_man ALL DEPENDS ${pages})

# Installation: find_package(omni) gives omni::omni, pkg-config the name omni.
include(CMakePackageConfigHelpers)
install(TARGETS omni RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS libomni EXPORT omni LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${PROJECT_SOURCE_DIR}/include/omni/omni.h ${PROJECT_SOURCE_DIR}/include/omni/compress.h ${PROJECT_SOURCE_DIR}/include/omni/error.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/omni)
install(EXPORT omni NAMESPACE omni:: FILE omni-config.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/omni)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/omni-config-version.cmake COMPATIBILITY SameMajorVersion)
# Relative to the .pc file, so that a tree may be moved.
file(RELATIVE_PATH pc_includedir /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p/${CMAKE_INSTALL_INCLUDEDIR})
configure_file(${PROJECT_SOURCE_DIR}/cmake/omni.pc.in ${PROJECT_BINARY_DIR}/omni.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/omni-config-version.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/omni)
install(FILES ${PROJECT_BINARY_DIR}/omni.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${man_dir}/omni DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${man_dir}/_omni DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
