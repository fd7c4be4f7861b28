# One folder, one library. DEPS names the folders of ours that this folder may include; the tidy
# tool compares every #include with it. LIBS are third-party targets, private to the folder.
#
#   bitvault_module(event DEPS base SOURCES cursor.cpp TESTS cursor_test.cpp LIBS simdjson::simdjson)

find_package(Boost 1.81 REQUIRED COMPONENTS url json)
find_package(OpenSSL 3 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(CURL REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(Protobuf REQUIRED)
find_package(simdjson REQUIRED)
find_package(CLI11 REQUIRED)
find_package(GTest REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(Threads REQUIRED)
find_package(benchmark REQUIRED)

add_library(bitvault_asio INTERFACE)
target_link_libraries(bitvault_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(bitvault_asio INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_REGEX BOOST_ASIO_HAS_STD_INVOKE_RESULT)

function(bitvault_module name)
  cmake_parse_arguments(M "" "" "SOURCES;TESTS;DEPS;LIBS;TEST_DEPS;TEST_LIBS" ${ARGN})
  add_library(bitvault_${name} STATIC ${M_SOURCES})
  target_include_directories(bitvault_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(bitvault_${name} PRIVATE bitvault_warnings)
  foreach(dep ${M_DEPS})
    target_link_libraries(bitvault_${name} PUBLIC bitvault_${dep})
  endforeach()
  target_link_libraries(bitvault_${name} PUBLIC fmt::fmt ${M_LIBS})
  if(M_TESTS)
    bitvault_test(${name}_test SOURCES ${M_TESTS} DEPS ${name} ${M_TEST_DEPS} LIBS ${M_TEST_LIBS})
  endif()
endfunction()

# `ninja tests` builds every test, `ninja benches` every benchmark.
add_custom_target(tests)
add_custom_target(benches)

# A GoogleTest program that ctest runs. It leaves its cases in reports/<name>.xml of the build folder,
# which ./dev counts. Label `long` keeps it out of the quick runs.
#
#   bitvault_test(feed_contract SOURCES feed_contract_test.cpp DEPS feed store_sqlite LABELS long)
function(bitvault_test name)
  cmake_parse_arguments(T "" "" "SOURCES;DEPS;LIBS;LABELS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE bitvault_warnings GTest::gtest GTest::gtest_main ${T_LIBS})
  target_compile_definitions(${name} PRIVATE BITVAULT_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  foreach(dep ${T_DEPS})
    target_link_libraries(${name} PRIVATE bitvault_${dep})
  endforeach()
  add_dependencies(tests ${name})
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES
    LABELS "${T_LABELS}"
    ENVIRONMENT "GTEST_OUTPUT=xml:${CMAKE_BINARY_DIR}/reports/${name}.xml")
endfunction()

# A Google Benchmark program, named *_bench: by that ./dev bench finds it. CI runs it for an instant,
# so that it stays alive.
function(bitvault_bench name)
  cmake_parse_arguments(B "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_executable(${name} ${B_SOURCES})
  target_link_libraries(${name} PRIVATE bitvault_warnings benchmark::benchmark
    benchmark::benchmark_main ${B_LIBS})
  foreach(dep ${B_DEPS})
    target_link_libraries(${name} PRIVATE bitvault_${dep})
  endforeach()
  add_dependencies(benches ${name})
endfunction()
