#include "cli/event_flags.h"

#include <gtest/gtest.h>

#include "cli/amount.h"

namespace bitvault::cli {
namespace {

TEST(EventFlags, MakesACloudEvent) {
  const EventFlags flags{.type = "bitvault.node.created.v1",
                         .source = "/s",
                         .subject = "/a \"b\"",
                         .time = "2026-11-23T04:22:02Z",
                         .partitionkey = "n1",
                         .extensions = {"colour=red=1", "empty="}};
  const auto event = make_event(flags, " {\"a\": 1}\n", "made");
  ASSERT_TRUE(event);
  EXPECT_EQ(*event,
            R"({"specversion":"1.0","id":"made","type":"bitvault.node.created.v1","source":"/s",)"
            R"("subject":"/a \"b\"","time":"2026-11-23T04:22:02Z","partitionkey":"n1",)"
            R"("colour":"red=1","empty":"","data":{"a": 1}})");
}

TEST(EventFlags, TheUsersIdWins) {
  const EventFlags flags{.type = "t", .id = "mine"};
  EXPECT_EQ(make_event(flags, "{}", "made").value(),
            R"({"specversion":"1.0","id":"mine","type":"t","data":{}})");
}

TEST(EventFlags, RefusesWhatWouldNotBeTheEventThatWasMeant) {
  const auto refused = [](EventFlags flags, std::string_view data = "{}") {
    const auto event = make_event(flags, data, "made");
    return !event && event.error().detail.find('\n') == std::string::npos;
  };
  EventFlags flags;
  flags.type = "t";
  for (const char* data : {"", "[]", "7", "{", "{}{}", "{\"a\":\"\xff\"}"}) {
    EXPECT_TRUE(refused(flags, data)) << data;
  }
  for (const char* extension : {"x", "=v", "Big=v", "a b=v", "type=x", "data={}", "a=\xff"}) {
    EventFlags wrong = flags;
    wrong.extensions = {extension};
    EXPECT_TRUE(refused(wrong)) << extension;
  }
  EventFlags twice = flags;
  twice.extensions = {"a=1", "a=2"};
  EXPECT_TRUE(refused(twice));
  EventFlags time = flags;
  time.time = "yesterday";
  EXPECT_TRUE(refused(time));
  EventFlags subject = flags;
  subject.subject = "\xff";
  EXPECT_TRUE(refused(subject));
}

TEST(Amount, AgesAreSecondsWithOrWithoutAUnit) {
  EXPECT_EQ(parse_age("90"), 90u);
  EXPECT_EQ(parse_age("90s"), 90u);
  EXPECT_EQ(parse_age("90m"), 5'400u);
  EXPECT_EQ(parse_age("12h"), 43'200u);
  EXPECT_EQ(parse_age("30d"), 2'592'000u);
  for (const char* text :
       {"", "0", "0d", "d", "-1", "1.5h", "1w", "1 d", "1dd", "18446744073709551615d"}) {
    EXPECT_EQ(parse_age(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_amount("0"), std::nullopt);
  EXPECT_EQ(parse_amount("7"), 7u);
}

}  // namespace
}  // namespace bitvault::cli
