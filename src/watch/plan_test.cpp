#include "watch/plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <regex>

#include "watch/desk.h"

namespace bitvault::watch {
namespace {

struct Case {
  const char* name;
  std::function<void(FakeTree&)> before;
  std::function<void(FakeTree&)> change;
  std::vector<std::string> expected;
};

const Case kCases[] = {
    {"nothing happens", [](FakeTree& t) { t.write("a", "1"); }, [](FakeTree&) {}, {}},
    {"a file is made", [](FakeTree&) {}, [](FakeTree& t) { t.write("a", "1"); }, {"created /a"}},
    {"folders are made before what they hold",
     [](FakeTree&) {},
     [](FakeTree& t) {
       t.folder("d");
       t.folder("d/e");
       t.write("d/e/f", "1");
     },
     {"created /d", "created /d/e", "created /d/e/f"}},
    {"content changes",
     [](FakeTree& t) { t.write("a", "1"); },
     [](FakeTree& t) { t.write("a", "22"); },
     {"updated /a"}},
    {"content of the same size changes",
     [](FakeTree& t) { t.write("a", "1"); },
     [](FakeTree& t) { t.write("a", "2"); },
     {"updated /a"}},
    {"a touch is nothing to tell",
     [](FakeTree& t) { t.write("a", "1"); },
     [](FakeTree& t) { t.touch("a"); },
     {}},
    {"a file too large to read changes by its time",
     [](FakeTree& t) { t.write("a", std::string(2'000, 'x')); },
     [](FakeTree& t) { t.write("a", std::string(2'000, 'y')); },
     {"updated /a"}},
    {"a rename",
     [](FakeTree& t) { t.write("a", "1"); },
     [](FakeTree& t) { t.rename("a", "b"); },
     {"moved /a /b"}},
    {"a rename into another folder",
     [](FakeTree& t) {
       t.folder("d");
       t.write("a", "1");
     },
     [](FakeTree& t) { t.rename("a", "d/b"); },
     {"moved /a /d/b"}},
    {"a move with another content",
     [](FakeTree& t) { t.write("a", "1"); },
     [](FakeTree& t) {
       t.rename("a", "b");
       t.write("b", "22");
     },
     {"moved /a /b", "updated /b"}},
    {"a folder with children moves once",
     [](FakeTree& t) {
       t.folder("d");
       t.folder("d/e");
       t.write("d/e/f", "1");
       t.folder("x");
     },
     [](FakeTree& t) { t.rename("d", "x/y"); },
     {"moved /d /x/y"}},
    {"a folder moves and something in it changes",
     [](FakeTree& t) {
       t.folder("d");
       t.write("d/f", "1");
     },
     [](FakeTree& t) {
       t.rename("d", "x");
       t.write("x/f", "22");
       t.write("x/g", "1");
     },
     {"moved /d /x", "updated /x/f", "created /x/g"}},
    {"a move into a new folder",
     [](FakeTree& t) { t.write("a", "1"); },
     [](FakeTree& t) {
       t.folder("n");
       t.rename("a", "n/a");
     },
     {"created /n", "moved /a /n/a"}},
    {"a move into a new folder, and a new file in its place",
     [](FakeTree& t) { t.write("a", "1"); },
     [](FakeTree& t) {
       t.folder("n");
       t.rename("a", "n/a");
       t.write("a", "2");
     },
     {"created /n", "moved /a /n/a", "created /a"}},
    {"an atomic save",
     [](FakeTree& t) { t.write("a", "1"); },
     [](FakeTree& t) {
       t.write("a.tmp", "22");
       t.rename("a.tmp", "a");
     },
     {"updated /a"}},
    {"an atomic save by a file that was told of",
     [](FakeTree& t) {
       t.write("a", "1");
       t.write("a.tmp", "22");
     },
     [](FakeTree& t) { t.rename("a.tmp", "a"); },
     {"deleted /a.tmp", "updated /a"}},
    {"an atomic save of the same content",
     [](FakeTree& t) { t.write("a", "1"); },
     [](FakeTree& t) {
       t.write("a.tmp", "1");
       t.rename("a.tmp", "a");
     },
     {}},
    {"a save that keeps a backup",
     [](FakeTree& t) { t.write("a", "1"); },
     [](FakeTree& t) {
       t.rename("a", "a~");
       t.write("a", "22");
     },
     {"moved /a /a~", "created /a"}},
    {"a rotation",
     [](FakeTree& t) {
       t.write("log", "0");
       t.write("log.1", "1");
       t.write("log.2", "2");
     },
     [](FakeTree& t) {
       t.remove("log.2");
       t.rename("log.1", "log.2");
       t.rename("log", "log.1");
       t.write("log", "new");
     },
     // log.2 was overwritten, as far as two looks can tell.
     {"deleted /log.1", "moved /log /log.1", "updated /log.2", "created /log"}},
    {"two files exchange their names",
     [](FakeTree& t) {
       t.write("a", "1");
       t.write("b", "22");
     },
     [](FakeTree& t) { t.exchange("a", "b"); },
     {"moved /b ASIDE", "moved /a /b", "moved ASIDE /a"}},
    {"two folders exchange their names",
     [](FakeTree& t) {
       t.folder("a");
       t.folder("b");
       t.write("a/x", "1");
       t.write("b/y", "1");
     },
     [](FakeTree& t) { t.exchange("a", "b"); },
     {"moved /b ASIDE", "moved /a /b", "moved ASIDE /a"}},
    {"a folder and what it held change places",
     [](FakeTree& t) {
       t.folder("a");
       t.folder("a/b");
       t.write("a/b/x", "1");
       t.write("a/y", "1");
     },
     [](FakeTree& t) {
       t.rename("a/b", "b");
       t.rename("a", "b/a");
     },
     {"moved /a/b /b", "moved /a /b/a"}},
    {"a folder and what it held change places and names",
     [](FakeTree& t) {
       t.folder("a");
       t.folder("a/b");
     },
     [](FakeTree& t) {
       t.rename("a/b", "tmp");
       t.rename("a", "tmp/b");
       t.rename("tmp", "a");
     },
     {"moved /a/b ASIDE", "moved /a ASIDE/b", "moved ASIDE /a"}},
    {"a folder is renamed over an empty one",
     [](FakeTree& t) {
       t.folder("a");
       t.write("a/x", "1");
       t.folder("b");
     },
     [](FakeTree& t) { t.rename("a", "b"); },
     {"deleted /b", "moved /a /b"}},
    {"a folder is made again",
     [](FakeTree& t) {
       t.folder("a");
       t.write("a/x", "1");
       t.write("a/y", "1");
     },
     [](FakeTree& t) {
       t.remove("a");
       t.folder("a");
       t.write("a/x", "1");
       t.write("a/z", "1");
     },
     {"created /a/z", "deleted /a/y"}},
    {"a deleted tree, deepest first",
     [](FakeTree& t) {
       t.folder("d");
       t.folder("d/e");
       t.write("d/e/f", "1");
     },
     [](FakeTree& t) { t.remove("d"); },
     {"deleted /d/e/f", "deleted /d/e", "deleted /d"}},
    {"what moves out of a deleted folder moves first",
     [](FakeTree& t) {
       t.folder("d");
       t.folder("d/e");
       t.write("d/e/f", "1");
       t.write("d/g", "1");
     },
     [](FakeTree& t) {
       t.rename("d/e", "e");
       t.remove("d");
     },
     {"moved /d/e /e", "deleted /d/g", "deleted /d"}},
    {"a file takes the place of the folder that it lay in",
     [](FakeTree& t) {
       t.folder("d");
       t.write("d/f", "1");
     },
     [](FakeTree& t) {
       t.rename("d/f", "tmp");
       t.remove("d");
       t.rename("tmp", "d");
     },
     {"moved /d/f ASIDE", "deleted /d", "moved ASIDE /d"}},
    {"a file becomes a folder",
     [](FakeTree& t) { t.write("a", "1"); },
     [](FakeTree& t) {
       t.remove("a");
       t.folder("a");
       t.write("a/b", "1");
     },
     {"deleted /a", "created /a", "created /a/b"}},
    {"a folder becomes a file",
     [](FakeTree& t) {
       t.folder("a");
       t.write("a/b", "1");
     },
     [](FakeTree& t) {
       t.remove("a");
       t.write("a", "1");
     },
     {"deleted /a/b", "deleted /a", "created /a"}},
    {"an inode that is used again is a new node",
     [](FakeTree& t) {
       t.reuse_inodes();
       t.write("a", "1");
     },
     [](FakeTree& t) {
       t.remove("a");
       t.write("b", "1");
     },
     {"created /b", "deleted /a"}},
    {"a hard link is a node of its own",
     [](FakeTree& t) { t.write("a", "1"); },
     [](FakeTree& t) { t.link("a", "b"); },
     {"created /b"}},
    {"one of two hard links is renamed",
     [](FakeTree& t) {
       t.write("a", "1");
       t.link("a", "b");
     },
     [](FakeTree& t) { t.rename("b", "c"); },
     {"moved /b /c"}},
    {"one of two hard links is deleted",
     [](FakeTree& t) {
       t.write("a", "1");
       t.link("a", "b");
     },
     [](FakeTree& t) { t.remove("a"); },
     {"deleted /a"}},
    {"a file with two hard links is written to",
     [](FakeTree& t) {
       t.write("a", "1");
       t.link("a", "b");
     },
     [](FakeTree& t) { t.write("a", "22"); },
     {"updated /a", "updated /b"}},
    {"one of two hard links is saved atomically",
     [](FakeTree& t) {
       t.write("a", "1");
       t.link("a", "b");
     },
     [](FakeTree& t) {
       t.write("tmp", "22");
       t.rename("tmp", "a");
     },
     {"updated /a"}},
    {"a restored copy of everything",
     [](FakeTree& t) {
       t.folder("d");
       t.write("d/a", "1");
     },
     [](FakeTree& t) {
       t.remove("d");
       t.folder("d");
       t.write("d/a", "1");
     },
     {}},
};

class PlanTest : public testing::TestWithParam<Case> {};

TEST_P(PlanTest, TellsWhatHappened) {
  FakeTree tree;
  GetParam().before(tree);
  Desk desk(tree);
  desk.settle();
  GetParam().change(tree);
  std::vector<std::string> lines = desk.settle();
  for (std::string& line : lines) {
    line = std::regex_replace(line, std::regex("/\\.moving-n_[0-9a-f]{24}"), "ASIDE");
  }
  EXPECT_EQ(lines, GetParam().expected);
  for (const auto& [path, content] : tree.all()) {
    EXPECT_TRUE(desk.all().contains(path)) << path;
  }
  EXPECT_EQ(desk.all().size(), tree.all().size());
}

INSTANTIATE_TEST_SUITE_P(Changes, PlanTest, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& each) {
                           std::string name = each.param.name;
                           for (char& c : name) {
                             c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           }
                           return name;
                         });

using Lines = std::vector<std::string>;

TEST(Plan, OneLookAtOneSideOfAMoveSeesBoth) {
  FakeTree tree;
  tree.folder("from");
  tree.folder("to");
  tree.write("from/a", "1");
  Desk desk(tree);
  desk.settle();
  tree.rename("from/a", "to/a");
  EXPECT_EQ(desk.look({desk.at("to")}), (Lines{"moved /from/a /to/a"}));
  tree.rename("to/a", "from/a");
  EXPECT_EQ(desk.look({desk.at("to")}), Lines{}) << "it has vanished, for now";
  EXPECT_EQ(desk.look({desk.at("from")}), (Lines{"moved /to/a /from/a"}));
}

TEST(Plan, WhatVanishedIsDeletedAtTheSecondLook) {
  FakeTree tree;
  tree.write("a", "1");
  Desk desk(tree);
  desk.settle();
  tree.remove("a");
  EXPECT_EQ(desk.look({kRoot}), Lines{});
  EXPECT_EQ(desk.look({kRoot}, false), Lines{}) << "not while other folders are still to be seen";
  EXPECT_EQ(desk.look({kRoot}), (Lines{"deleted /a"}));
}

TEST(Plan, AFolderThatMovedIsFoundFromBelow) {
  FakeTree tree;
  tree.folder("a");
  tree.folder("a/b");
  tree.folder("a/b/c");
  tree.write("a/b/c/f", "1");
  Desk desk(tree);
  desk.settle();
  const NodeRef deep = desk.at("a/b/c");
  tree.rename("a", "x");
  tree.rename("x/b", "x/y");
  tree.write("x/y/c/f", "22");
  EXPECT_EQ(desk.look({deep}), (Lines{"moved /a /x", "moved /x/b /x/y", "updated /x/y/c/f"}));
}

TEST(Plan, AFolderThatCannotBeReadKeepsWhatItHeld) {
  FakeTree tree;
  tree.folder("d");
  tree.write("d/f", "1");
  Desk desk(tree);
  desk.settle();
  tree.forbid("d");
  tree.write("d/f", "22");
  EXPECT_EQ(desk.look(desk.table().folders()), Lines{});
  EXPECT_EQ(desk.look(desk.table().folders()), Lines{});
  tree.allow("d");
  EXPECT_EQ(desk.settle(), (Lines{"updated /d/f"}));
}

TEST(Plan, APlaceIsNotTakenWhileItsNodeWaits) {
  FakeTree tree;
  tree.folder("d");
  tree.write("a", "1");
  tree.link("a", "d/twin");
  Desk desk(tree);
  desk.settle();
  tree.forbid("d");  // so nobody can say which of the two was renamed
  tree.rename("a", "b");
  tree.write("a", "2");
  EXPECT_EQ(desk.look(desk.table().folders()), Lines{});
  EXPECT_EQ(desk.look(desk.table().folders()), Lines{});
  tree.allow("d");
  EXPECT_EQ(desk.settle(), (Lines{"moved /a /b", "created /a"}));
}

TEST(Plan, AFileThatWasSeenTwiceInOneLookWaits) {
  FakeTree tree;
  tree.write("a", "1");
  Desk desk(tree);
  Observation seen = observe(desk.table(), {kRoot}, tree, *std::make_unique<SilentSource>(), 10);
  Seen twin = seen.folders[0].entries[0];
  twin.name = "b";
  seen.folders[0].entries.push_back(twin);
  const Plan made = plan(desk.table(), seen, {});
  EXPECT_TRUE(made.ops.empty());
  EXPECT_FALSE(made.again.empty());
  EXPECT_EQ(plan(desk.table(), seen, {.settled = true, .last_look = true}).ops.size(), 2u);
}

TEST(Plan, AFolderIsNotDeletedBeforeWhatIsAliveLeftIt) {
  FakeTree tree;
  tree.folder("d");
  tree.folder("d/e");
  tree.folder("u");
  tree.folder("x");
  Desk desk(tree);
  desk.settle();
  tree.rename("d/e", "u/e");
  tree.remove("d");
  EXPECT_EQ(desk.look({kRoot}), Lines{}) << "/d is held";
  tree.remove("x");
  tree.rename("u/e", "x");
  EXPECT_EQ(desk.look({kRoot}), Lines{}) << "the place of /x is not free yet";
  EXPECT_EQ(desk.settle(), (Lines{"deleted /x", "moved /d/e /x", "deleted /d"}));
}

TEST(Plan, FoldersThatAreSeenBelowOneAnotherWait) {
  FakeTree tree;
  tree.folder("a");
  tree.folder("b");
  Desk desk(tree);
  desk.settle();
  SilentSource source;
  Observation seen = observe(desk.table(), desk.table().folders(), tree, source, 10);
  ASSERT_EQ(seen.folders.size(), 3u);
  std::vector<Seen> entries = std::exchange(seen.folders[0].entries, {});
  for (ObservedFolder& folder : seen.folders) {
    if (folder.folder != kRoot) {  // each holds the other
      folder.entries.push_back(entries[folder.path == "a" ? 1 : 0]);
    }
  }
  const Plan made = plan(desk.table(), seen, {});
  EXPECT_EQ(made.ops.size(), 1u) << "one of the two can be";
  EXPECT_EQ(made.again.size(), 2u) << "both places of the other";
}

TEST(Plan, APathWithoutRoomIsToldOfWhenItHasRoom) {
  FakeTree tree;
  Desk desk(tree);
  desk.path_bytes_max = 8;
  tree.folder("aaa");
  tree.folder("aaa/bbb");
  tree.folder("aaa/bbb/c");
  tree.write("aaa/bbb/c/f", "1");
  EXPECT_EQ(desk.settle(), (Lines{"created /aaa", "created /aaa/bbb"})) << "8 bytes";
  tree.write("aaa/bbb/c/f", "22");
  tree.write("aaa/bbb/g", "1");
  tree.rename("aaa/bbb/g", "aaa/bbb/h");
  EXPECT_EQ(desk.settle(), Lines{});
  tree.remove("aaa/bbb/h");
  EXPECT_EQ(desk.settle(), Lines{});
  tree.rename("aaa/bbb", "b");
  EXPECT_EQ(desk.settle(), (Lines{"moved /aaa/bbb /b", "created /b/c", "created /b/c/f"}));
  EXPECT_EQ(desk.changes.back().after.file.size, 2u);
  tree.rename("b", "aaa/b");
  EXPECT_EQ(desk.settle(), (Lines{"deleted /b/c/f", "moved /b /aaa/b"})) << "/aaa/b/c fits";
  tree.rename("aaa", "a");
  EXPECT_EQ(desk.settle(), (Lines{"moved /aaa /a", "created /a/b/c/f"}));
  EXPECT_EQ(desk.changes.back().after.version, 2u) << "above that of its deletion";
  tree.rename("a", "aaaaaaaa");
  EXPECT_EQ(desk.settle(),
            (Lines{"deleted /a/b/c/f", "deleted /a/b/c", "deleted /a/b", "deleted /a"}));
  tree.remove("aaaaaaaa");
  EXPECT_EQ(desk.settle(), Lines{});
  EXPECT_EQ(desk.table().untold(), 0u);
}

TEST(Plan, AChainOfRenamesIsDoneFromItsFreeEnd) {
  constexpr int kFiles = 20'000;
  FakeTree tree;
  for (int i = 0; i < kFiles; ++i) {
    tree.write(fmt::format("f{:05}", i), "x");
  }
  Desk desk(tree);
  desk.settle();
  for (int i = kFiles; i-- > 0;) {
    tree.rename(fmt::format("f{:05}", i), fmt::format("f{:05}", i + 1));
  }
  const Lines lines = desk.settle();
  ASSERT_EQ(lines.size(), static_cast<std::size_t>(kFiles));
  EXPECT_EQ(lines.front(), "moved /f19999 /f20000");
  EXPECT_EQ(lines.back(), "moved /f00000 /f00001");
}

}  // namespace
}  // namespace bitvault::watch
