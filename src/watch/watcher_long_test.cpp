// A directory of a hundred thousand files.
#include <map>
#include <set>

#include "watch/site.h"

namespace bitvault::watch {
namespace {

constexpr std::size_t kFolders = 200;
constexpr std::size_t kFilesEach = 500;
constexpr std::size_t kNodes = kFolders * (kFilesEach + 1);

TEST(WatcherLong, TellsOfAHundredThousandFiles) {
  on_site([](Site& site) -> Task<> {
    for (std::size_t i = 0; i < kFolders; ++i) {
      const fs::path folder = site.home() / fmt::format("d{}", i);
      fs::create_directory(folder);
      for (std::size_t j = 0; j < kFilesEach; ++j) {
        write(folder / fmt::format("f{}", j), fmt::format("{} {}", i, j));
      }
    }
    const MonotonicTime start = site.world().clock().monotonic();
    co_await site.start();
    co_await site.until("all nodes", [](const Site& s) { return s.lines.size() >= kNodes; });
    const Duration first = site.world().clock().monotonic() - start;
    std::set<std::string> paths(site.lines.begin(), site.lines.end());
    EXPECT_EQ(paths.size(), kNodes) << "each is told once";
    EXPECT_TRUE(paths.contains("created /d199/f499"));
    EXPECT_LT(first, std::chrono::minutes(1));
    fmt::print("{} nodes told in {} ms\n", kNodes,
               std::chrono::floor<std::chrono::milliseconds>(first).count());
    co_await site.stop();

    const MonotonicTime again = site.world().clock().monotonic();
    fs::rename(site.home() / "d7", site.home() / "d7-moved");
    co_await site.start();
    co_await site.until("the move", [](const Site& s) { return s.lines.size() > kNodes; });
    const Duration second = site.world().clock().monotonic() - again;
    EXPECT_EQ(site.lines.back(), "moved /d7 /d7-moved");
    EXPECT_LT(second, std::chrono::seconds(30));
    fmt::print("compared again in {} ms\n",
               std::chrono::floor<std::chrono::milliseconds>(second).count());

    fs::remove_all(site.home() / "d7-moved");
    co_await site.until("the deletion",
                        [](const Site& s) { return s.lines.back() == "deleted /d7-moved"; });
    EXPECT_EQ(site.lines.size(), kNodes + 1 + kFilesEach + 1);
    co_await site.stop();
  });
}

}  // namespace
}  // namespace bitvault::watch
