#include "store/sqlite/data_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace bitvault {
namespace {

class DataFolderTest : public testing::Test {
 protected:
  DataFolderTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "bitvault-XXXXXX").string();
    parent_ = ::mkdtemp(pattern.data());
  }
  ~DataFolderTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(parent_, ignored);
  }
  static unsigned mode(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777u : 0;
  }

  std::string parent_;
};

TEST_F(DataFolderTest, IsMadeForItsOwnerAlone) {
  const auto folder = DataFolder::own(parent_ + "/data");
  ASSERT_TRUE(folder) << folder.error().detail;
  EXPECT_TRUE((*folder)->ensure_file("journal.db"));
  EXPECT_EQ(mode(parent_ + "/data"), 0700);
  EXPECT_EQ(mode(parent_ + "/data/journal.db"), 0600);
  EXPECT_EQ(mode(parent_ + "/data/lock"), 0600);
}

TEST_F(DataFolderTest, HasOneOwnerAtATime) {
  auto first = DataFolder::own(parent_ + "/data/");
  ASSERT_TRUE(first);
  const auto second = DataFolder::own(parent_ + "/data");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_EQ(second.error().detail, "the data folder " + parent_ +
                                       "/data is in use by another bitvault-events (pid " +
                                       std::to_string(::getpid()) + ")");
  first->reset();
  EXPECT_TRUE(DataFolder::own(parent_ + "/data"));
}

TEST_F(DataFolderTest, KeepsWhatAFileHolds) {
  const auto folder = DataFolder::own(parent_);
  ASSERT_TRUE(folder);
  {
    std::filesystem::resize_file(parent_ + "/lock", 10);
  }
  EXPECT_TRUE((*folder)->ensure_file("lock"));
  EXPECT_EQ(std::filesystem::file_size(parent_ + "/lock"), 10);
}

TEST_F(DataFolderTest, SaysWhyItCannotBeMade) {
  const auto folder = DataFolder::own(parent_ + "/missing/data");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().detail, "the data folder " + parent_ +
                                       "/missing/data cannot be made: No such file or directory");
}

}  // namespace
}  // namespace bitvault
