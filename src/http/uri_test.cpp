#include "http/uri.h"

#include <gtest/gtest.h>

#include <array>

namespace bitvault::http {
namespace {

using Strings = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(Uri, SplitsPaths) {
  EXPECT_EQ(*split_path("/"), Strings{""});
  EXPECT_EQ(*split_path("/a/b%20c"), (Strings{"a", "b c"}));
  EXPECT_EQ(*split_path("/a%2Fb//c/"), (Strings{"a/b", "", "c", ""}));
  for (const char* bad : {"", "a", "*", "/%", "/%2", "/%zz", "/%00", "/%ff"}) {
    EXPECT_FALSE(split_path(bad)) << bad;
  }
}

TEST(Uri, ParsesQueries) {
  EXPECT_EQ(*parse_query(""), Pairs{});
  EXPECT_EQ(*parse_query("a=1&b=%C3%A4&a=2&c&&d=="),
            (Pairs{{"a", "1"}, {"b", "ä"}, {"a", "2"}, {"c", ""}, {"d", "="}}));
  EXPECT_EQ(*parse_query("at=2026-11-23T04:22:02+01:00"),
            (Pairs{{"at", "2026-11-23T04:22:02+01:00"}}));
  EXPECT_FALSE(parse_query("a=%"));
  EXPECT_FALSE(parse_query("a=%00"));
}

TEST(Uri, KnowsMediaTypes) {
  for (const char* good :
       {"application/json", "Application/JSON", "application/json ; charset=UTF-8",
        "application/json;charset=\"utf-8\";x=y"}) {
    EXPECT_TRUE(is_media_type(good, "application/json")) << good;
  }
  for (const char* bad :
       {"", "application/jsonx", "text/json", "application/json;charset=latin1"}) {
    EXPECT_FALSE(is_media_type(bad, "application/json")) << bad;
  }
}

TEST(Uri, Negotiates) {
  constexpr std::array<std::string_view, 3> kOffered = {"application/json", "application/x-ndjson",
                                                        "text/event-stream"};
  const std::pair<const char*, const char*> cases[] = {
      {"", "application/json"},
      {"*/*", "application/json"},
      {"text/event-stream", "text/event-stream"},
      {"text/*", "text/event-stream"},
      {"application/x-ndjson, application/json;q=0.5", "application/x-ndjson"},
      {"application/json;q=0.5, */*;q=0.9", "application/x-ndjson"},
      {"application/*;q=0.1, text/event-stream;q=0.2", "text/event-stream"},
      {"application/json;q=0", ""},
      {"image/png", ""},
      {"application/json;q=nonsense", ""},
  };
  for (const auto& [accept, expected] : cases) {
    EXPECT_EQ(negotiate(accept, kOffered), expected) << accept;
  }
}

}  // namespace
}  // namespace bitvault::http
