#include "event/parse.h"

#include <gtest/gtest.h>

namespace bitvault {
namespace {

using namespace std::string_literals;

// The paths and messages of what is wrong with one event.
std::string violations(const Result<Drafts>& drafts) {
  if (drafts) {
    return "";
  }
  std::string all;
  for (const auto& v : drafts.error().violations) {
    all += std::to_string(v.index) + ":" + v.path + " " + v.message + "\n";
  }
  return all.empty() ? drafts.error().detail : all;
}

TEST(ParseEvent, TheLeastThatIsNeeded) {
  const auto drafts =
      parse_event(R"( {"type":"bitvault.node.created.v1", "data": {"a" : [1, 2]}} )");
  ASSERT_TRUE(drafts) << violations(drafts);
  ASSERT_EQ(drafts->size(), 1u);
  EXPECT_EQ(drafts->front().type, "bitvault.node.created.v1");
  EXPECT_EQ(drafts->front().data, R"({"a":[1,2]})");
  EXPECT_FALSE(drafts->front().id || drafts->front().time || drafts->front().subject);
}

TEST(ParseEvent, EveryMember) {
  const auto drafts = parse_event(R"({"specversion":"1.0","id":"e1","source":"/s","subject":"/ä b",
      "type":"bitvault.node.created.v1","time":"2026-11-23T05:02:02+01:00",
      "datacontenttype":"application/json","dataschema":"urn:x","partitionkey":"k",
      "traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "zone":"e\u0075","n":-2147483648,"flag":false,"gone":null,"data":{}})");
  ASSERT_TRUE(drafts) << violations(drafts);
  const EventDraft& draft = drafts->front();
  EXPECT_EQ(draft.id->str(), "e1");
  EXPECT_EQ(draft.source, "/s");
  EXPECT_EQ(draft.subject, "/ä b");
  EXPECT_EQ(format_time(*draft.time), "2026-11-23T04:02:02.000000Z");
  EXPECT_EQ(draft.dataschema, "urn:x");
  EXPECT_EQ(draft.partitionkey, "k");
  EXPECT_EQ(draft.extensions, (std::map<std::string, std::string>{
                                  {"flag", "false"}, {"n", "-2147483648"}, {"zone", "\"eu\""}}));
}

TEST(ParseEvent, EachWrongMemberIsNamed) {
  const std::string base = R"({"type":"bitvault.node.created.v1","data":{})";
  const std::pair<std::string, std::string> cases[] = {
      {R"("specversion":"0.3")", "specversion"},
      {R"("id":"a.b")", "id"},
      {R"("id":7)", "id"},
      {R"("source":"")", "source"},
      {R"("source":"a b")", "source"},
      {R"("subject":"a\u0007")", "subject"},
      {R"("subject":"a\u0085")", "subject"},
      {R"("subject":"")", "subject"},
      {R"("time":"yesterday")", "time"},
      {R"("datacontenttype":"text/xml")", "datacontenttype"},
      {R"("data_base64":"AA==")", "data_base64"},
      {R"("partitionkey":"50%")", "partitionkey"},
      {R"("traceparent":"x")", "traceparent"},
      {R"("tenant":"other")", "tenant"},
      {R"("epoch":"abcdefgh2345")", "epoch"},
      {R"("sequence":"1")", "sequence"},
      {R"("recordedtime":null,"sequence":"1")", "sequence"},
      {R"("salt":"x")", "salt"},
      {R"("Upper":"x")", "Upper"},
      {R"("part_key":"x")", "part_key"},
      {R"("x":[1])", "x"},
      {R"("x":{})", "x"},
      {R"("x":1.5)", "x"},
      {R"("x":2147483648)", "x"},
      {R"("x":"\u0000")", "x"},
      {R"("x":"1","x":"2")", "x"},
      {R"("data":{})", "data"},
      {R"("type":"bitvault.node.deleted.v1")", "type"},
  };
  for (const auto& [member, path] : cases) {
    const auto drafts = parse_event(base + "," + member + "}");
    ASSERT_FALSE(drafts) << member;
    EXPECT_EQ(drafts.error().code, Code::kInvalid) << member;
    ASSERT_EQ(drafts.error().violations.size(), 1u) << member << violations(drafts);
    EXPECT_EQ(drafts.error().violations[0].path, path) << member;
  }
}

TEST(ParseEvent, WhatIsMissingIsNamed) {
  EXPECT_EQ(violations(parse_event("{}")), "0:type is required\n0:data is required\n");
  EXPECT_EQ(violations(parse_event(R"({"type":"bitvault.node.created.v1","data":[]})")),
            "0:data must be a JSON object\n");
}

TEST(ParseEvent, WhatIsNotJsonIsMalformed) {
  for (const auto& text :
       {""s, "{"s, "nul"s, "[]"s, "7"s, "{} {}"s, "{\"a\":1e999}"s, "{\"a\":\"\xff\"}"s,
        "{\"a\":\"\n\"}"s, std::string(100'000, '['), std::string(100'000, '{'), "\0"s,
        R"({"type":"bitvault.node.created.v1","data":)" + std::string(63, '[') +
            std::string(63, ']') + "}"}) {
    const auto drafts = parse_event(text);
    ASSERT_FALSE(drafts) << text.substr(0, 40);
    EXPECT_EQ(drafts.error().code, text.starts_with("{\"type") ? Code::kInvalid : Code::kMalformed)
        << text.substr(0, 40);
  }
  const auto deep = parse_event(R"({"type":"bitvault.node.created.v1","data":{"a":)" +
                                std::string(100, '[') + std::string(100, ']') + "}}");
  EXPECT_EQ(deep.error().code, Code::kMalformed);
}

TEST(ParseEvent, ADeepDocumentDoesNotSpoilTheNext) {
  EXPECT_FALSE(parse_event(std::string(1'000'000, '[')));
  EXPECT_TRUE(parse_event(R"({"type":"bitvault.node.created.v1","data":{}})"));
}

TEST(ParseEvent, ManyMistakesAreBounded) {
  std::string text = R"({"type":"bitvault.node.created.v1","data":{})";
  for (int i = 0; i < 1'000; ++i) {
    text += ",\"X" + std::to_string(i) + "\":1";
  }
  const auto drafts = parse_event(text + "}");
  ASSERT_FALSE(drafts);
  EXPECT_EQ(drafts.error().violations.size(), 20u);
}

TEST(ParseBatch, KeepsOrderAndNamesIndices) {
  const std::string good = R"({"type":"bitvault.node.created.v1","data":{}})";
  const auto drafts =
      parse_batch("[" + good + R"(,{"id":"second","type":"bitvault.node.created.v1","data":{}}])");
  ASSERT_TRUE(drafts);
  ASSERT_EQ(drafts->size(), 2u);
  EXPECT_EQ((*drafts)[1].id->str(), "second");
  EXPECT_EQ(violations(parse_batch("[" + good + ",{\"data\":{}}]")), "1:type is required\n");
}

TEST(ParseBatch, BoundsTheCount) {
  const std::string good = R"({"type":"bitvault.node.created.v1","data":{}})";
  std::string thousand = good;
  for (int i = 1; i < 1'000; ++i) {
    thousand += "," + good;
  }
  EXPECT_EQ(parse_batch("[" + thousand + "]")->size(), 1'000u);
  EXPECT_EQ(parse_batch("[" + thousand + "," + good + "]").error().code, Code::kTooLarge);
  EXPECT_EQ(parse_batch("[]").error().code, Code::kInvalid);
  EXPECT_EQ(parse_batch("{}").error().code, Code::kMalformed);
  EXPECT_EQ(parse_batch("[1]").error().code, Code::kMalformed);
}

TEST(ParseNdjson, SkipsBlankLinesAndNamesTheBrokenOne) {
  const std::string good = R"({"type":"bitvault.node.created.v1","data":{}})";
  EXPECT_EQ(parse_ndjson(good + "\r\n\n  \n" + good)->size(), 2u);
  const auto broken = parse_ndjson(good + "\n\n{oops\n");
  EXPECT_EQ(broken.error().code, Code::kMalformed);
  EXPECT_TRUE(broken.error().detail.starts_with("line 3 ")) << broken.error().detail;
  EXPECT_EQ(parse_ndjson("\n\n").error().code, Code::kInvalid);
}

TEST(ParseBinary, ReadsHeaders) {
  const std::pair<std::string_view, std::string_view> headers[] = {
      {"ce-specversion", "1.0"},
      {"ce-type", "bitvault.node.created.v1"},
      {"ce-subject", "/%C3%A4%20b"},
      {"ce-zone", "eu"}};
  const auto drafts = parse_binary(headers, R"({"a":1})");
  ASSERT_TRUE(drafts) << violations(drafts);
  EXPECT_EQ(drafts->front().subject, "/ä b");
  EXPECT_EQ(drafts->front().extensions.at("zone"), "\"eu\"");
  EXPECT_EQ(drafts->front().data, R"({"a":1})");
}

TEST(ParseBinary, RefusesBrokenHeaders) {
  const std::pair<std::string_view, std::string_view> headers[] = {
      {"ce-type", "bitvault.node.created.v1"},
      {"ce-subject", "%zz"},
      {"ce-data", "x"},
      {"ce-tenant", "other"}};
  EXPECT_EQ(violations(parse_binary(headers, "{}")),
            "0:subject is not percent-encoded UTF-8\n"
            "0:data stands in the body, not in a header\n"
            "0:tenant is set by the server and may not be given\n");
}

}  // namespace
}  // namespace bitvault
