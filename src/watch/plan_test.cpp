#include "watch/plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <unordered_set>

#include "watch/apply.h"
#include "watch/fake_tree.h"

namespace bitvault::watch {
namespace {

constexpr std::uint64_t kReadMax = 1'000;

// A table that follows a tree, told when and where to look.
class Desk {
 public:
  explicit Desk(FakeTree& tree) : tree_(tree) {
    table_ = std::make_unique<NodeTable>(Node{.id = next_id(),
                                              .kind = Kind::kFolder,
                                              .version = 1,
                                              .identity = *tree.root(),
                                              .file = {},
                                              .name = {}});
  }

  // One look at some folders; what happened, one line each.
  std::vector<std::string> look(std::vector<NodeRef> folders, bool settled = true,
                                bool last_look = false) {
    const Observation seen = observe(*table_, std::move(folders), tree_, source_, 1'000'000);
    EXPECT_EQ(seen.root, Observation::Root::kThere);
    const Plan made =
        plan(*table_, seen, {.settled = settled, .last_look = last_look, .held = [this](NodeRef r) {
                               return held_.contains(r);
                             }});
    held_.clear();
    for (const NodeRef node : made.vanished) {
      held_.insert(node);
    }
    waiting_ = !made.again.empty() || !made.vanished.empty() || !seen.absent.empty();
    std::vector<std::string> lines;
    for (const Op& op : made.ops) {
      carry_out(op, lines);
    }
    return lines;
  }

  // Looks at everything until nothing is left to say.
  std::vector<std::string> settle() {
    std::vector<std::string> lines;
    for (int looks = 0; looks < 20; ++looks) {
      discovered_ = false;
      const auto more = look(table_->folders(), true, looks > 10);
      lines.insert(lines.end(), more.begin(), more.end());
      if (more.empty() && !waiting_ && !discovered_) {
        return lines;
      }
    }
    ADD_FAILURE() << "it never rests";
    return lines;
  }

  NodeRef at(const std::string& path) const {
    NodeRef ref = kRoot;
    for (std::size_t from = 0; from < path.size();) {
      const std::size_t slash = std::min(path.find('/', from), path.size());
      const auto found = table_->at(ref, path.substr(from, slash - from));
      EXPECT_EQ(found.size(), 1u) << path;
      ref = found.at(0);
      from = slash + 1;
    }
    return ref;
  }

  std::map<std::string, std::string> all() const {
    std::map<std::string, std::string> paths;
    for (const NodeRef folder : table_->folders()) {
      for (const NodeRef child : table_->children(folder)) {
        const Node& node = (*table_)[child];
        const std::string path = table_->path(child);
        EXPECT_TRUE(paths
                        .emplace(node.kind == Kind::kFolder ? path + "/" : path,
                                 node.file.checksum ? hex_of(*node.file.checksum) : "")
                        .second);
      }
    }
    return paths;
  }
  static std::string hex_of(const Digest& digest) {
    std::string text;
    for (const std::byte byte : digest) {
      text += fmt::format("{:02x}", static_cast<unsigned>(byte));
    }
    return text;
  }

  const NodeTable& table() const { return *table_; }
  std::vector<Change> changes;

 private:
  NodeId next_id() {
    std::array<std::byte, NodeId::kRandomBytes> bytes{};
    bytes[10] = static_cast<std::byte>(ids_ / 256);
    bytes[11] = static_cast<std::byte>(ids_++ % 256);
    return NodeId::make(bytes);
  }

  void carry_out(const Op& op, std::vector<std::string>& lines) {
    std::optional<Content> content;
    if (needs_content(*table_, op)) {
      content = tree_.read(
          op.folder->path.empty() ? op.seen->name : op.folder->path + '/' + op.seen->name,
          kReadMax);
      ASSERT_TRUE(agrees(op, *content));
    }
    auto applied = apply(*table_, op, content ? &*content : nullptr, next_id());
    discovered_ = discovered_ || applied.look_inside;
    if (!applied.change) {
      return;
    }
    const NodeView& before = applied.change->before;
    const NodeView& after = applied.change->after;
    switch (applied.change->kind) {
      case Change::Kind::kCreated:
        lines.push_back("created " + after.path);
        break;
      case Change::Kind::kUpdated:
        EXPECT_EQ(before.path, after.path);
        EXPECT_EQ(before.version + 1, after.version);
        lines.push_back("updated " + after.path);
        break;
      case Change::Kind::kMoved:
        lines.push_back("moved " + before.path + " " + after.path);
        break;
      case Change::Kind::kDeleted:
        lines.push_back("deleted " + before.path);
        break;
    }
    changes.push_back(std::move(*applied.change));
  }

  FakeTree& tree_;
  SilentSource source_;
  std::unique_ptr<NodeTable> table_;
  std::unordered_set<NodeRef> held_;
  unsigned ids_ = 0;
  bool waiting_ = false;
  bool discovered_ = false;
};

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
     {"moved /a /b", "moved /b /a"}},
    {"two folders exchange their names",
     [](FakeTree& t) {
       t.folder("a");
       t.folder("b");
       t.write("a/x", "1");
       t.write("b/y", "1");
     },
     [](FakeTree& t) { t.exchange("a", "b"); },
     {"moved /a /b", "moved /b /a"}},
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
     {"moved /a/b /a", "moved /a /a/b"}},
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
     {"moved /d/f /d", "deleted /d"}},
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
  EXPECT_EQ(desk.settle(), GetParam().expected);
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

// A consumer that knows of the tree only what the events told.
class Mirror {
 public:
  void take(const Change& change) {
    const NodeView& node = change.kind == Change::Kind::kDeleted ? change.before : change.after;
    const auto known = nodes_.find(node.id);
    ASSERT_EQ(known == nodes_.end(), change.kind == Change::Kind::kCreated) << node.path;
    if (change.kind == Change::Kind::kDeleted) {
      for (const auto& [id, other] : nodes_) {
        EXPECT_NE(other.parent_id, node.id) << "deleted before what it holds: " << node.path;
      }
      nodes_.erase(known);
      return;
    }
    EXPECT_TRUE(!node.parent_id || nodes_.contains(*node.parent_id)) << node.path;
    if (change.kind != Change::Kind::kCreated) {
      EXPECT_GT(node.version, known->second.version);
    }
    nodes_.insert_or_assign(node.id, node);
    EXPECT_EQ(path(node), node.path);
  }
  std::map<std::string, std::string> all() const {
    std::map<std::string, std::string> paths;
    for (const auto& [id, node] : nodes_) {
      paths.emplace(path(node).substr(1) + (node.kind == Kind::kFolder ? "/" : ""),
                    node.file.checksum ? Desk::hex_of(*node.file.checksum) : "");
    }
    return paths;
  }

 private:
  std::string path(const NodeView& node) const {
    return (node.parent_id ? path(nodes_.at(*node.parent_id)) : "") + "/" + node.name;
  }
  std::map<std::string, NodeView> nodes_;
};

std::map<std::string, std::string> expected_of(const FakeTree& tree) {
  std::map<std::string, std::string> paths = tree.all();
  for (auto& [path, content] : paths) {
    content = path.ends_with('/') ? "" : Desk::hex_of(sha256(content));
  }
  return paths;
}

void do_something(FakeTree& tree, std::mt19937& random) {
  const auto below = [&](std::size_t bound) { return random() % bound; };
  std::vector<std::string> folders{""};
  std::vector<std::string> all;
  for (const auto& [path, content] : tree.all()) {
    all.push_back(path.ends_with('/') ? path.substr(0, path.size() - 1) : path);
    if (path.ends_with('/')) {
      folders.push_back(path);
    }
  }
  const auto fresh = [&] { return folders[below(folders.size())] + fmt::format("n{}", below(6)); };
  const std::string to = fresh();
  const bool taken = std::ranges::count(all, to) > 0;
  const std::string from = all.empty() ? "" : all[below(all.size())];
  const bool from_folder = std::ranges::count(folders, from + "/") > 0;
  const bool to_folder = std::ranges::count(folders, to + "/") > 0;
  switch (below(8)) {
    case 0:
      if (!taken) {
        tree.folder(to);
      }
      break;
    case 1:
    case 2:
      if (!to_folder) {
        tree.write(to, fmt::format("{}", below(1'000)));
      }
      break;
    case 3:
      if (!from.empty() && below(3) == 0) {
        tree.remove(from);
      }
      break;
    case 4:
      if (!from.empty() && !from_folder && !to_folder && from != to) {
        tree.link(from, to);
      }
      break;
    case 5:
      if (!from.empty() && taken && from != to && !to.starts_with(from + "/") &&
          !from.starts_with(to + "/")) {
        tree.exchange(from, to);
      }
      break;
    default:
      if (!from.empty() && from != to && !to.starts_with(from + "/") && (!taken || !to_folder) &&
          (!taken || !from_folder)) {
        tree.rename(from, to);
      }
  }
}

TEST(Plan, FollowsAnyTreeWhereverItLooks) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    FakeTree tree;
    if (seed % 2 == 0) {
      tree.reuse_inodes();
    }
    Desk desk(tree);
    for (int step = 0; step < 12; ++step) {
      for (unsigned i = 0; i < 1 + random() % 12; ++i) {
        do_something(tree, random);
        if (random() % 4 == 0) {
          auto folders = desk.table().folders();
          std::ranges::shuffle(folders, random);
          folders.resize(1 + random() % folders.size());
          desk.look(std::move(folders), random() % 2 == 0, random() % 8 == 0);
        }
      }
      desk.settle();
      ASSERT_EQ(desk.all(), expected_of(tree)) << step;
    }
    Mirror mirror;
    for (const Change& change : desk.changes) {
      mirror.take(change);
    }
    ASSERT_EQ(mirror.all(), expected_of(tree));
  }
}

}  // namespace
}  // namespace bitvault::watch
