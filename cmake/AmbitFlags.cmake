# One interface library carries what every target is compiled and linked with.
add_library(ambit_flags INTERFACE)
target_compile_features(ambit_flags INTERFACE cxx_std_23)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# -iquote, not -I: our room sys/ must not shadow the system's <sys/...> headers.
target_compile_options(ambit_flags INTERFACE
  -iquote${CMAKE_SOURCE_DIR}/src
  -Wall -Wextra -Werror -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wimplicit-fallthrough -Wformat=2 -Wundef -Wno-missing-field-initializers
  -fstack-protector-strong -fstack-clash-protection -fcf-protection
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
target_compile_definitions(ambit_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(ambit_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(ambit_flags INTERFACE -ffunction-sections -fdata-sections)
  target_compile_definitions(ambit_flags INTERFACE _FORTIFY_SOURCE=2)
  target_link_options(ambit_flags INTERFACE -Wl,--gc-sections)
endif()
if(AMBIT_SANITIZE)
  target_compile_options(ambit_flags INTERFACE
    -fsanitize=${AMBIT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    -gline-tables-only)  # what a sanitizer's report shows
  target_link_options(ambit_flags INTERFACE -fsanitize=${AMBIT_SANITIZE})
endif()
if(AMBIT_COVERAGE)
  target_compile_options(ambit_flags INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(ambit_flags INTERFACE -fprofile-instr-generate)
endif()

# For programs that only test: compiled in half the time, and what they test is optimised all the
# same. Fortified functions want an optimiser.
set(ambit_quick_flags -O0 -U_FORTIFY_SOURCE)
function(ambit_compile_quickly target)
  target_compile_options(${target} PRIVATE ${ambit_quick_flags})
  ambit_reads_from(${target} ambit_test_headers)
endfunction()
