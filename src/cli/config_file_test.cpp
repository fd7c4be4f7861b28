#include "cli/config_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace bitvault::cli {
namespace {

ConfigFile parsed(std::string_view toml) { return std::move(ConfigFile::parse(toml, "f").value()); }

TEST(ConfigFile, GivesEachValueOfItsType) {
  ConfigFile file = parsed(
      "text = \"a \\\"b\\\"\"\nflag = true\nnumber = -7\nlist = [\"x\", \"y\"]\nnone = []\n"
      "[table]\nb = \"2\"\n\"a c\" = \"1\"\n");
  EXPECT_EQ(file.string("text"), "a \"b\"");
  EXPECT_EQ(file.boolean("flag"), true);
  EXPECT_EQ(file.integer("number"), -7);
  EXPECT_EQ(file.strings("list"), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(file.strings("none"), std::vector<std::string>{});
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(file.table("table"), (Pairs{{"a c", "1"}, {"b", "2"}}));
  EXPECT_TRUE(file.finish());
}

TEST(ConfigFile, WhatIsNotThereIsAbsent) {
  ConfigFile file = parsed("# nothing but a comment\n");
  EXPECT_EQ(file.string("a"), std::nullopt);
  EXPECT_EQ(file.boolean("a"), std::nullopt);
  EXPECT_EQ(file.integer("a"), std::nullopt);
  EXPECT_EQ(file.strings("a"), std::nullopt);
  EXPECT_TRUE(file.table("a").empty());
  EXPECT_TRUE(file.finish());
}

TEST(ConfigFile, AWrongTypeIsToldWithItsPlaceAndNotItsValue) {
  const auto complaint = [](std::string_view toml, auto ask) {
    ConfigFile file = parsed(toml);
    ask(file);
    const Status status = file.finish();
    return status ? "" : status.error().detail;
  };
  const auto string = [](ConfigFile& file) { static_cast<void>(file.string("k")); };
  const auto boolean = [](ConfigFile& file) { static_cast<void>(file.boolean("k")); };
  const auto integer = [](ConfigFile& file) { static_cast<void>(file.integer("k")); };
  const auto strings = [](ConfigFile& file) { static_cast<void>(file.strings("k")); };
  const auto table = [](ConfigFile& file) { static_cast<void>(file.table("k")); };
  EXPECT_EQ(complaint("\n\nk = 5", string), "f:3: `k` must be a string");
  EXPECT_EQ(complaint("k = \"true\"", boolean), "f:1: `k` must be true or false");
  EXPECT_EQ(complaint("k = 1.0", integer), "f:1: `k` must be an integer");
  EXPECT_EQ(complaint("k = [\"hunter2\", 2]", strings), "f:1: `k` must be an array of strings");
  EXPECT_EQ(complaint("k = \"hunter2\"", table), "f:1: `k` must be a table of strings");
  EXPECT_EQ(complaint("k = 1", [](ConfigFile&) {}), "f:1: unknown setting `k`");
  EXPECT_EQ(complaint("[k]\na = 1", string), "f:1: `k` must be a string");
}

TEST(ConfigFile, WhatIsNoTomlIsToldWithItsPlace) {
  for (const char* wrong : {"k", "k =", "k = 1\nk = 2", "= 1", "[k", "k = \"a", "k = 'a\n'",
                            "k = \"\xff\"", "[a]\n[a]\n", "k = 1 2", "k = tru", "\xef\xbb"}) {
    const auto file = ConfigFile::parse(wrong, "f");
    ASSERT_FALSE(file) << wrong;
    EXPECT_EQ(file.error().code, Code::kInvalid);
    EXPECT_TRUE(file.error().detail.starts_with("f:")) << file.error().detail;
    EXPECT_EQ(file.error().detail.find('\n'), std::string::npos);
  }
}

class ReadFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "readXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = pattern + "/file";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  std::string path_;
};

TEST_F(ReadFile, GivesTheWholeFileUpToItsLimit) {
  for (const std::size_t size : {0u, 1u, 16u * 1024, 16u * 1024 + 1, 1024u * 1024}) {
    std::ofstream(path_) << std::string(size, 'x');
    EXPECT_EQ(read_file(path_)->size(), size);
  }
  std::ofstream(path_) << std::string(1024 * 1024 + 1, 'x');
  EXPECT_EQ(read_file(path_).error().detail, "cannot read " + path_ + ": it is larger than 1 MiB");
}

TEST_F(ReadFile, TellsWhyItCannot) {
  EXPECT_EQ(read_file(path_).error().detail,
            "cannot read " + path_ + ": No such file or directory");
  EXPECT_EQ(read_file(folder_).error().detail, "cannot read " + folder_ + ": Is a directory");
  EXPECT_FALSE(read_file(""));
  EXPECT_EQ(read_file("/dev/zero").error().detail,
            "cannot read /dev/zero: it is larger than 1 MiB");
}

}  // namespace
}  // namespace bitvault::cli
