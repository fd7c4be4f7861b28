// Filtered reads over summarized journals: the same answers, with far fewer events looked at.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "feed/feed.h"
#include "store/block_summarizer.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/sim/dice.h"
#include "tests/store/faulty_store.h"
#include "tests/store/make_event.h"
#include "tests/store/single_thread.h"
#include "tests/store/temporary_folder.h"
#include "tests/store/test_world.h"

namespace bitvault::test {
namespace {

using Call = FaultyStore::Call;
using sim::Dice;

constexpr const char* kCreated = "bitvault.node.created.v1";
constexpr const char* kShared = "bitvault.share.created.v1";

SecretKey master_key() {
  constexpr std::array<std::byte, 32> kBytes{};
  return SecretKey(kBytes);
}

class BlockSkip : public testing::Test {
 protected:
  BlockSkip() {
    auto opened = SqliteStore::open({.folder = folder_.path() + "/data",
                                     .writer = thread_.executor(),
                                     .readers = thread_.executor()},
                                    world_, [](const TenantName&, const JournalHead&) {});
    EXPECT_TRUE(opened) << opened.error().detail;
    sqlite_ = std::move(*opened);
    store_ = std::make_unique<FaultyStore>(*sqlite_, world_, [this](Call call, std::uint64_t) {
      reads_ += call == Call::kRead ? 1 : 0;
      const bool fails = call == fails_ && --fails_in_ == 0;
      return FaultyStore::Fault{
          fails ? FaultyStore::Fault::Kind::kBefore : FaultyStore::Fault::Kind::kNone, {}};
    });
    EXPECT_TRUE(thread_.run(store_->put_tenant(tenant_, {})));
  }

  EncodedEvent event(const char* type, std::string subject, std::string key) {
    std::array<std::byte, 10> random;
    world_.random().fill(random);
    EventDraft draft;
    draft.type = type;
    draft.data = "{}";
    return encode(draft, {.tenant = tenant_,
                          .id = EventId::make(world_.clock().wall(), random),
                          .time = WallTime{},
                          .dataschema = "urn:x",
                          .partitionkey = std::move(key),
                          .subject = std::move(subject),
                          .traceparent = std::nullopt})
        .value();
  }
  void publish(std::vector<EncodedEvent> events) {
    for (std::size_t at = 0; at < events.size();) {
      Transaction transaction(tenant_);
      for (std::size_t i = 0; i < kTransactionEventsMax && at < events.size(); ++i, ++at) {
        transaction.append(std::move(events[at]));
      }
      ASSERT_TRUE(thread_.run(store_->commit(std::move(transaction))));
    }
  }
  BlockSummarizer::Outcome summarize() {
    BlockSummarizer summarizer(world_, *store_);
    return thread_.run(summarizer.round());
  }
  std::uint64_t summarized() {
    return thread_.run(store_->upkeep("", 1)).value().items.at(0).summarized;
  }

  struct Found {
    std::vector<std::uint64_t> sequences;
    std::size_t reads = 0;  // of runs of the journal
    std::size_t pages = 0;
  };
  // Every page, until the journal ends.
  Found find(const Filter& filter, std::size_t limit = 100) {
    Feed feed(world_, *store_, bus_, cursors_);
    Found found;
    reads_ = 0;
    FeedQuery query{.tenant = tenant_,
                    .cursor = std::nullopt,
                    .limit = limit,
                    .wait = Duration{0},
                    .filter = filter};
    for (bool more = true; more; ++found.pages) {
      auto answer = thread_.run(feed.read(query));
      EXPECT_TRUE(answer);
      FeedPage& page = std::get<FeedPage>(*answer);
      for (const StoredEvent& one : page.events) {
        found.sequences.push_back(one.sequence.value);
      }
      query.cursor = page.next_cursor;
      more = page.has_more;
    }
    found.reads = reads_;
    return found;
  }

  const TenantName tenant_ = tenant_name("acme");
  TemporaryFolder folder_;
  SingleThread thread_;
  TestWorld world_;
  HeadBus bus_;
  CursorCodec cursors_{master_key()};
  std::unique_ptr<SqliteStore> sqlite_;
  std::unique_ptr<FaultyStore> store_;
  std::size_t reads_ = 0;
  std::optional<Call> fails_;
  int fails_in_ = 0;
};

TEST_F(BlockSkip, ARareFilterLooksAtFewBlocks) {
  constexpr std::uint64_t kBlocks = 40;
  std::vector<EncodedEvent> events;
  for (std::uint64_t i = 0; i < kBlocks * kBlockEvents + 10; ++i) {
    const bool rare = i == 12'345 || i == 40'000;
    events.push_back(event(rare ? kShared : kCreated, fmt::format("/docs/{}/f", i % 50),
                           fmt::format("node-{}", i / 2)));
  }
  publish(std::move(events));
  const Filter by_type = Filter::make({kShared}, {}, {}).value();
  const Filter by_key = Filter::make({}, {}, "node-20000").value();
  const Filter by_folder = Filter::make({}, "/music/", {}).value();
  const Found before = find(by_type);
  EXPECT_GE(before.reads, kBlocks);
  while (summarize().more) {
  }
  EXPECT_EQ(summarized(), kBlocks);
  const Found after = find(by_type);
  EXPECT_EQ(after.sequences, before.sequences);
  EXPECT_EQ(after.sequences, (std::vector<std::uint64_t>{12'346, 40'001}));
  EXPECT_LE(after.reads, 3) << "two blocks, and the tail that is not whole";
  EXPECT_EQ(find(by_key).sequences, (std::vector<std::uint64_t>{40'001, 40'002}));
  EXPECT_LE(find(by_key).reads, 5) << "a block in a hundred may be taken for one that has it";
  EXPECT_TRUE(find(by_folder).sequences.empty());
  EXPECT_LE(find(by_folder).reads, 4);
  EXPECT_EQ(find({}, 1'000).sequences.size(), kBlocks * kBlockEvents + 10);
}

TEST_F(BlockSkip, AnswersAreTheSameWithSummariesAndWithout) {
  Dice dice(7);
  constexpr const char* kTypes[] = {kCreated, kShared, "bitvault.node.moved.v1"};
  std::vector<EncodedEvent> events;
  std::uint64_t kind = 0;
  for (std::uint64_t i = 0; i < 12 * kBlockEvents + 77; ++i) {
    kind = dice.below(700) == 0 ? dice.below(3) : kind;  // types come in runs
    events.push_back(event(kTypes[kind], fmt::format("/d{}/e{}/{}", i / 3'000, dice.below(3), i),
                           fmt::format("node-{}", dice.below(3'000))));
  }
  publish(std::move(events));
  std::vector<Filter> filters;
  for (int i = 0; i < 25; ++i) {
    std::vector<std::string> types;
    if (dice.chance(600)) {
      types.emplace_back(dice.chance(300) ? "bitvault.share.*" : kTypes[dice.below(3)]);
    }
    const auto folder = dice.chance(500)
                            ? std::optional(fmt::format("/d{}/e{}/", dice.below(6), dice.below(4)))
                            : std::nullopt;
    const auto key =
        dice.chance(300) ? std::optional(fmt::format("node-{}", dice.below(3'500))) : std::nullopt;
    filters.push_back(Filter::make(types, folder, key).value());
  }
  std::vector<Found> before;
  for (const Filter& filter : filters) {
    before.push_back(find(filter, 7));
  }
  while (summarize().more) {
  }
  std::size_t reads_before = 0;
  std::size_t reads_after = 0;
  for (std::size_t i = 0; i < filters.size(); ++i) {
    const Found after = find(filters[i], 7);
    EXPECT_EQ(after.sequences, before[i].sequences) << i;
    reads_before += before[i].reads;
    reads_after += after.reads;
  }
  EXPECT_LT(reads_after, reads_before);
}

TEST_F(BlockSkip, SummarizingGoesOnAfterAFailure) {
  std::vector<EncodedEvent> events;
  for (std::uint64_t i = 0; i < 3 * kBlockEvents; ++i) {
    events.push_back(event(kCreated, "/a", "k"));
  }
  publish(std::move(events));
  for (const Call call : {Call::kUpkeep, Call::kRead, Call::kPutSummary}) {
    fails_ = call;
    fails_in_ = 1;
    EXPECT_TRUE(summarize().trouble);
  }
  fails_.reset();
  EXPECT_FALSE(summarize().trouble);
  EXPECT_EQ(summarized(), 3);
  EXPECT_LE(find(Filter::make({kShared}, {}, {}).value()).reads, 1);
}

TEST_F(BlockSkip, WhatIsPartlyBelowTheFloorIsReadAsItIs) {
  std::vector<EncodedEvent> events;
  for (std::uint64_t i = 0; i < 3 * kBlockEvents; ++i) {
    events.push_back(event(i == 1'500 ? kShared : kCreated, "/a", "k"));
  }
  publish(std::move(events));
  const Epoch epoch = thread_.run(store_->head(tenant_)).value().epoch;
  ASSERT_TRUE(thread_.run(store_->raise_floor(tenant_, {epoch, {1'200}})));
  while (thread_.run(store_->prune(tenant_, WallTime{})).value().more) {
  }
  while (summarize().more) {
  }
  EXPECT_EQ(summarized(), 3);
  EXPECT_EQ(find(Filter::make({kShared}, {}, {}).value()).sequences,
            std::vector<std::uint64_t>{1'501});
}

}  // namespace
}  // namespace bitvault::test
