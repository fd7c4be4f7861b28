#include "cli/state_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace bitvault::cli {
namespace {

constexpr std::string_view kCursor = "AQAAYWJjZGVmZ2hpamts";
constexpr std::string_view kOther = "AQAAbm9wcXJzdHV2d3h5-_";

class StateFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "stateXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = pattern + "/cursor";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(StateFile, KeepsTheLastCursor) {
  const auto none = load_cursor(path_);
  ASSERT_TRUE(none);
  EXPECT_EQ(*none, std::nullopt);
  ASSERT_TRUE(save_cursor(path_, kCursor));
  ASSERT_TRUE(save_cursor(path_, kOther));
  EXPECT_EQ(load_cursor(path_)->value(), kOther);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);  // no leftovers
  struct stat status{};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(StateFile, RefusesWhatHoldsNoCursor) {
  for (const char* text :
       {"", "\n", "short", "two words that are not a cursor", "{\"cursor\":1}"}) {
    std::ofstream(path_, std::ios::trunc) << text;
    EXPECT_FALSE(load_cursor(path_)) << text;
  }
  EXPECT_FALSE(load_cursor(folder_));
}

TEST_F(StateFile, AFailureLeavesTheOldOne) {
  ASSERT_TRUE(save_cursor(path_, kCursor));
  std::filesystem::create_directory(path_ + ".dir");
  EXPECT_FALSE(save_cursor(path_ + ".dir", kOther));  // a directory is in the way
  EXPECT_FALSE(save_cursor(folder_ / "no" / "such", kOther));
  EXPECT_EQ(load_cursor(path_)->value(), kCursor);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 2);
}

}  // namespace
}  // namespace bitvault::cli
