// Trying a pattern: on an event that is given, and on what the tenant's journal holds.

#include <fmt/format.h>

#include "api/api_fixture.h"
#include "event/event.h"

namespace bitvault::api {
namespace {

using namespace std::chrono_literals;

class PatternsTest : public ApiTest {
 protected:
  Got test(const std::string& body) { return post("/v1/tenants/acme/patterns/test", body); }
  Got look_back(const std::string& since, const std::string& more = "") {
    return test(fmt::format(R"({{"pattern":{},"since":{}{}}})", kPdf, since, more));
  }
  void fill() {
    for (int i = 1; i <= 9; ++i) {
      const std::string name = fmt::format("{}.{}", i, i % 3 == 0 ? "pdf" : "txt");
      ASSERT_EQ(publish(node_created(fmt::format(R"("id":"{}",)", i), name)).outcome(), "201");
      world_.manual_clock().advance(1s);
    }
  }
  static std::string ids(const Got& got) {
    std::string all;
    for (std::size_t i = 0; !got.at(fmt::format("/events/{}", i)).empty(); ++i) {
      all += got.at(fmt::format("/events/{}/id", i)) + " ";
    }
    return all;
  }

  const std::string kPdf = R"({"data":{"node":{"name":[{"suffix":".pdf"}]}}})";
};

TEST_F(PatternsTest, SaysWhetherAnEventIsMatchedAndWhyNot) {
  const Got yes = test(R"({"pattern":{"a":[{"prefix":"x"}]},"event":{"a":"xy"}})");
  EXPECT_EQ(yes.outcome(), "200");
  EXPECT_EQ(yes.at("/matched"), "true");
  EXPECT_EQ(yes.at("/unmet"), "[]");
  const Got no = test(R"({ "event" : {"a":"yx"} , "pattern" : {"a":[{"prefix":"x"}]} })");
  EXPECT_EQ(no.outcome(), "200");
  EXPECT_EQ(no.at("/matched"), "false");
  EXPECT_EQ(no.at("/unmet/0/path"), "a");
  EXPECT_EQ(no.at("/unmet/0/had"), R"("yx")");
  EXPECT_NE(no.at("/unmet/0/why"), "");
}

TEST_F(PatternsTest, ReadsNumbersAsTheyAreWritten) {
  const std::string large = "9007199254740993";
  const auto with = [&](const std::string& number) {
    return test(R"({"pattern":{"n":[)" + large + R"(]},"event":{"n":)" + number + "}}")
        .at("/matched");
  };
  EXPECT_EQ(with(large), "true");
  EXPECT_EQ(with("9007199254740992"), "false");
}

TEST_F(PatternsTest, TakesTheLargestEventAndNoneBeyond) {
  const std::string head = R"({"pattern":{"a":["b"]},"event":)";
  const auto event = [](std::size_t bytes) {
    const std::string frame = R"({"a":"b","c":""})";
    return R"({"a":"b","c":")" + std::string(bytes - frame.size(), 'x') + "\"}";
  };
  EXPECT_EQ(test(head + event(kEventBytesMax) + "}").at("/matched"), "true");
  EXPECT_EQ(test(head + event(kEventBytesMax + 1) + "}").outcome(), "413 too_large");
}

TEST_F(PatternsTest, LooksBackOverTheLastEvents) {
  fill();
  const Got all = look_back("100");
  EXPECT_EQ(all.outcome(), "200");
  EXPECT_EQ(ids(all), "3 6 9 ");
  EXPECT_EQ(all.at("/scanned"), "9");
  EXPECT_EQ(all.at("/matched"), "3");
  EXPECT_EQ(all.at("/has_more"), "false");
  const Got last = look_back("4");
  EXPECT_EQ(ids(last), "6 9 ");
  EXPECT_EQ(last.at("/scanned"), "4");
  EXPECT_EQ(look_back("0").at("/scanned"), "0");
}

TEST_F(PatternsTest, LooksBackToATimeAndGoesOnFromACursor) {
  const std::string start = format_time(world_.clock().wall());
  fill();
  EXPECT_EQ(ids(look_back("\"" + start + "\"")), "3 6 9 ");
  const std::string later = format_time(world_.clock().wall() - 3500ms);
  EXPECT_EQ(look_back("\"" + later + "\"").at("/scanned"), "3");

  const Got first = look_back("9", R"(,"limit":1)");
  EXPECT_EQ(ids(first), "3 ");
  EXPECT_EQ(first.at("/has_more"), "true");
  EXPECT_EQ(ids(look_back("\"" + first.at("/next_cursor") + "\"")), "6 9 ");
}

TEST_F(PatternsTest, SeesItsOwnTenantOnly) {
  fill();
  const Got other =
      post("/v1/tenants/other/patterns/test", fmt::format(R"({{"pattern":{},"since":100}})", kPdf));
  EXPECT_EQ(other.at("/events"), "[]");
  EXPECT_EQ(other.at("/scanned"), "0");
  const std::string foreign = get("/v1/tenants/other/cursor?at=latest").at("/cursor");
  EXPECT_EQ(look_back("\"" + foreign + "\"").outcome(), "400 cursor_invalid");
}

struct Bad {
  std::string body;
  std::string outcome;
  std::string path = {};  // of the first violation
};

TEST_F(PatternsTest, NamesWhatIsWrong) {
  const std::string deep = R"({"pattern":)" + std::string(100'000, '[');
  const Bad bad[] = {
      {"", "400 malformed"},
      {"[]", "400 malformed"},
      {"{", "400 malformed"},
      {deep.substr(0, 60'000), "400 malformed"},
      {R"({"pattern":{"a":[1]},"event":{}} 1)", "400 malformed"},
      {"{}", "422 invalid", "pattern"},
      {R"({"pattern":{"a":[1]}})", "422 invalid", "event"},
      {R"({"pattern":{"a":[1]},"event":{},"since":1})", "422 invalid", "event"},
      {R"({"pattern":{"a":[1]},"events":{}})", "422 invalid", "events"},
      {R"({"pattern":{"a":[1]},"pattern":{"a":[1]},"event":{}})", "422 invalid", "pattern"},
      {R"({"pattern":{"a":1},"event":{}})", "422 invalid", "pattern"},
      {R"({"pattern":"a","event":{}})", "422 invalid", "pattern"},
      {R"({"pattern":{"a":[1]},"event":[]})", "400 malformed"},
      {R"({"pattern":{"a":[1]},"since":-1})", "422 invalid", "since"},
      {R"({"pattern":{"a":[1]},"since":null})", "422 invalid", "since"},
      {R"({"pattern":{"a":[1]},"since":1e3})", "422 invalid", "since"},
      {R"({"pattern":{"a":[1]},"since":"yesterday"})", "400 cursor_invalid"},
      {R"({"pattern":{"a":[1]},"since":1,"limit":0})", "422 invalid", "limit"},
      {R"({"pattern":{"a":[1]},"since":1,"limit":1001})", "422 invalid", "limit"},
      {R"({"pattern":{"a":[1]},"since":1,"limit":"1"})", "422 invalid", "limit"},
      {R"({"pattern":{"a":[1]},"event":{},"limit":1})", "422 invalid", "limit"},
  };
  for (const auto& [body, outcome, path] : bad) {
    const Got got = test(body);
    EXPECT_EQ(got.outcome(), outcome) << body;
    EXPECT_EQ(got.at("/errors/0/path"), path) << body;
  }
  const Sent as_text{"POST", "/v1/tenants/acme/patterns/test", operator_, "{}", "text/plain"};
  EXPECT_EQ(send(as_text).outcome(), "415 unsupported_media_type");
}

}  // namespace
}  // namespace bitvault::api
