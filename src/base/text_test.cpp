#include "base/text.h"

#include <gtest/gtest.h>

#include "base/tenant_name.h"

namespace bitvault {
namespace {

using namespace std::string_literals;

TEST(Text, JsonStringsEscapeOnlyWhatTheyMust) {
  EXPECT_EQ(json_string("plain/ä€😀\x7f"), "\"plain/ä€😀\x7f\"");
  EXPECT_EQ(json_string("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(json_string("\b\f\n\r\t\x01\x1f\0"s), R"("\b\f\n\r\t\u0001\u001f\u0000")");
  EXPECT_EQ(json_string(""), "\"\"");
}

TEST(Text, Utf8) {
  for (const auto& text : {""s, "a\0b"s, "ä"s, "\xed\x9f\xbf"s, "\xf4\x8f\xbf\xbf"s}) {
    EXPECT_TRUE(is_valid_utf8(text));
  }
  for (const char* text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "a\xff"}) {
    EXPECT_FALSE(is_valid_utf8(text));
  }
}

TEST(Text, Base64FollowsRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(base64(as_bytes(plain)), encoded);
  }
  EXPECT_EQ(base64url(as_bytes("\xff\xfe\xfd")), "__79");
  EXPECT_EQ(from_base64url("__79"), "\xff\xfe\xfd");
  EXPECT_EQ(from_base64url("Zm8"), "fo");
}

TEST(Text, Base64UrlHasOneForm) {
  for (const char* text : {"Z", "Zh", "Zm9", "Zg==", "Zm 8", "Zm8+", "Zm8/"}) {
    EXPECT_FALSE(from_base64url(text)) << text;
  }
}

TEST(Text, Base64HasOneForm) {
  for (const std::string& plain : {""s, "f"s, "fo"s, "foo"s, "\xff\xfe\xfd\xfc"s}) {
    EXPECT_EQ(from_base64(base64(as_bytes(plain))), plain);
  }
  EXPECT_EQ(from_base64("//79"), "\xff\xfe\xfd");
  for (const char* text : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zm9v====", "Zm 8",
                           "__79", "Zg==Zg==", "Zm9v\n"}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(Text, OnlyAsciiLettersHaveACase) {
  EXPECT_EQ(ascii_lower('A'), 'a');
  EXPECT_EQ(ascii_lower('Z'), 'z');
  for (const char c : "@[`{az09-\xc4"s) {
    EXPECT_EQ(ascii_lower(c), c);
  }
  EXPECT_TRUE(equal_ignoring_ascii_case("Content-TYPE", "content-type"));
  EXPECT_FALSE(equal_ignoring_ascii_case("a", "ab"));
  EXPECT_FALSE(equal_ignoring_ascii_case("\xc4", "\xe4"));
}

TEST(Text, HexNumbersAndPercent) {
  EXPECT_EQ(hex(as_bytes("\x01\xab\xff")), "01abff");
  EXPECT_EQ(parse_uint("18446744073709551615"), 18446744073709551615u);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "18446744073709551616", "1e3"}) {
    EXPECT_FALSE(parse_uint(text)) << text;
  }
  EXPECT_EQ(percent_decode("a%20%C3%a4+"), "a ä+");
  for (const char* text : {"%", "%2", "%2x", "a%"}) {
    EXPECT_FALSE(percent_decode(text)) << text;
  }
}

TEST(TenantName, KeepsItsRule) {
  for (const auto& good : {"a"s, "0"s, "acme-corp-2"s, std::string(63, 'a')}) {
    EXPECT_TRUE(TenantName::parse(good)) << good;
  }
  for (const auto& bad : {""s, "-a"s, "A"s, "a_b"s, "a.b"s, "ä"s, "a b"s, std::string(64, 'a')}) {
    EXPECT_FALSE(TenantName::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace bitvault
