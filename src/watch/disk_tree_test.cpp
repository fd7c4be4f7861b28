#include "watch/disk_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "watch/temporary_folder.h"

namespace bitvault::watch {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names(const Listing& listing) {
  std::vector<std::string> names;
  for (const Seen& entry : listing.entries) {
    names.push_back(entry.name + (entry.kind == Kind::kFolder ? "/" : ""));
  }
  return names;
}

TEST(DiskTree, ListsFilesAndFoldersOnly) {
  TemporaryFolder folder;
  DiskTree tree(folder.path().string());
  fs::create_directory(folder.path() / "d");
  write(folder.path() / "f", "12345");
  write(folder.path() / "\xff", "");
  fs::create_symlink("f", folder.path() / "link");
  fs::create_hard_link(folder.path() / "f", folder.path() / "g");
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  const auto listing = tree.list("");
  ASSERT_TRUE(listing);
  EXPECT_EQ(names(*listing), (std::vector<std::string>{"d/", "f", "g", "\xff"}));
  EXPECT_EQ(listing->identity, tree.root());
  const Seen& file = listing->entries[1];
  EXPECT_EQ(file.size, 5u);
  EXPECT_EQ(file.links, 2u);
  EXPECT_EQ(file.identity, listing->entries[2].identity);
  EXPECT_NE(file.identity, listing->entries[3].identity);
  EXPECT_EQ(tree.list("d")->identity, listing->entries[0].identity);
}

TEST(DiskTree, FollowsNoLinkAnywhereInAPath) {
  TemporaryFolder folder;
  fs::create_directories(folder.path() / "outside" / "sub");
  write(folder.path() / "outside" / "sub" / "secret", "x");
  fs::create_directory(folder.path() / "home");
  fs::create_directory_symlink("../outside", folder.path() / "home" / "link");
  fs::create_symlink("../outside/sub/secret", folder.path() / "home" / "file");
  DiskTree tree((folder.path() / "home").string());
  EXPECT_EQ(tree.list("link").error(), LookError::kGone);
  EXPECT_EQ(tree.list("link/sub").error(), LookError::kGone);
  EXPECT_EQ(tree.read("link/sub/secret", 100).state, Content::State::kGone);
  EXPECT_EQ(tree.read("file", 100).state, Content::State::kGone);
}

TEST(DiskTree, TellsGoneFromUnreadable) {
  TemporaryFolder folder;
  DiskTree tree(folder.path().string());
  write(folder.path() / "f", "1");
  EXPECT_EQ(tree.list("nowhere").error(), LookError::kGone);
  EXPECT_EQ(tree.list("nowhere/deep").error(), LookError::kGone);
  EXPECT_EQ(tree.list("f").error(), LookError::kGone);
  EXPECT_EQ(tree.list(std::string(300, 'x')).error(), LookError::kUnreadable);
  DiskTree missing((folder.path() / "missing").string());
  EXPECT_EQ(missing.root().error(), LookError::kGone);
  EXPECT_FALSE(DiskTree((folder.path() / "f").string()).root());
}

// While it lives, no file can be opened.
class NoDescriptors {
 public:
  NoDescriptors() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoDescriptors() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

TEST(DiskTree, TellsGoneFromTooManyOpenFiles) {
  TemporaryFolder folder;
  DiskTree tree(folder.path().string());
  write(folder.path() / "f", "1");
  {
    const NoDescriptors none;
    EXPECT_EQ(tree.root().error(), LookError::kNoDescriptors);
    EXPECT_EQ(tree.list("").error(), LookError::kNoDescriptors);
    EXPECT_EQ(tree.read("f", 10).lack, LookError::kNoDescriptors);
  }
  EXPECT_TRUE(tree.root());
  EXPECT_FALSE(tree.read("f", 10).lack);
}

TEST(DiskTree, ReadsFiles) {
  TemporaryFolder folder;
  DiskTree tree(folder.path().string());
  const std::string large(1'000'000, 'x');
  write(folder.path() / "f", large);
  const Content content = tree.read("f", large.size());
  EXPECT_EQ(content.state, Content::State::kKnown);
  EXPECT_EQ(content.file.size, large.size());
  EXPECT_EQ(content.file.checksum, sha256(large));
  EXPECT_EQ(content.identity, tree.list("")->entries[0].identity);
  EXPECT_EQ(content.file.modified_ns, tree.list("")->entries[0].modified_ns);
  EXPECT_GE(content.touched_ns, content.file.modified_ns);

  const Content too_large = tree.read("f", large.size() - 1);
  EXPECT_EQ(too_large.state, Content::State::kKnown);
  EXPECT_FALSE(too_large.file.checksum);

  write(folder.path() / "empty", "");
  EXPECT_EQ(tree.read("empty", 0).file.checksum, sha256(""));
  EXPECT_EQ(tree.read("nowhere", 10).state, Content::State::kGone);
  EXPECT_EQ(tree.read("f/g", 10).state, Content::State::kGone);
  fs::create_directory(folder.path() / "d");
  EXPECT_EQ(tree.read("d", 10).state, Content::State::kGone);
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(tree.read("pipe", 10).state, Content::State::kGone);
}

TEST(DiskTree, ATimeOutOfRangeIsClamped) {
  TemporaryFolder folder;
  DiskTree tree(folder.path().string());
  write(folder.path() / "f", "1");
  const timespec times[2] = {{1LL << 33, 0}, {1LL << 33, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder.path() / "f").c_str(), times, 0), 0);
  EXPECT_GT(tree.list("")->entries[0].modified_ns, 0);
}

TEST(DiskTree, ReachesDeeperThanAPathMayBeLong) {
  TemporaryFolder folder;
  DiskTree tree(folder.path().string());
  const std::string name(200, 'd');
  std::string path;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  for (int depth = 0; depth < 30; ++depth) {
    ASSERT_EQ(::mkdir(name.c_str(), 0700), 0);
    ASSERT_EQ(::chdir(name.c_str()), 0);
    path += path.empty() ? name : "/" + name;
  }
  std::ofstream("f") << "1";
  fs::current_path(before);
  EXPECT_EQ(names(*tree.list(path)), std::vector<std::string>{"f"});
  EXPECT_EQ(tree.read(path + "/f", 10).file.checksum, sha256("1"));
}

}  // namespace
}  // namespace bitvault::watch
