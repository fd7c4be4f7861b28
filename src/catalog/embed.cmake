# Writes OUTPUT, a C++ source file that holds the bytes of DESCRIPTORS and of the examples (the
# files <type>.json in the folder EXAMPLES).
#
#   cmake -DOUTPUT=embedded.cpp -DDESCRIPTORS=catalog.binpb -DEXAMPLES=examples -P embed.cmake

function(append_bytes name file)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  string(APPEND source "constexpr unsigned char ${name}[] = {\n${hex}};\n")
  set(source "${source}" PARENT_SCOPE)
endfunction()

set(source "// Made by embed.cmake.
#include \"catalog/embedded.h\"

namespace bitvault {
namespace {

")
append_bytes(kDescriptors ${DESCRIPTORS})

file(GLOB examples ${EXAMPLES}/*.json)
list(SORT examples)
set(table "")
set(number 0)
foreach(example ${examples})
  get_filename_component(type ${example} NAME_WLE)
  append_bytes(kExample${number} ${example})
  string(APPEND table "      {\"${type}\", text(kExample${number})},\n")
  math(EXPR number "${number} + 1")
endforeach()

string(APPEND source "
template <std::size_t N>
std::string_view text(const unsigned char (&bytes)[N]) {
  return {reinterpret_cast<const char*>(bytes), N};
}

}  // namespace

std::string_view embedded_descriptor_set() { return text(kDescriptors); }

std::span<const CatalogExample> embedded_examples() {
  static const CatalogExample kExamples[] = {
${table}  };
  return kExamples;
}

}  // namespace bitvault
")
file(WRITE ${OUTPUT} "${source}")
