#include "catalog/validator.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "catalog/descriptors.h"
#include "catalog/proto_text.h"
#include "catalog/report.h"

namespace bitvault {
namespace {

using namespace std::string_literals;

// One field of every kind.
constexpr std::string_view kProbe = R"(
// A probe.
message Made {
  option (bitvault.event) = {
    type: "bitvault.probe.made.v1" revision: 1 partition_key: "it.key" subject: "it.label"
    producer: CATALOG_PRODUCER_ANY
  };
  // F.
  It it = 1 [(bitvault.field) = {required: true}];
  // F.
  string text = 2 [(bitvault.field) = {min_len: 2, max_len: 4}];
  // F.
  string code = 3 [(bitvault.field) = {pattern: "^[a-f]+$"}];
  // F.
  bytes blob = 4 [(bitvault.field) = {max_len: 4}];
  // F.
  bool flag = 5;
  // F.
  int32 small = 6;
  // F.
  uint32 positive = 7;
  // F.
  int64 big = 8;
  // F.
  uint64 huge = 9;
  // F.
  int64 percent = 10 [(bitvault.field) = {min: 0, max: 100}];
  // F.
  double ratio = 11;
  // F.
  Colour colour = 12;
  // F.
  google.protobuf.Timestamp seen_at = 13;
  // F.
  repeated string tags = 14 [(bitvault.field) = {max_items: 3}];
  // F.
  repeated It items = 15;
  // F.
  map<string, int64> counts = 16 [(bitvault.field) = {max_items: 3}];
  // F.
  map<string, It> named = 17;
  // F.
  It tree = 18;
}
// It.
message It {
  // F.
  string key = 1 [(bitvault.field) = {required: true}];
  // F.
  optional string label = 2;
  // F.
  It child = 3;
  // F.
  string free_text = 4;
}
// C.
enum Colour {
  // U.
  COLOUR_UNSPECIFIED = 0;
  // R.
  COLOUR_RED = 1;
  // G.
  COLOUR_GREEN = 2;
}
)";

const EventSchema& probe() {
  static const auto kSchemas = read_descriptor_set(descriptor_set_of(kProbe));
  return kSchemas.value().events.front();
}

// A valid probe with `members` besides what is required.
std::string with(std::string_view members) {
  return fmt::format(R"({{"it":{{"key":"k"}},{}}})", members);
}

// What the members become; or each violation as "path message", a line each.
std::string outcome(const std::string& data) {
  const auto valid = validate_data(probe(), data);
  if (valid) {
    return valid->json;
  }
  EXPECT_EQ(valid.error().code, Code::kEventInvalid);
  std::string text;
  for (const Violation& violation : valid.error().violations) {
    text += fmt::format("{}{} {}", text.empty() ? "" : "\n", violation.path, violation.message);
  }
  return text;
}

void expect_stays(std::string_view members) { EXPECT_EQ(outcome(with(members)), with(members)); }

void expect_becomes(std::string_view members, std::string_view written) {
  EXPECT_EQ(outcome(with(members)), with(written));
}

void expect_violation(std::string_view members, std::string_view violation) {
  EXPECT_EQ(outcome(with(members)), violation) << members.substr(0, 200);
}

TEST(Validator, WritesOneCompactFormInTheOrderGiven) {
  EXPECT_EQ(outcome(" { \"text\" : \"ab\" ,\n\t\"it\" : { \"label\" : null , \"key\" : \"k\" } } "),
            R"({"text":"ab","it":{"key":"k"}})");
  EXPECT_EQ(outcome(R"({"it":{"key":"k"},"flag":null,"tags":[],"counts":{},"text":null})"),
            R"({"it":{"key":"k"},"tags":[],"counts":{}})");
}

TEST(Validator, Strings) {
  expect_stays(R"("text":"äö€😀")");
  expect_becomes(R"("text":"\u00e4\n\"\/")", R"("text":"ä\n\"/")");
  expect_becomes(R"("text":"\ud83d\ude00\u007f")", "\"text\":\"😀\x7f\"");
  expect_violation(R"("text":"a")", "data.text has 1 characters, at least 2 are needed");
  expect_violation(R"("text":"äöüßx")", "data.text has 5 characters, at most 4 are allowed");
  expect_violation(R"("text":7)", "data.text expected a string, got a number");
  expect_violation(R"("code":"abx")", "data.code does not match ^[a-f]+$");
  expect_violation(R"("text":"\u0000ab")", "data.text holds the character U+0000");
}

TEST(Validator, HalfSurrogatePairsAreNoText) {
  for (const char* escape : {R"(\ud800)", R"(\udc00)", R"(\ud800\u0041)", R"(\udc00\ud800)"}) {
    const auto valid = validate_data(probe(), with(fmt::format(R"("text":"ab{}")", escape)));
    EXPECT_FALSE(valid) << escape;
    EXPECT_EQ(outcome(with(fmt::format(R"("tags":["{}"])", escape))),
              "data holds a string with a malformed escape");
    const auto key = validate_data(probe(), with(fmt::format(R"("counts":{{"{}":1}})", escape)));
    EXPECT_FALSE(key) << escape;
    const auto name = validate_data(probe(), with(fmt::format(R"("{}":1)", escape)));
    EXPECT_FALSE(name) << escape;
  }
}

TEST(Validator, Bytes) {
  expect_stays(R"("blob":"")");
  expect_stays(R"("blob":"/+8=")");
  expect_becomes(R"("blob":"_-8")", R"("blob":"/+8=")");
  expect_becomes(R"("blob":"Zg")", R"("blob":"Zg==")");
  for (const char* text : {"Z", "Zh==", "Z===", "Zg=", "Z g=", "====", "Zm9v=", "ä"}) {
    expect_violation(fmt::format(R"("blob":"{}")", text), "data.blob is not base64");
  }
  expect_violation(R"("blob":"Zm9vYmE=")", "data.blob has 5 bytes, at most 4 are allowed");
  expect_violation(R"("blob":[1])", "data.blob expected a string in base64, got an array");
}

TEST(Validator, BooleansAndDoubles) {
  expect_stays(R"("flag":true)");
  expect_stays(R"("flag":false)");
  expect_violation(R"("flag":"true")", "data.flag expected a boolean, got a string");
  expect_violation(R"("flag":1)", "data.flag expected a boolean, got a number");
  expect_stays(R"("ratio":0.1)");
  expect_stays(R"("ratio":-7)");
  expect_becomes(R"("ratio":1.50e2)", R"("ratio":150)");
  expect_becomes(R"("ratio":18446744073709551615)", R"("ratio":1.8446744073709552e+19)");
  expect_becomes(R"("ratio":-0.0)", R"("ratio":0)");
  expect_violation(R"("ratio":"1")", "data.ratio expected a number, got a string");
}

TEST(Validator, SmallIntegersAreNumbers) {
  expect_stays(R"("small":-2147483648,"positive":4294967295)");
  expect_becomes(R"("small":"-5","positive":1e3)", R"("small":-5,"positive":1000)");
  for (const char* value : {"2147483648", "-2147483649", "1.5", "\"x\"", "\"\"", "\"007\"",
                            "\"-0\"", "\"1 \"", "\"+1\"", "\"1.0\"", "1e300"}) {
    expect_violation(fmt::format(R"("small":{})", value),
                     "data.small is not an integer from -2147483648 to 2147483647");
  }
  expect_violation(R"("positive":-1)", "data.positive is not an integer from 0 to 4294967295");
  expect_violation(R"("positive":true)", "data.positive expected an integer, got a boolean");
}

TEST(Validator, BigIntegersAreStrings) {
  expect_stays(R"("big":"-9223372036854775808","huge":"18446744073709551615")");
  expect_becomes(R"("big":9223372036854775807,"huge":18446744073709551615)",
                 R"("big":"9223372036854775807","huge":"18446744073709551615")");
  expect_becomes(R"("big":-0,"huge":9007199254740992.0)", R"("big":"0","huge":"9007199254740992")");
  for (const char* value : {"9223372036854775808", "\"9223372036854775808\"", "1e19", "0.5"}) {
    expect_violation(fmt::format(R"("big":{})", value),
                     "data.big is not an integer from -9223372036854775808 to 9223372036854775807");
  }
  for (const char* value : {"-1", "\"-1\"", "-1.0", "\"18446744073709551616\"", "2e19"}) {
    expect_violation(fmt::format(R"("huge":{})", value),
                     "data.huge is not an integer from 0 to 18446744073709551615");
  }
  expect_stays(R"("percent":"100")");
  expect_violation(R"("percent":101)", "data.percent is 101, more than 100");
  expect_violation(R"("percent":"-1")", "data.percent is -1, less than 0");
}

TEST(Validator, Enums) {
  expect_stays(R"("colour":"COLOUR_GREEN")");
  for (const char* name : {"GREEN", "colour_green", "COLOUR_UNSPECIFIED", ""}) {
    expect_violation(fmt::format(R"("colour":"{}")", name),
                     "data.colour is not one of COLOUR_RED, COLOUR_GREEN");
  }
  expect_violation(R"("colour":1)", "data.colour expected the name of a Colour, got a number");
}

TEST(Validator, Timestamps) {
  expect_stays(R"("seenAt":"2026-11-23T04:22:02.123456Z")");
  expect_becomes(R"("seenAt":"2026-11-23T05:22:02.1234567+01:00")",
                 R"("seenAt":"2026-11-23T04:22:02.123456Z")");
  expect_violation(R"("seenAt":"0000-12-31T23:59:59Z")", "data.seenAt lies before the year 1");
  expect_violation(R"("seenAt":1)", "data.seenAt expected a string with a time, got a number");
  EXPECT_NE(outcome(with(R"("seenAt":"yesterday")")).find("data.seenAt a time is RFC 3339"),
            std::string::npos);
}

TEST(Validator, Lists) {
  expect_stays(R"("tags":["a","","a"],"items":[{"key":"1"},{"key":"2","label":"l"}])");
  expect_violation(R"("tags":["a",null,3])",
                   "data.tags.1 expected a string, got null\n"
                   "data.tags.2 expected a string, got a number");
  expect_violation(R"("tags":["a","b","c","d"])", "data.tags has more than 3 elements");
  expect_violation(R"("tags":"a")", "data.tags expected an array, got a string");
  expect_violation(R"("items":[{"key":"1"},{}])", "data.items.1.key is required");
}

TEST(Validator, Maps) {
  expect_stays(R"("counts":{"b":"1","a":"2"},"named":{"x":{"key":"1"}})");
  expect_becomes(R"("counts":{"\u0041\"":1})", R"("counts":{"A\"":"1"})");
  expect_violation(R"("counts":{"a":1,"b":2,"a":3})", "data.counts.a is given more than once");
  expect_violation(R"("counts":{"a":1,"\u0061":1})", "data.counts.a is given more than once");
  expect_violation(R"("counts":{"a":null})", "data.counts.a expected an integer, got null");
  expect_violation(R"("counts":{"a":1,"b":2,"c":3,"d":4})", "data.counts has more than 3 elements");
  expect_violation(R"("counts":[])", "data.counts expected an object, got an array");
  expect_violation(R"("counts":{"\u0000":1})", "data.counts holds the character U+0000");
}

TEST(Validator, MembersAreKnownGivenOnceAndThereWhenRequired) {
  EXPECT_EQ(outcome("{}"), "data.it is required");
  EXPECT_EQ(outcome(R"({"it":null})"), "data.it is required");
  EXPECT_EQ(outcome(R"({"it":{"label":"l","key":null}})"), "data.it.key is required");
  EXPECT_EQ(outcome(R"({"it":[]})"), "data.it expected an object, got an array");
  expect_violation(R"("flag":true,"flag":true)", "data.flag is given more than once");
  expect_violation(R"("flag":null,"flag":true)", "data.flag is given more than once");
  expect_violation(R"("fl\u0061g":true,"flag":null)", "data.flag is given more than once");
  expect_violation(R"("seen_at":1)", "data.seen_at is not known; did you mean seenAt?");
  expect_violation(R"("tree":{"key":"k","lable":"l"})",
                   "data.tree.lable is not known; did you mean label?");
  expect_violation(R"("Zzzz":null)", "data.Zzzz is not known");
}

TEST(Validator, TellsEverythingThatIsWrong) {
  const auto valid = validate_data(probe(), R"({"it":{},"text":1,"flag":2,"nope":3})");
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().detail,
            "the data is not valid for bitvault.probe.made.v1: data.it.key is required");
  EXPECT_EQ(valid.error().violations.size(), 4u);
  for (const Violation& violation : valid.error().violations) {
    EXPECT_EQ(violation.index, 0u);
  }
}

TEST(Validator, StopsAtTheMostViolations) {
  std::string list = "1";
  for (int i = 0; i < 20'000; ++i) {
    list += ",1";
  }
  const auto valid = validate_data(probe(), with(fmt::format(R"("items":[{}])", list)));
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().violations.size(), kViolationsMax);
  EXPECT_EQ(valid.error().violations.back().path, "data.items.19");
}

TEST(Validator, FindsPartitionKeyAndSubject) {
  const auto both = validate_data(probe(), R"({"it":{"label":"/a b\nc%","key":"k-1"}})");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->partitionkey, "k-1");
  EXPECT_EQ(both->subject, "/a b%0Ac%");
  for (const char* label : {"", R"(,"label":null)", R"(,"label":"")"}) {
    const auto keyed = validate_data(probe(), fmt::format(R"({{"it":{{"key":"k"{}}}}})", label));
    ASSERT_TRUE(keyed);
    EXPECT_EQ(keyed->subject, "k");
  }
}

TEST(Validator, PartitionKeysTravelAsHeaders) {
  const auto with_key = [](const std::string& key) {
    return outcome(fmt::format(R"({{"it":{{"key":"{}"}}}})", key));
  };
  const std::string rule =
      "data.it.key orders the events, so it is 1 to 256 characters of printable ASCII without "
      "space, quote and percent";
  for (const auto& key :
       {""s, "a b"s, "a%"s, "a\\\""s, "ä"s, "\x7f"s, "\\n"s, std::string(257, 'k')}) {
    EXPECT_EQ(with_key(key), rule) << key;
  }
  EXPECT_NE(with_key("!#$&~"), rule);
  EXPECT_NE(with_key(std::string(256, 'k')), rule);
}

TEST(Validator, SubjectsAreBounded) {
  const auto with_label = [](const std::string& label) {
    return validate_data(probe(), fmt::format(R"({{"it":{{"key":"k","label":"{}"}}}})", label));
  };
  EXPECT_TRUE(with_label(std::string(4096, 'x')));
  const auto longer = with_label(std::string(4094, 'x') + "\\n");
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().violations[0].path, "data.it.label");
}

TEST(Validator, RefusesWhatIsNoJsonObject) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "data is not valid JSON"},
      {" ", "data is not valid JSON"},
      {"\0"s, "data is not valid JSON"},
      {"{", "data is not valid JSON"},
      {"{} {}", "data is not valid JSON"},
      {"{'a':1}", "data is not valid JSON"},
      {"[]", "data expected an object, got an array"},
      {"null", "data expected an object, got null"},
      {"\"x\"", "data expected an object, got a string"},
      {"{\"text\":\"a\xff\"}", "data is not valid UTF-8"},
      {"{\"text\":\"\xed\xa0\x80\"}", "data is not valid UTF-8"},
      {"{\"text\":\"a\0\"}"s, "data holds a string with a bare control character"},
      {"{\"text\":\"\\x\"}", "data holds a string with a malformed escape"},
      {"{\"ratio\":1e999}", "data holds a number that is malformed or too large"},
      {"{\"big\":18446744073709551616}", "data holds a number that is malformed or too large"},
      {"{\"big\":01}", "data holds a number that is malformed or too large"},
  };
  for (const auto& [data, violation] : cases) {
    EXPECT_EQ(outcome(data), violation) << data;
  }
}

std::string nested(std::size_t levels) {  // `levels` objects deep
  std::string text = R"({"it":{"key":"k"},"tree":)";
  for (std::size_t i = 2; i < levels; ++i) {
    text += R"({"key":"k","child":)";
  }
  text += R"({"key":"k"})" + std::string(levels - 1, '}');
  return text;
}

TEST(Validator, BoundsTheDepth) {
  EXPECT_EQ(outcome(nested(3)), nested(3));
  EXPECT_EQ(outcome(nested(kDataDepthMax)), nested(kDataDepthMax));
  EXPECT_EQ(outcome(nested(kDataDepthMax + 1)), "data is nested deeper than 64 levels");
  EXPECT_EQ(outcome(std::string(100'000, '[')), "data is not valid JSON");
  EXPECT_EQ(outcome(with("\"x\":" + std::string(100'000, '[') + std::string(100'000, ']'))),
            "data is nested deeper than 64 levels");
}

TEST(Validator, BoundsTheSize) {
  std::string blanks = with(R"("flag":true)");
  blanks.append(kDataBytesMax - blanks.size(), ' ');
  EXPECT_EQ(outcome(blanks), with(R"("flag":true)"));
  const auto larger = validate_data(probe(), blanks + " ");
  ASSERT_FALSE(larger);
  EXPECT_EQ(larger.error().code, Code::kTooLarge);
}

TEST(Validator, LargeMapsAndListsTakeTheirTime) {
  std::string items = R"({"key":""})";
  std::string named = R"("":{"key":""})";
  for (int i = 0; i < 8'000; ++i) {
    items += R"(,{"key":""})";
    named += fmt::format(R"(,"{}":{{"key":""}})", i);
  }
  expect_stays(fmt::format(R"("items":[{}])", items));
  expect_stays(fmt::format(R"("named":{{{}}})", named));
}

// Each prefix, and each byte changed, ends as a value or as violations.
TEST(Validator, SurvivesDamage) {
  const std::string whole = with(
      R"("text":"\u00e4b","blob":"Zg==","ratio":-1.5e3,"tags":["a"],"counts":{"a":"1"},"big":"-7",)"
      R"("seenAt":"2026-11-23T04:22:02Z","colour":"COLOUR_RED","named":{"x":{"key":"1"}})");
  ASSERT_TRUE(validate_data(probe(), whole));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_FALSE(validate_data(probe(), whole.substr(0, i)));
    for (int byte = 0; byte < 256; ++byte) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(byte);
      const auto valid = validate_data(probe(), damaged);
      if (valid) {  // what was written is valid and stays as it is
        EXPECT_EQ(outcome(valid->json), valid->json);
      }
    }
  }
}

TEST(Validator, IsThreadSafe) {
  std::vector<std::string> written(4);
  {
    std::vector<std::jthread> threads;
    threads.reserve(written.size());
    for (std::string& out : written) {
      threads.emplace_back([&out] {
        for (int i = 0; i < 200; ++i) {
          out = outcome(with(R"("big":7)"));
        }
      });
    }
  }
  for (const std::string& out : written) {
    EXPECT_EQ(out, with(R"("big":"7")"));
  }
}

}  // namespace
}  // namespace bitvault
