#include "catalog/descriptors.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "catalog/proto_text.h"

namespace bitvault {
namespace {

constexpr std::string_view kOptions = R"(
  option (bitvault.event) = {
    type: "bitvault.probe.made.v1" revision: 1 partition_key: "id"
    producer: CATALOG_PRODUCER_ANY
  };)";
constexpr std::string_view kId = R"(
  // Its id.
  string id = 1 [(bitvault.field) = {required: true}];)";

Result<Schemas> read(std::string_view declarations) {
  return read_descriptor_set(descriptor_set_of(declarations));
}

// An event with one field besides its id, and what stands beside the message.
std::string event_with(std::string_view field, std::string_view beside = "") {
  return fmt::format("// It was made.\nmessage Made {{{}{}\n// A field.\n{}\n}}\n{}", kOptions, kId,
                     field, beside);
}

void expect_defect(std::string_view declarations, std::string_view what) {
  const auto schemas = read(declarations);
  ASSERT_FALSE(schemas) << what << "\n" << declarations;
  EXPECT_EQ(schemas.error().code, Code::kInvalid);
  EXPECT_NE(schemas.error().detail.find(what), std::string::npos) << schemas.error().detail;
}

TEST(Descriptors, BecomeTables) {
  const auto schemas = read(R"(
    // It was made,
    // at last.
    //
    // Second paragraph.
    message Made {
      option (bitvault.event) = {
        type: "bitvault.probe.made.v1" revision: 7 partition_key: "thing.the_id"
        subject: "thing.label" producer: CATALOG_PRODUCER_SYSTEM
      };
      // What.
      Thing thing = 3 [(bitvault.field) = {required: true}];
      // Others.
      map<string, Thing> others = 1 [(bitvault.field) = {max_items: 5}];
    }
    // A thing.
    message Thing {
      // Its id.
      string the_id = 1 [
        (bitvault.field) = {required: true, pattern: "^a", min_len: 2, max_len: 9}];
      // Its label.
      optional string label = 2;
      // Inside.
      repeated Thing parts = 3;
      // Colour.
      Colour colour = 4;
      // Count.
      sfixed64 count = 5 [(bitvault.field) = {min: -3, max: 4}];
    }
    // A colour.
    enum Colour {
      // None.
      COLOUR_UNSPECIFIED = 0;
      // Red.
      COLOUR_RED = 1;
    }
    // No event.
    message Other {}
  )");
  ASSERT_TRUE(schemas) << schemas.error().detail;
  ASSERT_EQ(schemas->events.size(), 1u);
  const EventSchema& event = schemas->events[0];
  EXPECT_EQ(event.type, "bitvault.probe.made.v1");
  EXPECT_EQ(event.revision, 7u);
  EXPECT_TRUE(event.system_only);
  EXPECT_EQ(event.partition_key, "thing.theId");
  EXPECT_EQ(event.subject, "thing.label");
  EXPECT_EQ(event.data->description, "It was made, at last.\n\nSecond paragraph.");
  ASSERT_EQ(event.data->fields.size(), 2u);
  EXPECT_EQ(event.data->required, 1u);
  EXPECT_EQ(event.data->fields[1].shape, Shape::kMap);
  EXPECT_EQ(event.data->fields[1].limits.max_items, 5u);

  const MessageSchema& thing = *event.data->fields[0].message;
  EXPECT_EQ(event.data->fields[1].message, &thing);
  EXPECT_EQ(thing.fields[0].key, "\"theId\":");
  EXPECT_EQ(thing.fields[0].limits.pattern->pattern(), "^a");
  EXPECT_EQ(thing.fields[0].limits.min_len, 2u);
  EXPECT_EQ(thing.fields[0].limits.max_len, 9u);
  EXPECT_EQ(thing.fields[2].message, &thing);
  EXPECT_EQ(thing.fields[2].shape, Shape::kList);
  ASSERT_EQ(thing.fields[3].enumeration->values.size(), 1u);
  EXPECT_EQ(thing.fields[3].enumeration->values[0].name, "COLOUR_RED");
  EXPECT_EQ(thing.fields[3].enumeration->values[0].description, "Red.");
  EXPECT_EQ(thing.fields[4].kind, Kind::kInt64);
  EXPECT_EQ(thing.fields[4].limits.min, -3);
}

TEST(Descriptors, OfEventsKeepTheCatalogsRules) {
  const auto event = [](std::string_view options) {
    return fmt::format(
        "// It was made.\nmessage Made {{ option (bitvault.event) = {{{}}};{}\n"
        "// Number.\nint32 number = 2;\n// Label.\noptional string label = 3;}}",
        options, kId);
  };
  static constexpr std::string_view kRest = R"(revision: 1 producer: CATALOG_PRODUCER_ANY)";
  for (const char* type : {"", "made", "bitvault.probe.made", "bitvault.Probe.made.v1",
                           "bitvault.probe.made.v0", "bitvault.a.b.c.v1", "other.probe.made.v1"}) {
    expect_defect(event(fmt::format(R"(type: "{}" partition_key: "id" {})", type, kRest)),
                  "the type is not");
  }
  static constexpr std::string_view kType = R"(type: "bitvault.probe.made.v1")";
  for (const char* path : {"", "ID", "number", "id.x", "label.", "none"}) {
    expect_defect(event(fmt::format(R"({} partition_key: "{}" {})", kType, path, kRest)),
                  "does not lead to a single string");
  }
  expect_defect(event(fmt::format(R"({} partition_key: "label" {})", kType, kRest)),
                "required fields only");
  expect_defect(
      event(fmt::format(R"({} partition_key: "id" producer: CATALOG_PRODUCER_ANY)", kType)),
      "revision starts at 1");
  expect_defect(event(fmt::format(R"({} partition_key: "id" revision: 1)", kType)),
                "producer is not said");
  expect_defect(fmt::format("message Made {{{}{}}}", kOptions, kId), "the message has no comment");
  expect_defect(fmt::format("// One.\nmessage Made {{{0}{1}}}\n// Two.\nmessage Again {{{0}{1}}}",
                            kOptions, kId),
                "two messages have this type");
}

TEST(Descriptors, OfFieldsKeepTheCatalogsRules) {
  expect_defect(event_with("float f = 2;"), "no fields of this type");
  expect_defect(event_with("google.protobuf.FileOptions f = 2;",
                           "import \"google/protobuf/descriptor.proto\";"),
                "no google.protobuf type but Timestamp");
  expect_defect(event_with("map<int32, string> f = 2;"), "keys are strings");
  expect_defect(event_with("oneof f { string a = 2; string b = 3; }"), "no oneof");
  expect_defect(event_with("Colour f = 2;", "enum Colour { COLOUR_RED = 0; }"), "_UNSPECIFIED");
  expect_defect(event_with("Colour f = 2;", "enum Colour { COLOUR_UNSPECIFIED = 0; }"),
                "besides the unspecified");
  expect_defect(fmt::format("// It.\nmessage Made {{{}{}\nstring f = 2;}}", kOptions, kId),
                "the field has no comment");
  for (const char* rules : {"string f = 2 [(bitvault.field) = {min: 1}];",
                            "string f = 2 [(bitvault.field) = {min_len: 2, max_len: 1}];",
                            "string f = 2 [(bitvault.field) = {max_items: 1}];",
                            "int32 f = 2 [(bitvault.field) = {max_len: 1}];",
                            "int32 f = 2 [(bitvault.field) = {min: 2, max: 1}];",
                            "bytes f = 2 [(bitvault.field) = {pattern: \"^a\"}];"}) {
    expect_defect(event_with(rules), "a rule does not fit");
  }
  expect_defect(event_with("string f = 2 [(bitvault.field) = {pattern: \"(a|b)*\"}];"),
                "without going back");
}

TEST(Descriptors, HaveAtMost64Fields) {
  const auto with = [](int count) {
    std::string fields;
    for (int i = 2; i <= count; ++i) {
      fields += fmt::format("// F.\nstring f{0} = {0};\n", i);
    }
    return event_with(fields);
  };
  EXPECT_TRUE(read(with(64)));
  expect_defect(with(65), "at most 64 fields");
}

TEST(Descriptors, MustBeDescriptors) {
  EXPECT_FALSE(read_descriptor_set("\xff\xff not protobuf"));
  const auto empty = read_descriptor_set("");
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->events.empty());
}

}  // namespace
}  // namespace bitvault
