// Runs every target once over each file of its corpus, so that what a fuzzer found stays found.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz.h"

namespace bitvault::fuzz {
namespace {

struct Case {
  Target target;
  std::filesystem::path file;
};

// A target whose folder is missing has a case without a file, which fails.
std::vector<Case> cases() {
  const std::filesystem::path corpus = std::string(BITVAULT_SOURCE_DIR) + "/tests/fuzz/corpus";
  std::vector<Case> found;
  for (const Target& target : targets()) {
    const std::size_t before = found.size();
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(corpus / target.name, none)) {
      found.push_back({target, entry.path()});
    }
    if (found.size() == before) {
      found.push_back({target, {}});
    }
  }
  std::ranges::sort(found, {}, [](const Case& c) { return std::pair(c.target.name, c.file); });
  return found;
}

// GoogleTest takes letters, digits and underscores; the number keeps names apart.
std::string case_name(const testing::TestParamInfo<Case>& info) {
  std::string name = std::string(info.param.target.name) + "_" +
                     info.param.file.filename().string() + "_" + std::to_string(info.index);
  std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

class Replay : public testing::TestWithParam<Case> {};

TEST_P(Replay, HoldsItsProperties) {
  ASSERT_FALSE(GetParam().file.empty())
      << "tests/fuzz/corpus/" << GetParam().target.name << " has no files";
  std::ifstream file(GetParam().file, std::ios::binary);
  ASSERT_TRUE(file);
  const std::string input{std::istreambuf_iterator<char>(file), {}};
  GetParam().target.run(input);
  GetParam().target.run(std::string_view(""));  // not a null pointer, as from libFuzzer
}

INSTANTIATE_TEST_SUITE_P(Corpus, Replay, testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace bitvault::fuzz
