#include "event/filter.h"

#include <gtest/gtest.h>

namespace bitvault {
namespace {

std::string event(const std::string& type, const std::string& subject, const std::string& key) {
  EventDraft draft;
  draft.type = type;
  draft.data = R"({"type":"decoy","subject":"/decoy"})";
  return encode(draft, {.tenant = *TenantName::parse("acme"),
                        .id = *EventId::parse("e1"),
                        .time = WallTime{},
                        .dataschema = "urn:x",
                        .partitionkey = key,
                        .subject = subject,
                        .traceparent = std::nullopt})
      ->bytes;
}

const std::string kCreated = event("bitvault.node.created.v1", "/in \"q\"/é.pdf", "n\\1");

bool matches(std::vector<std::string> types, std::optional<std::string> prefix,
             std::optional<std::string> key) {
  const auto filter = Filter::make(std::move(types), std::move(prefix), std::move(key));
  EXPECT_TRUE(filter);
  return filter->matches(kCreated);
}

TEST(Filter, AnEmptyOneMatchesAll) {
  EXPECT_TRUE(Filter{}.matches_all());
  EXPECT_TRUE(Filter{}.matches(kCreated));
}

TEST(Filter, ByType) {
  EXPECT_TRUE(matches({"bitvault.node.created.v1"}, {}, {}));
  EXPECT_TRUE(matches({"bitvault.share.*", "bitvault.node.*"}, {}, {}));
  EXPECT_TRUE(matches({"bitvault.node.created.*"}, {}, {}));
  EXPECT_TRUE(matches({"bitvault.*"}, {}, {}));
  EXPECT_FALSE(matches({"bitvault.node.deleted.v1", "bitvault.share.*"}, {}, {}));
  EXPECT_FALSE(matches({"bitvault.node.created.v11"}, {}, {}));
}

TEST(Filter, BySubjectPrefixAndKeyEscapesIncluded) {
  EXPECT_TRUE(matches({}, "/in \"", {}));
  EXPECT_TRUE(matches({}, "/in \"q\"/é.pdf", {}));
  EXPECT_TRUE(matches({}, "", {}));
  EXPECT_FALSE(matches({}, "/in \"q\"/é.pdfx", {}));
  EXPECT_FALSE(matches({}, "/decoy", {}));
  EXPECT_TRUE(matches({}, {}, "n\\1"));
  EXPECT_FALSE(matches({}, {}, "n\\"));
  EXPECT_FALSE(matches({}, {}, ""));
}

TEST(Filter, AllGivenMustHold) {
  EXPECT_TRUE(matches({"bitvault.node.*"}, "/in", "n\\1"));
  EXPECT_FALSE(matches({"bitvault.share.*"}, "/in", "n\\1"));
  EXPECT_FALSE(matches({"bitvault.node.*"}, "/out", "n\\1"));
  EXPECT_FALSE(matches({"bitvault.node.*"}, "/in", "n_2"));
}

TEST(Filter, LeavesOutOneAggregateOfOneKindOfType) {
  const std::string own = event("bitvault.webhook.failing.v1", "/", "whk_1");
  const std::string others = event("bitvault.webhook.failing.v1", "/", "whk_2");
  const std::string node = event("bitvault.node.created.v1", "/", "whk_1");
  const std::tuple<std::vector<std::string>, bool, bool> cases[] = {
      {{}, true, true},
      {{"bitvault.*"}, true, true},
      {{"bitvault.webhook.*"}, true, false},
      {{"bitvault.webhook.failing.*"}, true, false},
      {{"bitvault.webhook.failing.v1"}, true, false},
      {{"bitvault.node.*"}, false, true},
  };
  for (const auto& [types, wants_webhooks, wants_nodes] : cases) {
    const Filter all = Filter::make(types, {}, {}).value();
    const Filter filter = all.without("bitvault.webhook.", "whk_1");
    EXPECT_FALSE(filter.matches_all());
    EXPECT_EQ(all.matches(own), wants_webhooks);
    EXPECT_FALSE(filter.matches(own));
    EXPECT_EQ(filter.matches(others), wants_webhooks);
    EXPECT_EQ(filter.matches(node), wants_nodes);
    EXPECT_EQ(filter.block_query().types, all.block_query().types);
  }
  EXPECT_TRUE(Filter{}.matches_all());
}

TEST(Filter, RefusesWhatIsNoType) {
  for (const char* bad : {"", "*", "node.*", "bitvault", "bitvault*", "bitvault.nod*",
                          "bitvault.node.*.v1", "bitvault..*", "bitvault.node.created.v1.*"}) {
    EXPECT_FALSE(Filter::make({bad}, {}, {})) << bad;
  }
  EXPECT_FALSE(Filter::make(std::vector<std::string>(65, "bitvault.*"), {}, {}));
}

}  // namespace
}  // namespace bitvault
