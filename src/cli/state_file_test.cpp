#include "cli/state_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
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

TEST_F(StateFile, TakesACursorThatAPersonWrote) {
  for (const char* end : {"", "\n", "\r\n", " \n\n"}) {
    std::ofstream(path_, std::ios::trunc) << kCursor << end;
    EXPECT_EQ(load_cursor(path_)->value_or(""), kCursor);
  }
}

TEST_F(StateFile, RefusesWhatIsTornOrForeign) {
  const std::string nul("AQAAYWJj\0GVmZ2hpamts", 20);
  const std::string long_one(4097, 'A');
  for (const std::string& text :
       {std::string("AQAAYWJjZGVmZ2h"), std::string(kCursor) + "\n" + std::string(kOther) + "\n",
        std::string(kCursor) + "=", " " + std::string(kCursor),
        "\xef\xbb\xbf" + std::string(kCursor), nul, long_one, std::string(2 * 1024 * 1024, 'A')}) {
    std::ofstream(path_, std::ios::trunc) << text;
    const auto refused = load_cursor(path_);
    ASSERT_FALSE(refused) << text.substr(0, 50);
    EXPECT_NE(refused.error().detail.find(path_), std::string::npos) << "it says which file";
    EXPECT_EQ(refused.error().detail.find('\n'), std::string::npos);
  }
  EXPECT_NE(load_cursor(path_).error().detail.find("cannot read"), std::string::npos);
  std::ofstream(path_, std::ios::trunc) << "torn";
  EXPECT_NE(load_cursor(path_).error().detail.find("remove it to start without one"),
            std::string::npos);
}

TEST_F(StateFile, CannotBeBelowAFile) {
  std::ofstream(path_, std::ios::trunc) << kCursor;
  EXPECT_FALSE(load_cursor(path_ + "/x"));
  EXPECT_FALSE(save_cursor(path_ + "/x", kOther));
  EXPECT_EQ(load_cursor(path_)->value(), kCursor);
}

TEST_F(StateFile, ADiskThatIsFullLeavesTheOldOneAndNothingElse) {
  ASSERT_TRUE(save_cursor(path_, kCursor));
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{10, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status saved = save_cursor(path_, kOther);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().detail, "cannot write " + path_ + ": File too large");
  EXPECT_EQ(load_cursor(path_)->value(), kCursor);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
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
