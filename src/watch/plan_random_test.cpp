// Whatever happens to a tree and wherever one looks meanwhile: in the end the table is the tree,
// and the events alone lead there.
#include <gtest/gtest.h>

#include "watch/desk.h"
#include "watch/mirror.h"

namespace bitvault::watch {
namespace {

void shuffle(std::vector<NodeRef>& nodes, sim::Dice& dice) {
  for (std::size_t i = nodes.size(); i > 1; --i) {
    std::swap(nodes[i - 1], nodes[dice.below(i)]);
  }
}

void live_through(std::uint64_t seed) {
  sim::Dice dice(seed);
  FakeTree tree;
  if (dice.below(2) == 0) {
    tree.reuse_inodes();
  }
  Desk desk(tree);
  if (dice.below(2) == 0) {
    desk.path_bytes_max = dice.between(3, 12);  // each name takes 3
  }
  for (int step = 0; step < 12; ++step) {
    for (std::uint64_t i = dice.between(1, 12); i > 0; --i) {
      do_something(tree, dice);
      if (dice.below(4) == 0) {
        auto folders = desk.table().folders();
        shuffle(folders, dice);
        folders.resize(dice.between(1, folders.size()));
        desk.look(std::move(folders), dice.below(2) == 0, dice.below(8) == 0);
      }
    }
    desk.settle();
    ASSERT_EQ(desk.all(), paths_of(tree)) << step;
  }
  Mirror mirror;
  for (const Change& change : desk.changes) {
    const bool deleted = change.kind == Change::Kind::kDeleted;
    mirror.take(change.kind, deleted ? change.before : change.after, change.before.path);
  }
  ASSERT_EQ(mirror.all(), fitting(paths_of(tree), desk.path_bytes_max));
}

TEST(Plan, FollowsAnyTreeWhereverItLooks) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    live_through(seed);
    if (testing::Test::HasFailure()) {
      return;
    }
  }
}

}  // namespace
}  // namespace bitvault::watch
