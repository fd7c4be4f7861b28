#include "event/event.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/crypto.h"
#include "base/text.h"
#include "event/parse.h"

namespace bitvault {
namespace {

const TenantName kAcme = *TenantName::parse("acme");
const Epoch kEpoch = *Epoch::parse("abcdefgh2345");
constexpr WallTime kTime{Duration{1'795'406'522'123'456}};

EventDefaults defaults() {
  return {.tenant = kAcme,
          .id = *EventId::parse("01990000-0000-7000-8000-000000000001"),
          .time = kTime,
          .dataschema = "urn:bitvault:schema:bitvault.node.created.v1:1",
          .partitionkey = "n_1",
          .subject = "/a/ä \"b\".txt",
          .traceparent = std::nullopt};
}

EventDraft minimal() {
  EventDraft draft;
  draft.type = "bitvault.node.created.v1";
  draft.data = R"({"node":{"id":"n_1"}})";
  return draft;
}

EventDraft full() {
  EventDraft draft = minimal();
  draft.id = *EventId::parse("evt:1");
  draft.source = "/producers/drive";
  draft.subject = "tab\\slash";
  draft.time = WallTime{};
  draft.partitionkey = "key-9";
  draft.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  draft.extensions = {{"zone", "\"eu\""}, {"attempt", "3"}, {"bulk", "true"}};
  return draft;
}

EncodedEvent stamped(EncodedEvent event, std::uint64_t sequence) {
  std::array<std::byte, 16> salt{};
  for (std::size_t i = 0; i < salt.size(); ++i) {
    salt[i] = static_cast<std::byte>(i * 17);
  }
  stamp(event, {kEpoch, Sequence{sequence}, kTime + std::chrono::seconds(1), salt});
  return event;
}

std::string golden(const std::string& name) {
  std::ifstream file(std::string(BITVAULT_SOURCE_DIR) + "/tests/golden/event/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Event, EncodesToTheGoldenBytes) {
  const auto first = stamped(*encode(minimal(), defaults()), 1);
  EXPECT_EQ(first.bytes + "\n", golden("minimal.json"));
  const auto second = stamped(*encode(full(), defaults()), 18'446'744'073'709'551'615u);
  EXPECT_EQ(second.bytes + "\n", golden("full.json"));
}

TEST(Event, GoldenLeafHash) {
  const std::string line = golden("minimal.json");
  ASSERT_FALSE(line.empty());
  EXPECT_EQ(hex(leaf_hash(line.substr(0, line.size() - 1))) + "\n", golden("minimal.leaf"));
}

TEST(Event, StampingChangesNoSizeAndNothingElse) {
  const auto before = *encode(full(), defaults());
  auto after = stamped(before, 7);
  ASSERT_EQ(after.bytes.size(), before.bytes.size());
  const auto restore = [&](std::uint32_t at, std::size_t size) {
    after.bytes.replace(at, size, before.bytes, at, size);
  };
  restore(before.offsets.recordedtime, kTimeTextBytes);
  restore(before.offsets.epoch, Epoch::kBytes);
  restore(before.offsets.sequence, 20);
  restore(before.offsets.salt, kSaltTextBytes);
  EXPECT_EQ(after.bytes, before.bytes);
}

TEST(Event, DraftWinsOverDefaults) {
  const auto event = *encode(full(), defaults());
  EXPECT_EQ(event.id.str(), "evt:1");
  EXPECT_TRUE(event.given.id && event.given.time && event.given.traceparent);
  const auto made = *encode(minimal(), defaults());
  EXPECT_EQ(made.id, defaults().id);
  EXPECT_FALSE(made.given.id || made.given.time || made.given.traceparent);
}

TEST(Event, TheSizeLimitIsExact) {
  EventDraft draft = minimal();
  const std::size_t envelope = encode(draft, defaults())->bytes.size() - draft.data.size();
  draft.data = "{\"a\":\"" + std::string(kEventBytesMax - envelope - 8, 'x') + "\"}";
  EXPECT_EQ(encode(draft, defaults())->bytes.size(), kEventBytesMax);
  draft.data.insert(6, "x");
  const auto refused = encode(draft, defaults());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kTooLarge);
}

TEST(Event, HeadsAreReadFromTheBytesEscapesIncluded) {
  const auto event = stamped(*encode(minimal(), defaults()), 1);
  const EventHead head = read_head(event.bytes);
  EXPECT_EQ(head.id, "01990000-0000-7000-8000-000000000001");
  EXPECT_EQ(head.type, "bitvault.node.created.v1");
  EXPECT_EQ(head.subject, R"(/a/ä \"b\".txt)");
  EXPECT_EQ(head.partitionkey, "n_1");
}

TEST(Event, WhatItEncodesParsesAsACloudEventButForTheServersMembers) {
  const auto event = stamped(*encode(full(), defaults()), 5);
  const auto parsed = parse_event(event.bytes);
  ASSERT_FALSE(parsed);
  std::vector<std::string> paths;
  for (const auto& violation : parsed.error().violations) {
    paths.push_back(violation.path);
  }
  EXPECT_EQ(paths,
            (std::vector<std::string>{"recordedtime", "tenant", "epoch", "sequence", "salt"}));
}

TEST(SameMembers, ARepeatIsJudgedByWhatTheProducerGave) {
  EventDraft draft = minimal();
  draft.id = *EventId::parse("evt:1");
  const auto first = stamped(*encode(draft, defaults()), 5);
  EventDefaults later = defaults();
  later.time += std::chrono::hours(1);
  later.dataschema = "urn:bitvault:schema:bitvault.node.created.v1:2";
  later.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  EXPECT_TRUE(same_members(first.bytes, *encode(draft, later)));

  draft.time = kTime;
  EXPECT_TRUE(same_members(first.bytes, *encode(draft, later)));
  draft.time = kTime + std::chrono::seconds(1);
  EXPECT_FALSE(same_members(first.bytes, *encode(draft, later)));
}

TEST(SameMembers, EachOtherMemberCounts) {
  const auto first = stamped(*encode(full(), defaults()), 5);
  const auto differs = [&](auto change) {
    EventDraft draft = full();
    change(draft);
    return !same_members(first.bytes, *encode(draft, defaults()));
  };
  EXPECT_FALSE(differs([](EventDraft&) {}));
  EXPECT_TRUE(differs([](EventDraft& d) { d.type = "bitvault.node.deleted.v1"; }));
  EXPECT_TRUE(differs([](EventDraft& d) { d.source = "/x"; }));
  EXPECT_TRUE(differs([](EventDraft& d) { d.subject = "x"; }));
  EXPECT_TRUE(differs([](EventDraft& d) { d.partitionkey = "x"; }));
  EXPECT_TRUE(differs([](EventDraft& d) { d.data = R"({"node":{"id":"n_2"}})"; }));
  EXPECT_TRUE(differs([](EventDraft& d) { d.extensions["zone"] = "\"us\""; }));
  EXPECT_TRUE(differs([](EventDraft& d) { d.extensions.erase("zone"); }));
  EXPECT_TRUE(differs([](EventDraft& d) { d.extensions["more"] = "1"; }));
}

TEST(SameMembers, TheOrderInsideDataDoesNot) {
  EventDraft draft = full();
  draft.data = R"({"a":1,"b":[{"c":"x","d":true}]})";
  const auto first = stamped(*encode(draft, defaults()), 5);
  draft.data = R"({"b":[{"d":true,"c":"x"}],"a":1})";
  EXPECT_TRUE(same_members(first.bytes, *encode(draft, defaults())));
}

}  // namespace
}  // namespace bitvault
