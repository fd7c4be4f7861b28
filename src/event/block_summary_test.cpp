#include "event/block_summary.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "event/filter.h"

namespace bitvault {
namespace {

std::string event(std::string_view type, std::string_view subject, std::string_view key) {
  const TenantName tenant = TenantName::parse("acme").value();
  EventDraft draft;
  draft.type = type;
  draft.data = "{}";
  EncodedEvent encoded = encode(draft, {.tenant = tenant,
                                        .id = EventId::parse("e").value(),
                                        .time = WallTime{},
                                        .dataschema = "urn:x",
                                        .partitionkey = std::string(key),
                                        .subject = std::string(subject),
                                        .traceparent = std::nullopt})
                             .value();
  stamp(encoded, {Epoch::parse("abcdefgh2345").value(), {1}, WallTime{}, {}});
  return encoded.bytes;
}

constexpr const char* kCreated = "bitvault.node.created.v1";
constexpr const char* kShared = "bitvault.share.created.v1";

std::string summary_of(const std::vector<std::string>& events) {
  BlockSummary summary;
  for (const std::string& bytes : events) {
    summary.add(bytes);
  }
  return summary.encode();
}

BlockQuery query(std::vector<std::string> types, std::optional<std::string> subject = {},
                 std::optional<std::string> key = {}) {
  return Filter::make(std::move(types), std::move(subject), std::move(key)).value().block_query();
}

TEST(BlockSummary, BlocksAreConsecutive) {
  EXPECT_EQ(block_of({1}), 0);
  EXPECT_EQ(block_of({kBlockEvents}), 0);
  EXPECT_EQ(block_of({kBlockEvents + 1}), 1);
  EXPECT_EQ(block_end(0).value, kBlockEvents);
}

TEST(BlockSummary, KnowsItsTypes) {
  const std::string summary =
      summary_of({event(kCreated, "/a/b", "k1"), event(kShared, "/c", "k2")});
  EXPECT_TRUE(may_match(summary, {}));
  EXPECT_TRUE(may_match(summary, query({kCreated})));
  EXPECT_TRUE(may_match(summary, query({"bitvault.node.*"})));
  EXPECT_TRUE(may_match(summary, query({"bitvault.*"})));
  EXPECT_TRUE(may_match(summary, query({"bitvault.node.moved.v1", "bitvault.share.*"})));
  EXPECT_FALSE(may_match(summary, query({"bitvault.node.moved.v1"})));
  EXPECT_FALSE(may_match(summary, query({"bitvault.link.*"})));
}

TEST(BlockSummary, KnowsItsPartitionKeys) {
  const std::string summary =
      summary_of({event(kCreated, "/a", "k1"), event(kCreated, "/a", "k2")});
  EXPECT_TRUE(may_match(summary, query({}, {}, "k1")));
  EXPECT_TRUE(may_match(summary, query({kCreated}, {}, "k2")));
  EXPECT_FALSE(may_match(summary, query({}, {}, "another")));
  EXPECT_FALSE(may_match(summary, query({kShared}, {}, "k1")));
}

TEST(BlockSummary, KnowsTheFoldersOfItsSubjects) {
  const std::string summary = summary_of({event(kCreated, "/photos/2026/a.jpg", "k")});
  for (const char* prefix :
       {"", "/", "/p", "/photos/", "/photos/2", "/photos/2026/", "/photos/2026/z", "/zebra"}) {
    EXPECT_TRUE(may_match(summary, query({}, prefix))) << prefix;
  }
  for (const char* prefix : {"/music/", "/photos/2025/", "/photos/2026/a.jpg/", "photos/"}) {
    EXPECT_FALSE(may_match(summary, query({}, prefix))) << prefix;
  }
}

TEST(BlockSummary, DeepFoldersAreKnownToADepth) {
  std::string subject = "/";
  for (int i = 0; i < 30; ++i) {
    subject += fmt::format("d{}/", i);
  }
  const std::string summary = summary_of({event(kCreated, subject + "file", "k")});
  EXPECT_TRUE(may_match(summary, query({}, subject)));
  EXPECT_TRUE(may_match(summary, query({}, subject + "other/")));
  EXPECT_FALSE(may_match(summary, query({}, "/x" + subject)));
}

TEST(BlockSummary, WithTooManyTypesAnyIsPossible) {
  std::vector<std::string> events;
  for (std::size_t i = 0; i < kSummaryTypesMax; ++i) {
    events.push_back(event(fmt::format("bitvault.node.kind{}.v1", i), "/a", "k"));
  }
  EXPECT_FALSE(may_match(summary_of(events), query({kShared})));
  events.push_back(event("bitvault.node.last.v1", "/a", "k"));
  EXPECT_TRUE(may_match(summary_of(events), query({kShared})));
  EXPECT_FALSE(may_match(summary_of(events), query({kShared}, {}, "another")));
}

TEST(BlockSummary, WhatIsNoSummaryRulesNothingOut) {
  const std::string good = summary_of({event(kCreated, "/a", "k")});
  ASSERT_FALSE(may_match(good, query({kShared})));
  for (std::size_t size = 0; size < good.size() - 16; ++size) {
    EXPECT_TRUE(may_match(good.substr(0, size), query({kShared}))) << size;
  }
  EXPECT_TRUE(may_match("\x02" + good.substr(1), query({kShared}))) << "of another version";
}

// Whatever the filter says of an event, the summary of its block does not deny.
TEST(BlockSummary, NeverDeniesWhatAFilterMatches) {
  std::uint64_t state = 1;
  const auto below = [&](std::uint64_t bound) {
    state = state * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
    return (state >> 33) % bound;
  };
  const std::array<const char*, 4> types = {kCreated, kShared, "bitvault.node.moved.v1",
                                            "bitvault.link.created.v1"};
  const std::array<const char*, 6> names = {"a", "b", "\"q\"", "\u00fc", "a b", "\\"};
  const auto subject = [&] {
    std::string text = below(4) == 0 ? "" : "/";
    for (std::uint64_t i = below(12); i > 0; --i) {
      text += names[below(names.size())];
      text += below(4) == 0 ? "" : "/";
    }
    return text;
  };
  std::size_t matched = 0;
  std::size_t ruled_out = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> events;
    for (std::uint64_t i = 0; i <= below(20); ++i) {
      events.push_back(
          event(types[below(2 + below(3))], subject() + "x", fmt::format("k{}", below(50))));
    }
    const std::string summary = summary_of(events);
    for (int i = 0; i < 30; ++i) {
      std::vector<std::string> wanted;
      if (below(2) == 0) {
        wanted.emplace_back(below(2) == 0 ? types[below(4)] : "bitvault.node.*");
      }
      const auto prefix = below(2) == 0 ? std::optional(subject()) : std::nullopt;
      const auto key = below(2) == 0 ? std::optional(fmt::format("k{}", below(60))) : std::nullopt;
      const Filter filter = Filter::make(wanted, prefix, key).value();
      const bool matches = std::ranges::any_of(
          events, [&](const std::string& bytes) { return filter.matches(bytes); });
      const bool may = may_match(summary, filter.block_query());
      ASSERT_TRUE(may || !matches) << prefix.value_or("-") << " " << key.value_or("-");
      matched += matches ? 1 : 0;
      ruled_out += may ? 0 : 1;
    }
  }
  EXPECT_GT(matched, 100u);
  EXPECT_GT(ruled_out, 100u);
}

TEST(BlockSummary, IsSmallAndSeldomWrong) {
  BlockSummary summary;
  for (std::uint64_t i = 0; i < kBlockEvents; ++i) {
    summary.add(event(kCreated, fmt::format("/docs/{}/{}", i % 40, i), fmt::format("node-{}", i)));
  }
  const std::string text = summary.encode();
  EXPECT_LT(text.size(), 2'048);
  int wrong = 0;
  for (int i = 0; i < 10'000; ++i) {
    wrong += may_match(text, query({}, {}, fmt::format("other-{}", i))) ? 1 : 0;
  }
  EXPECT_LT(wrong, 300);
}

// Summaries are stored: what was written once must be read for ever.
TEST(BlockSummary, HasOneForm) {
  const std::string text = summary_of({event(kCreated, "/a/b", "k")});
  std::string hex;
  for (const char c : text) {
    hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  }
  EXPECT_EQ(hex,
            "0101186269747661756c742e6e6f64652e637265617465642e7631"
            "001240e0800280290000000a8300000c");
}

}  // namespace
}  // namespace bitvault
