# omni_shipped(ROOM FOLDER HEADER FUNCTION): FOLDER/*.yaml embedded into the room, as one text that FUNCTION returns (before each file a line "--- # NAME"),
# so that they are found wherever the library is, and installed to be read.
function(omni_shipped ROOM FOLDER HEADER FUNCTION)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${FOLDER}/*.yaml)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(all "")
  foreach(path IN LISTS files)
    cmake_path(GET path FILENAME name)
    file(READ ${path} text)
    string(APPEND all "--- # ${name}\n${text}")
  endforeach()
  set(merged ${PROJECT_BINARY_DIR}/shipped_${FOLDER})
  file(CONFIGURE OUTPUT ${merged}.yaml CONTENT "${all}" @ONLY)
  add_custom_command(OUTPUT ${merged}.cc
    COMMAND ${CMAKE_COMMAND} -DINPUT=${merged}.yaml -DOUTPUT=${merged}.cc -DHEADER=${HEADER} -DNAMESPACE=omni::${ROOM} -DFUNCTION=${FUNCTION}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake
    DEPENDS ${merged}.yaml ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake VERBATIM)
  target_sources(omni_${ROOM} PRIVATE ${merged}.cc)
  install(FILES ${files} DESTINATION ${CMAKE_INSTALL_DATADIR}/omni/${FOLDER})
endfunction()

omni_shipped(compress recipes compress/recipe/recipe.h shipped_recipe_text)
omni_shipped(device devices device/store.h shipped_text)
