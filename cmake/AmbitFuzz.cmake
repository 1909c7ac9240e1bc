# ambit_fuzz(NAME n SOURCES files... LIBS targets...): one fuzz target with its corpus in
# fuzz/corpus/<n without _fuzz>. With AMBIT_FUZZ it is a libFuzzer program; with AMBIT_TESTS the same
# source replays the corpus as a ctest with the label "corpus", so that no finding ever comes back.
if(AMBIT_FUZZ)
  # Coverage must be recorded inside the rooms, not only in the target's own file.
  target_compile_options(ambit_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

function(ambit_fuzz)
  cmake_parse_arguments(F "" "NAME" "SOURCES;LIBS" ${ARGN})
  string(REGEX REPLACE "_fuzz$" "" subject ${F_NAME})
  set(corpus ${CMAKE_SOURCE_DIR}/fuzz/corpus/${subject})
  file(GLOB inputs CONFIGURE_DEPENDS ${corpus}/*)
  if(NOT inputs)
    message(FATAL_ERROR "fuzz target '${F_NAME}': no corpus in ${corpus}")
  endif()
  if(AMBIT_FUZZ)
    add_executable(${F_NAME} ${F_SOURCES})
    target_link_libraries(${F_NAME} PRIVATE ${F_LIBS})
    target_link_options(${F_NAME} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzz_targets ${F_NAME})
  endif()
  if(AMBIT_TESTS)
    add_executable(${F_NAME}_replay ${F_SOURCES} ${CMAKE_SOURCE_DIR}/fuzz/replay_main.cc)
    target_link_libraries(${F_NAME}_replay PRIVATE ${F_LIBS})
    add_test(NAME ${F_NAME}.corpus COMMAND ${F_NAME}_replay ${corpus})
    set_tests_properties(${F_NAME}.corpus PROPERTIES LABELS corpus TIMEOUT 60)
  endif()
endfunction()
