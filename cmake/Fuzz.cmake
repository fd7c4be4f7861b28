# A fuzz target: sources that make one fuzz::Target known (tests/fuzz/fuzz.h) under this name.
#
#   bitvault_fuzz(cursor SOURCES cursor_fuzz.cpp DEPS event)
#
# With BITVAULT_FUZZ (the preset `fuzz`) it becomes the libFuzzer program <name>_fuzz; `ninja fuzzers`
# builds all of them. Otherwise bitvault_fuzz_replay(), called after the last target, makes a test of
# them all that runs each over its corpus.

add_custom_target(fuzzers)

function(bitvault_fuzz name)
  cmake_parse_arguments(F "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_library(bitvault_fuzz_${name} OBJECT ${F_SOURCES})
  target_link_libraries(bitvault_fuzz_${name} PRIVATE bitvault_warnings PUBLIC ${F_LIBS})
  foreach(dep ${F_DEPS})
    target_link_libraries(bitvault_fuzz_${name} PUBLIC bitvault_${dep})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY BITVAULT_FUZZ_TARGETS ${name})
  if(BITVAULT_FUZZ)
    add_executable(${name}_fuzz EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/entry.cpp)
    target_link_libraries(${name}_fuzz PRIVATE bitvault_warnings bitvault_fuzz_${name})
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers ${name}_fuzz)
  endif()
endfunction()

function(bitvault_fuzz_replay name)
  if(NOT BITVAULT_FUZZ)
    get_property(targets GLOBAL PROPERTY BITVAULT_FUZZ_TARGETS)
    list(TRANSFORM targets PREPEND fuzz_)
    bitvault_test(${name} ${ARGN} DEPS ${targets})
  endif()
endfunction()
