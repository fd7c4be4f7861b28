// A real disk that is full: a small tmpfs, where mounting one is permitted.

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <fstream>

#include "store/sqlite/sqlite_store.h"
#include "tests/store/make_event.h"
#include "tests/store/single_thread.h"
#include "tests/store/temporary_folder.h"
#include "tests/store/test_world.h"

namespace bitvault::test {
namespace {

class SmallDisk {
 public:
  SmallDisk() {
    mounted_ = ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=4m,mode=0700") == 0;
  }
  ~SmallDisk() {
    if (mounted_) {
      ::umount2(folder_.path().c_str(), MNT_DETACH);
    }
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const std::string& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
  bool mounted_ = false;
};

TEST(DiskFull, RefusesWritesServesReadsAndGoesOnWithNewRoom) {
  SmallDisk disk;
  if (!disk.mounted()) {
    GTEST_SKIP() << "mounting a tmpfs is not permitted here";
  }
  const std::string ballast = disk.path() + "/ballast";
  std::ofstream(ballast) << std::string(2 * 1024 * 1024, 'x');

  SingleThread thread;
  TestWorld world;
  const TenantName acme = tenant_name("acme");
  auto opened = SqliteStore::open({.folder = disk.path() + "/data",
                                   .writer = thread.executor(),
                                   .readers = thread.executor(),
                                   .vfs = ""},
                                  world, [](const TenantName&, const JournalHead&) {});
  ASSERT_TRUE(opened) << opened.error().detail;
  Store& store = **opened;
  ASSERT_TRUE(thread.run(store.put_tenant(acme, {})));

  const auto append = [&](int i) {
    Transaction transaction(acme);
    for (int j = 0; j < 10; ++j) {
      transaction.append(given_event(acme, std::to_string(10 * i + j), std::string(300, 'n')));
    }
    return thread.run(store.commit(std::move(transaction)));
  };
  int committed = 0;
  auto last = append(committed);
  while (last) {
    ASSERT_LT(++committed, 1'000) << "the disk is never full";
    last = append(committed);
  }
  ASSERT_GT(committed, 10);
  EXPECT_TRUE(last.error().code == Code::kUnavailable ||
              last.error().code == Code::kOutcomeUnknown);
  EXPECT_EQ(last.error().detail, "the disk is full");
  const auto full = thread.run(store.read(acme, {0}, {.events = 10'000}));
  ASSERT_TRUE(full);
  EXPECT_EQ(full->events.size(), 10 * committed);

  std::filesystem::remove(ballast);
  world.manual_clock().advance(std::chrono::seconds(1));
  const auto again = append(committed);
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(again->events[0].sequence.value, 10 * committed + 1);
  EXPECT_FALSE(again->events[0].duplicate);
  EXPECT_TRUE(store.health());
}

}  // namespace
}  // namespace bitvault::test
