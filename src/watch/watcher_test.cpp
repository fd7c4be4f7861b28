// The whole watcher on real folders: inotify, the disk, the embedded store.
#include "watch/watcher.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <map>
#include <set>

#include "watch/site.h"

namespace bitvault::watch {
namespace {

const json::value& node_of(const Site& site, std::string_view line) {
  const auto found = std::ranges::find(site.lines, line);
  EXPECT_NE(found, site.lines.end()) << line;
  return site.events[static_cast<std::size_t>(found - site.lines.begin())].at("data").at("node");
}

TEST(Watcher, TellsOfFilesAndFoldersAsTheyChange) {
  on_site([](Site& site) -> Task<> {
    co_await site.start();
    fs::create_directories(site.home() / "a" / "b");
    write(site.home() / "a" / "b" / "one.txt", "1");
    co_await site.expect({"created /a", "created /a/b", "created /a/b/one.txt"});
    write(site.home() / "a" / "b" / "one.txt", "22");
    co_await site.expect({"updated /a/b/one.txt"});
    fs::rename(site.home() / "a" / "b" / "one.txt", site.home() / "two.txt");
    co_await site.expect({"moved /a/b/one.txt /two.txt"});
    write(site.home() / ".two.txt.swp", "333");
    fs::rename(site.home() / ".two.txt.swp", site.home() / "two.txt");
    co_await site.expect({"updated /two.txt"});
    fs::rename(site.home() / "a", site.home() / "c");
    co_await site.expect({"moved /a /c"});
    write(site.home() / "c" / "b" / "three", "3");
    co_await site.expect({"created /c/b/three"});
    fs::remove_all(site.home() / "c");
    co_await site.expect({"deleted /c/b/three", "deleted /c/b", "deleted /c"});
    co_await site.stop();
    EXPECT_TRUE(*site.ended);

    const json::value& created = node_of(site, "created /a/b/one.txt");
    const json::value& moved = node_of(site, "moved /a/b/one.txt /two.txt");
    EXPECT_EQ(member(created, "id"), member(moved, "id"));
    EXPECT_EQ(member(created, "parentId"), member(node_of(site, "created /a/b"), "id"));
    EXPECT_EQ(member(created, "mediaType"), "text/plain");
    EXPECT_EQ(member(created, "size"), "1");
    EXPECT_EQ(member(created, "version"), "1");
    EXPECT_EQ(member(moved, "version"), "3");
    EXPECT_EQ(member(created, "checksum"),
              "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b");
    const json::value& first = site.events[0];
    EXPECT_EQ(member(first, "source"), "/tenants/home/watch");
    EXPECT_EQ(member(first, "subject"), "/a");
    EXPECT_EQ(member(first, "partitionkey"), member(first.at("data").at("node"), "id"));
    EXPECT_EQ(member(first.at("data").at("actor"), "id"), "directory-watcher");
  });
}

TEST(Watcher, TellsOfWhatChangedWhileItWasDown) {
  on_site([](Site& site) -> Task<> {
    fs::create_directory(site.home() / "d");
    write(site.home() / "d" / "same", "1");
    write(site.home() / "d" / "moved", "2");
    write(site.home() / "d" / "changed", "3");
    write(site.home() / "gone", "4");
    co_await site.start();
    co_await site.expect({"created /d", "created /d/changed", "created /d/moved", "created /d/same",
                          "created /gone"},
                         true);
    co_await site.stop();
    fs::rename(site.home() / "d" / "moved", site.home() / "here");
    write(site.home() / "d" / "changed", "33");
    write(site.home() / "new", "5");
    fs::remove(site.home() / "gone");
    co_await site.start();
    co_await site.expect(
        {"moved /d/moved /here", "updated /d/changed", "created /new", "deleted /gone"}, true);
    co_await site.stop();
    co_await site.start();
    co_await site.expect({});
    co_await site.stop();
  });
}

TEST(Watcher, KeepsUpWithABurst) {
  on_site([](Site& site) -> Task<> {
    constexpr std::size_t kFiles = 5'000;
    co_await site.start();
    fs::create_directories(site.home() / "deep" / "er");
    for (std::size_t i = 0; i < kFiles; ++i) {
      write(site.home() / "deep" / "er" / fmt::format("f{}", i), fmt::format("{}", i));
    }
    co_await site.until("all files", [](const Site& s) { return s.lines.size() >= kFiles + 2; });
    co_await site.mark();
    std::set<std::string> paths;
    for (const std::string& line : site.lines) {
      if (line.starts_with("created /deep")) {
        EXPECT_TRUE(paths.insert(line).second) << line;
      }
    }
    EXPECT_EQ(paths.size(), kFiles + 2);
    fs::remove_all(site.home() / "deep");
    co_await site.until("all gone", [](const Site& s) {
      return std::ranges::find(s.lines, "deleted /deep") != s.lines.end();
    });
    const auto deleted = std::ranges::count_if(
        site.lines, [](const std::string& line) { return line.starts_with("deleted /deep"); });
    EXPECT_EQ(static_cast<std::size_t>(deleted), kFiles + 2);
    co_await site.stop();
  });
}

TEST(Watcher, ComparesEverythingWhenChangesWereLost) {
  on_site([](Site& site) -> Task<> {
    co_await site.start();
    fs::create_directory(site.home() / "a");
    co_await site.expect({"created /a"});
    site.source().overflow(true);
    write(site.home() / "a" / "f", "1");
    fs::rename(site.home() / "a", site.home() / "b");
    write(site.home() / "g", "1");
    co_await site.expect({"moved /a /b", "created /b/f", "created /g"}, true);
    EXPECT_TRUE(site.noticed(WatchNotice::Kind::kChangesLost));
    co_await site.stop();
  });
}

TEST(Watcher, WithoutWatchesItComparesPeriodically) {
  on_site([](Site& site) -> Task<> {
    site.full = true;
    site.limits.rescan_unwatched = std::chrono::milliseconds(20);
    co_await site.start();
    fs::create_directory(site.home() / "a");
    write(site.home() / "a" / "f", "1");
    co_await site.expect({"created /a", "created /a/f"});
    fs::remove_all(site.home() / "a");
    co_await site.expect({"deleted /a/f", "deleted /a"});
    EXPECT_TRUE(site.noticed(WatchNotice::Kind::kPartlyBlind));
    co_await site.stop();
  });
}

TEST(Watcher, ShowsNamesThatAreNotUtf8) {
  on_site([](Site& site) -> Task<> {
    co_await site.start();
    fs::create_directory(site.home() / "caf\xe9%");
    write(site.home() / "caf\xe9%" / "na\xc3\xafve", "1");
    co_await site.expect({"created /caf%E9%25", "created /caf%E9%25/na\xc3\xafve"});
    co_await site.stop();
    co_await site.start();
    fs::rename(site.home() / "caf\xe9%" / "na\xc3\xafve", site.home() / "\xff");
    co_await site.expect({"moved /caf%E9%25/na\xc3\xafve /%FF"});
    co_await site.stop();
  });
}

TEST(Watcher, TellsOfADeepFolderOnceItsPathIsShortEnough) {
  on_site([](Site& site) -> Task<> {
    const std::string name(200, 'x');
    const auto below = [&name](fs::path folder, int depth) {
      for (; depth > 0; --depth) {
        folder /= name;
      }
      return folder;
    };
    const fs::path far = below(site.home(), 12);
    fs::create_directories(far);
    fs::create_directories(below(site.home() / "near", 9));
    co_await site.start();
    co_await site.until("folders", [](const Site& s) { return s.lines.size() == 22; });
    fs::rename(site.home() / "near", far / "far");
    co_await site.mark();
    co_await site.stop();
    const auto told = [&](std::string_view verb, int depth) {
      std::string path = "/near";
      for (int i = 0; i < depth; ++i) {
        path += "/" + name;
      }
      return std::ranges::count(site.lines, fmt::format("{} {}", verb, path));
    };
    EXPECT_EQ(told("deleted", 9), 1) << "its path has no room any more";
    EXPECT_EQ(told("deleted", 8), 0) << "this one's has";
    EXPECT_TRUE(site.noticed(WatchNotice::Kind::kNotTold));
    // What was not told of is remembered as such.
    co_await site.start();
    co_await site.mark();
    fs::rename(far / "far", site.home() / "near");
    co_await site.mark();
    EXPECT_EQ(told("created", 9), 2);
    fs::remove_all(site.home() / "near");
    co_await site.mark();
    EXPECT_EQ(told("deleted", 9), 2);
    co_await site.stop();
  });
}

TEST(Watcher, FollowsNoSymbolicLinkAndReadsNoPipe) {
  on_site([](Site& site) -> Task<> {
    const fs::path outside = site.home().parent_path() / "outside";
    fs::create_directory(outside);
    write(outside / "secret", "1");
    co_await site.start();
    fs::create_directory_symlink(outside, site.home() / "link");
    fs::create_symlink(outside / "secret", site.home() / "file");
    EXPECT_EQ(::mkfifo((site.home() / "pipe").c_str(), 0600), 0);
    co_await site.expect({});
    fs::create_directory(site.home() / "d");
    write(site.home() / "d" / "secret", "2");
    co_await site.expect({"created /d", "created /d/secret"});
    fs::remove_all(site.home() / "d");
    fs::create_directory_symlink(outside, site.home() / "d");
    co_await site.expect({"deleted /d/secret", "deleted /d"});
    co_await site.stop();
  });
}

TEST(Watcher, DeletesNothingWhenTheDirectoryIsGone) {
  on_site([](Site& site) -> Task<> {
    const fs::path aside = site.home().parent_path() / "aside";
    write(site.home() / "a", "1");
    write(site.home() / "b", "1");
    co_await site.start();
    co_await site.expect({"created /a", "created /b"});
    fs::rename(site.home(), aside);
    co_await site.until("the loss",
                        [](const Site& s) { return s.noticed(WatchNotice::Kind::kRootLost); });
    fs::remove(aside / "b");
    fs::rename(aside, site.home());
    co_await site.until("the return",
                        [](const Site& s) { return s.noticed(WatchNotice::Kind::kRootBack); });
    co_await site.expect({"deleted /b"});

    // Another, empty directory in its place: an unmounted disk.
    site.notices.clear();
    fs::rename(site.home(), aside);
    fs::create_directory(site.home());
    co_await site.until("the second loss",
                        [](const Site& s) { return s.noticed(WatchNotice::Kind::kRootLost); });
    // Something is in it: it is meant.
    write(site.home() / "a", "1");
    write(site.home() / "c", "1");
    co_await site.until("the second return",
                        [](const Site& s) { return s.noticed(WatchNotice::Kind::kRootBack); });
    co_await site.expect({"created /c"});
    write(site.home() / "a", "2");
    co_await site.expect({"updated /a"});
    co_await site.stop();
  });
}

TEST(Watcher, DeletesNothingWhenTooManyFilesAreOpen) {
  on_site([](Site& site) -> Task<> {
    fs::create_directory(site.home() / "d");
    write(site.home() / "d" / "f", "1");
    co_await site.start();
    co_await site.expect({"created /d", "created /d/f"});
    rlimit before{};
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    fs::rename(site.home() / "d", site.home() / "e");
    fs::create_directory(site.home() / "g");
    co_await site.until("the lack",
                        [](const Site& s) { return s.noticed(WatchNotice::Kind::kCannotLook); });
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    co_await site.expect({"moved /d /e", "created /g"});
    EXPECT_FALSE(site.noticed(WatchNotice::Kind::kRootLost));
    co_await site.stop();
  });
}

TEST(Watcher, DeletesNothingWhenItStartsOnAnotherEmptyDirectory) {
  on_site([](Site& site) -> Task<> {
    write(site.home() / "a", "1");
    co_await site.start();
    co_await site.expect({"created /a"});
    co_await site.stop();
    fs::rename(site.home(), site.home().parent_path() / "aside");
    fs::create_directory(site.home());
    co_await site.start();
    co_await site.until("the loss",
                        [](const Site& s) { return s.noticed(WatchNotice::Kind::kRootLost); });
    fs::remove(site.home());
    fs::rename(site.home().parent_path() / "aside", site.home());
    co_await site.expect({});
    co_await site.stop();
  });
}

TEST(Watcher, SaysWhyItCannotStart) {
  on_site([](Site& site) -> Task<> {
    fs::remove(site.home());
    co_await site.start();
    co_await site.until_ended();
    EXPECT_FALSE(*site.ended);
    EXPECT_EQ(site.ended->error().code, Code::kInvalid);
    EXPECT_NE(site.ended->error().detail.find(site.home().string()), std::string::npos);
    co_await site.stop();

    write(site.home(), "a file");
    co_await site.start();
    co_await site.until_ended();
    EXPECT_FALSE(*site.ended);
    co_await site.stop();
  });
}

TEST(Watcher, EndsWhenTheDirectoryHoldsTooMuch) {
  on_site([](Site& site) -> Task<> {
    site.limits.nodes_max = 10;
    for (int i = 0; i < 20; ++i) {
      write(site.home() / fmt::format("{}", i), "1");
    }
    co_await site.start();
    co_await site.until_ended();
    EXPECT_FALSE(*site.ended);
    EXPECT_EQ(site.ended->error().code, Code::kTooLarge);
    co_await site.stop();
  });
}

TEST(Watcher, EndsWithItsTenant) {
  on_site([](Site& site) -> Task<> {
    co_await site.start();
    co_await site.expect({});
    const Status deleted = co_await site.store().delete_tenant(site.tenant());
    EXPECT_TRUE(deleted);
    write(site.home() / "a", "1");
    co_await site.until_ended();
    EXPECT_FALSE(*site.ended);
    co_await site.stop();
  });
}

TEST(Watcher, SurvivesAStormOfChanges) {
  on_site([](Site& site) -> Task<> {
    co_await site.start();
    // Everything at once, while it looks: what counts is the end.
    for (int round = 0; round < 200; ++round) {
      const fs::path folder = site.home() / fmt::format("d{}", round % 7);
      fs::create_directories(folder / "x");
      write(folder / fmt::format("f{}", round % 5), fmt::format("{}", round));
      write(folder / "x" / "g", fmt::format("{}", round));
      if (round % 3 == 0) {
        fs::rename(folder, site.home() / fmt::format("m{}", round));
      }
      if (round % 11 == 0) {
        fs::remove_all(site.home() / fmt::format("m{}", round - round % 3));
      }
      for (int reads = round % 4; reads > 0; --reads) {
        co_await site.read();  // gives the watcher a moment
      }
    }
    co_await site.mark();
    co_await site.stop();
    std::set<std::string> there;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(site.home())) {
      there.insert("/" + fs::relative(entry.path(), site.home()).string());
    }
    std::map<std::string, std::pair<std::string, std::string>> nodes;  // id: parent, name
    for (const json::value& event : site.events) {
      const json::value& node = event.at("data").at("node");
      const std::string id = member(node, "id");
      if (member(event, "type") == "bitvault.node.deleted.v1") {
        EXPECT_EQ(nodes.erase(id), 1u);
        continue;
      }
      const auto* const parent = node.as_object().if_contains("parentId");
      nodes.insert_or_assign(id,
                             std::pair{parent != nullptr ? std::string(parent->as_string()) : "",
                                       member(node, "name")});
    }
    std::set<std::string> told;
    for (const auto& [id, node] : nodes) {
      std::string path = "/" + node.second;
      for (std::string parent = node.first; !parent.empty(); parent = nodes.at(parent).first) {
        path = "/" + nodes.at(parent).second + path;
      }
      told.insert(path);
    }
    EXPECT_EQ(told, there);
  });
}

}  // namespace
}  // namespace bitvault::watch
