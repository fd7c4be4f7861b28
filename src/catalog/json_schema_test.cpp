#include "catalog/json_schema.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "catalog/descriptors.h"
#include "catalog/proto_text.h"

namespace bitvault {
namespace {

namespace json = boost::json;

constexpr std::string_view kProbe = R"(
// It was made.
message ProbeMade {
  option (bitvault.event) = {
    type: "bitvault.probe.made.v1" revision: 4 partition_key: "it.key"
    producer: CATALOG_PRODUCER_SYSTEM
  };
  // It.
  It it = 1 [(bitvault.field) = {required: true}];
  // Text.
  string some_text = 2 [(bitvault.field) = {min_len: 1, max_len: 9, pattern: "^a"}];
  // Blob.
  bytes blob = 3 [(bitvault.field) = {min_len: 1, max_len: 31}];
  // Flag.
  bool flag = 4;
  // Small.
  int32 small = 5;
  // Positive.
  uint32 positive = 6 [(bitvault.field) = {max: 9}];
  // Big.
  int64 big = 7;
  // Size.
  int64 size = 8 [(bitvault.field) = {min: 0}];
  // Version.
  int64 version = 9 [(bitvault.field) = {min: 1, max: 99}];
  // Huge.
  uint64 huge = 10;
  // Ratio.
  double ratio = 11;
  // Time.
  google.protobuf.Timestamp time = 12;
  // Colour.
  Colour colour = 13;
  // Tags.
  repeated string tags = 14 [(bitvault.field) = {max_items: 3}];
  // Named.
  map<string, It> named = 15 [(bitvault.field) = {max_items: 4}];
}
// An it.
message It {
  // Its key.
  string key = 1 [(bitvault.field) = {required: true}];
  // Its child.
  It child = 2;
}
// A colour.
enum Colour {
  // None.
  COLOUR_UNSPECIFIED = 0;
  // Red as "red".
  COLOUR_RED = 1;
}
)";

json::value schema() {
  const auto schemas = read_descriptor_set(descriptor_set_of(kProbe));
  return json::parse(json_schema_of(schemas.value().events[0], R"({"it":{"key":"k"}})"));
}

TEST(JsonSchema, SaysWhatTheEventIs) {
  const json::value root = schema();
  EXPECT_EQ(root.at("$schema"), "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(root.at("$id"), "urn:bitvault:schema:bitvault.probe.made.v1:4");
  EXPECT_EQ(root.at("title"), "Probe made");
  EXPECT_EQ(root.at("description"), "It was made.");
  EXPECT_EQ(root.at("x-bitvault-producer"), "system");
  EXPECT_EQ(root.at("x-bitvault-partitionkey"), "it.key");
  EXPECT_FALSE(root.as_object().contains("x-bitvault-subject"));
  EXPECT_EQ(root.at("required"), json::parse(R"(["it"])"));
  EXPECT_EQ(root.at("additionalProperties"), false);
  EXPECT_EQ(root.at("examples"), json::parse(R"([{"it":{"key":"k"}}])"));
}

TEST(JsonSchema, HasAWordForEveryKind) {
  const json::value root = schema();
  const std::pair<const char*, const char*> expected[] = {
      {"it", R"({"description":"It.","$ref":"#/$defs/It"})"},
      {"someText",
       R"({"description":"Text.","type":"string","minLength":1,"maxLength":9,"pattern":"^a"})"},
      {"blob", R"({"description":"Blob.","type":"string","contentEncoding":"base64",)"
               R"("minLength":4,"maxLength":44})"},
      {"flag", R"({"description":"Flag.","type":"boolean"})"},
      {"small", R"({"description":"Small.","type":"integer","minimum":-2147483648,)"
                R"("maximum":2147483647})"},
      {"positive", R"({"description":"Positive.","type":"integer","minimum":0,"maximum":9})"},
      {"big", R"({"description":"Big.","type":"string","format":"int64",)"
              R"("pattern":"^(0|-?[1-9][0-9]{0,18})$"})"},
      {"size", R"({"description":"Size.","type":"string","format":"int64",)"
               R"("pattern":"^(0|[1-9][0-9]{0,18})$","x-bitvault-minimum":"0"})"},
      {"version", R"({"description":"Version.","type":"string","format":"int64",)"
                  R"("pattern":"^[1-9][0-9]{0,18}$","x-bitvault-minimum":"1",)"
                  R"("x-bitvault-maximum":"99"})"},
      {"huge", R"({"description":"Huge.","type":"string","format":"uint64",)"
               R"("pattern":"^(0|[1-9][0-9]{0,19})$"})"},
      {"ratio", R"({"description":"Ratio.","type":"number"})"},
      {"time", R"({"description":"Time.","type":"string","format":"date-time"})"},
      {"colour", R"({"description":"Colour.","$ref":"#/$defs/Colour"})"},
      {"tags", R"({"description":"Tags.","type":"array","items":{"type":"string"},"maxItems":3})"},
      {"named", R"({"description":"Named.","type":"object",)"
                R"("additionalProperties":{"$ref":"#/$defs/It"},"maxProperties":4})"},
  };
  EXPECT_EQ(root.at("properties").as_object().size(), std::size(expected));
  for (const auto& [name, text] : expected) {
    EXPECT_EQ(root.at("properties").at(name), json::parse(text)) << name;
  }
}

TEST(JsonSchema, DefinesMessagesAndEnumsOnce) {
  const json::value root = schema();
  EXPECT_EQ(root.at("$defs"), json::parse(R"({
    "It": {
      "description": "An it.", "type": "object",
      "properties": {
        "key": {"description": "Its key.", "type": "string"},
        "child": {"description": "Its child.", "$ref": "#/$defs/It"}
      },
      "required": ["key"], "additionalProperties": false
    },
    "Colour": {
      "description": "A colour.", "type": "string", "enum": ["COLOUR_RED"],
      "x-bitvault-meanings": {"COLOUR_RED": "Red as \"red\"."}
    }
  })"));
}

TEST(JsonSchema, IsTheSameEachTime) {
  const auto write = [] {
    const auto schemas = read_descriptor_set(descriptor_set_of(kProbe));
    return json_schema_of(schemas.value().events[0], "");
  };
  const std::string text = write();
  EXPECT_EQ(text, write());
  EXPECT_TRUE(text.starts_with("{\n  \"$schema\": "));
  EXPECT_TRUE(text.ends_with("\n}\n"));
  EXPECT_FALSE(text.contains("\"examples\""));
}

}  // namespace
}  // namespace bitvault
