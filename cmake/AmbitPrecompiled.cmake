# Two thirds of the time of a build went to reading the same headers of libraries in every file. They
# are read once here: for what rooms are made of, and for programs that test. Only headers of others,
# never ours: those change, and then only who includes them may be compiled anew.
#
# A file must still include what it uses: the preset "lint" does without (AMBIT_PRECOMPILED off), and
# what is missing is an error there.
option(AMBIT_PRECOMPILED "Read the headers of libraries once for all files" ON)

set(ambit_often_read <algorithm> <array> <cstdint> <cstdlib> <filesystem> <functional> <map> <memory>
    <optional> <set> <span> <string> <string_view> <utility> <vector> <fmt/format.h>)

# ambit_read_once(HOLDER HEADERS headers... [FLAGS options...] [LIBS targets...]): what targets of the
# same flags share.
function(ambit_read_once holder)
  cmake_parse_arguments(R "" "" "HEADERS;FLAGS;LIBS" ${ARGN})
  set(source ${CMAKE_BINARY_DIR}/generated/${holder}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "")
  add_library(${holder} OBJECT ${source})
  target_link_libraries(${holder} PRIVATE ambit_flags ${R_LIBS})
  target_compile_options(${holder} PRIVATE ${R_FLAGS})
  target_precompile_headers(${holder} PRIVATE ${R_HEADERS})
endfunction()

function(ambit_reads_from target holder)
  if(AMBIT_PRECOMPILED)
    target_precompile_headers(${target} REUSE_FROM ${holder})
  endif()
endfunction()

# ambit_reads(TARGET [HEADERS...]): a room. Flags of its own must be there when the headers are read,
# so with them, as with headers of its own, it shares with nobody.
function(ambit_reads target)
  get_target_property(own_flags ${target} COMPILE_OPTIONS)
  if(NOT ARGN AND NOT own_flags)
    ambit_reads_from(${target} ambit_room_headers)
  elseif(AMBIT_PRECOMPILED)
    target_precompile_headers(${target} PRIVATE ${ambit_often_read} ${ARGN})
  endif()
endfunction()

if(AMBIT_PRECOMPILED)
  ambit_read_once(ambit_room_headers HEADERS ${ambit_often_read})
  if(AMBIT_TESTS)
    # An executable's code is -fPIE, which must be the same where the headers are read.
    ambit_read_once(ambit_test_headers HEADERS ${ambit_often_read} <gtest/gtest.h> <gmock/gmock.h>
                    FLAGS -fPIE ${ambit_quick_flags} LIBS GTest::gmock)
  endif()
endif()
