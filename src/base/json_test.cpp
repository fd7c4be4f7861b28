#include "base/json.h"

#include <gtest/gtest.h>

namespace bitvault {
namespace {

TEST(Json, KeepsTheBytesOfMembersAndElements) {
  const std::string text =
      R"( {"events" : [ {"a": [1, 2] } ,{"b":"\u00e9 }]"}, 7 ,"x" ],"n":null} )";
  const auto json = Json::parse(text);
  ASSERT_TRUE(json);
  ASSERT_EQ(json->members().size(), 2u);
  EXPECT_EQ(json->members()[0].first, "events");
  const auto events = json->member("events")->elements();
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].raw(), R"({"a": [1, 2] })");
  EXPECT_EQ(events[1].raw(), R"({"b":"\u00e9 }]"})");
  EXPECT_EQ(events[2].raw(), "7");
  EXPECT_EQ(events[3].raw(), R"("x")");
  EXPECT_GE(events[0].raw().data(), text.data());  // a view of the document itself
  EXPECT_LT(events[0].raw().data(), text.data() + text.size());
}

TEST(Json, ReadsTexts) {
  const auto json = Json::parse(R"({"s":"a\"b\n\u00e9","i":17,"t":true,"n":null,"k\u0041":"v"})");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->text_of("s"), "a\"b\n\u00e9");
  EXPECT_EQ(json->text_of("i"), "17");
  EXPECT_EQ(json->text_of("t"), "true");
  EXPECT_EQ(json->text_of("n"), "");
  EXPECT_EQ(json->text_of("kA"), "v");
  EXPECT_EQ(json->text_of("absent"), "");
}

TEST(Json, KeepsEveryKindOfValueAsItStands) {
  const std::vector<std::string> values = {
      "0",  "-1.50e+3", "18446744073709551615",    "true", "false",       "null",   R"("")",
      "{}", "[]",       R"("\u0000\ud83d\ude00")", "[ ]",  R"({"a":{}})", "[[[1]]]"};
  std::string object;
  std::string array;
  for (const std::string& value : values) {
    object +=
        (object.empty() ? "{" : ", ") + ("\"k" + std::to_string(object.size()) + "\" : ") + value;
    array += (array.empty() ? "[ " : ",\n") + value;
  }
  object += " }";
  array += "\t]";
  const auto members = Json::parse(object)->members();
  const auto elements = Json::parse(array)->elements();
  ASSERT_EQ(members.size(), values.size());
  ASSERT_EQ(elements.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(members[i].second.raw(), values[i]);
    EXPECT_EQ(elements[i].raw(), values[i]);
  }
}

TEST(Json, OfANameThatComesTwiceTheFirstCounts) {
  const auto json = Json::parse(R"({"a":1,"\u0061":2})");
  EXPECT_EQ(json->members().size(), 2u);
  EXPECT_EQ(json->text_of("a"), "1");
}

TEST(Json, RefusesWhatIsNotOneValidValue) {
  for (const char* text : {"", " ", "{", "{\"a\":}", "{} {}", "[1,]", "{\"a\":[1,2}", "nul",
                           "{'a':1}", "\"\xff\"", "{\"a\":{\"b\":01}}"}) {
    EXPECT_FALSE(Json::parse(text)) << text;
  }
  EXPECT_FALSE(Json::parse(std::string_view()));
}

TEST(Json, OtherKindsHaveNoMembersAndNoElements) {
  const auto json = Json::parse("\"{[\"");
  ASSERT_TRUE(json);
  EXPECT_TRUE(json->members().empty());
  EXPECT_TRUE(json->elements().empty());
  EXPECT_EQ(json->text(), "{[");
}

TEST(Json, IndentsStructureAndLeavesStringsAlone) {
  EXPECT_EQ(indented(R"({"a":[1,{"b":"x,\"{y"}],"c":{ },"d":[]})"),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x,\\\"{y\"\n    }\n  ],\n  \"c\": {},\n"
            "  \"d\": []\n}");
}

}  // namespace
}  // namespace bitvault
