# Rooms: one static library each, in the order a run passes through them. A room may include only
# rooms before it in this list; the rule is checked here, at configure time, on the #include lines.
set(AMBIT_ROOM_ORDER base sys event policy host plan workspace proto spawn egress supervise
                     journal review cli)

function(ambit_check_include_direction room)
  list(FIND AMBIT_ROOM_ORDER ${room} own_index)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${room}/*.h
       ${CMAKE_SOURCE_DIR}/src/${room}/*.cc ${CMAKE_SOURCE_DIR}/src/${room}/*/*.h
       ${CMAKE_SOURCE_DIR}/src/${room}/*/*.cc)
  foreach(file IN LISTS files)
    file(STRINGS ${file} lines REGEX "^#include \"[a-z_]+/")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "^#include \"([a-z_]+)/.*" "\\1" used "${line}")
      list(FIND AMBIT_ROOM_ORDER ${used} used_index)
      if(used_index EQUAL -1 OR used_index GREATER own_index)
        message(FATAL_ERROR "${file}: room '${room}' may not include room '${used}' "
                            "(order: ${AMBIT_ROOM_ORDER}; see docs/architecture.md)")
      endif()
    endforeach()
  endforeach()
endfunction()

# ambit_room(NAME r [SMALL] [NEEDS rooms...] [LIBS targets...] [READS headers...]): every *.cc of the
# folder and of its tier folders is the room's library, every *_test.cc its tests. SMALL: nothing in
# it has to be fast. READS are large headers that most of its files include.
function(ambit_room)
  cmake_parse_arguments(ROOM "SMALL" "NAME" "NEEDS;LIBS;READS" ${ARGN})
  if(NOT ROOM_NAME IN_LIST AMBIT_ROOM_ORDER)
    message(FATAL_ERROR "unknown room '${ROOM_NAME}': add it to AMBIT_ROOM_ORDER")
  endif()
  ambit_check_include_direction(${ROOM_NAME})
  file(GLOB sources CONFIGURE_DEPENDS *.cc */*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM ROOM_NEEDS PREPEND "ambit::")
  if(sources)
    add_library(ambit_${ROOM_NAME} STATIC ${sources})
    if(ROOM_SMALL AND CMAKE_BUILD_TYPE STREQUAL "Release")
      target_compile_options(ambit_${ROOM_NAME} PRIVATE -Os)
    endif()
    ambit_reads(ambit_${ROOM_NAME} ${ROOM_READS})
    set(scope PUBLIC)
    target_link_libraries(ambit_${ROOM_NAME} PRIVATE ${ROOM_LIBS})
  else()
    add_library(ambit_${ROOM_NAME} INTERFACE)  # headers only
    set(scope INTERFACE)
  endif()
  add_library(ambit::${ROOM_NAME} ALIAS ambit_${ROOM_NAME})
  target_link_libraries(ambit_${ROOM_NAME}
    ${scope} ambit_flags ${ROOM_NEEDS})
  if(AMBIT_TESTS AND tests)
    ambit_unit_test(NAME ${ROOM_NAME}_test SOURCES ${tests}
                    LIBS ambit::${ROOM_NAME} ${ROOM_LIBS})
  endif()
endfunction()

# One test program; every TEST becomes a ctest entry of its own, so each runs in a fresh process.
function(ambit_unit_test)
  cmake_parse_arguments(T "" "NAME" "SOURCES;LIBS" ${ARGN})
  if(NOT AMBIT_UNIT_TESTS)
    return()
  endif()
  add_executable(${T_NAME} ${T_SOURCES})
  target_link_libraries(${T_NAME} PRIVATE ${T_LIBS} GTest::gmock_main)
  ambit_compile_quickly(${T_NAME})
  add_dependencies(unit_tests ${T_NAME})
  gtest_discover_tests(${T_NAME} DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS unit TIMEOUT 120)
endfunction()
