# The compiler's settings. Warnings are errors for our own code; third-party headers are SYSTEM.

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "BitVault Events is built with clang 19 (g++ 12 miscompiles coroutines, see "
                      "docs/adr/0001-clang-19.md). Use a preset: cmake --preset release")
endif()

option(BITVAULT_ASAN "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(BITVAULT_TSAN "ThreadSanitizer" OFF)
option(BITVAULT_FUZZ "Coverage of all our code for libFuzzer, and the programs of tests/fuzz" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_link_options(-fuse-ld=lld)
add_compile_definitions(_GLIBCXX_ASSERTIONS)

if(BITVAULT_ASAN)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(BITVAULT_TSAN)
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
endif()

if(BITVAULT_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

add_library(bitvault_warnings INTERFACE)
target_compile_options(bitvault_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wthread-safety -Wnon-virtual-dtor
  -Woverloaded-virtual -Wunused -Wimplicit-fallthrough -Werror)
