#include "http/response_text.h"

#include <gtest/gtest.h>

namespace bitvault::http {
namespace {

TEST(ResponseText, HasItsHeadersInOneOrder) {
  const Response response{201, "application/json", {{"Cache-Control", "no-store"}}, "{}\n"};
  std::string out;
  append_response(out, response, {.date = "D", .request_id = "r1", .keep_alive = false});
  EXPECT_EQ(out,
            "HTTP/1.1 201 Created\r\nDate: D\r\nX-Request-Id: r1\r\nConnection: close\r\n"
            "Cache-Control: no-store\r\nContent-Type: application/json\r\nContent-Length: 3\r\n"
            "\r\n{}\n");
}

TEST(ResponseText, HeadHasTheLengthButNoBody) {
  std::string out;
  append_response(out, {200, "text/plain", {}, "hello"},
                  {.date = "D", .request_id = "r1", .head_only = true});
  EXPECT_NE(out.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_TRUE(out.ends_with("\r\n\r\n"));
}

TEST(ResponseText, NoContentHasNoLength) {
  std::string out;
  append_response(out, {204, "", {}, ""}, {.date = "D", .request_id = "r1"});
  EXPECT_EQ(out, "HTTP/1.1 204 No Content\r\nDate: D\r\nX-Request-Id: r1\r\n\r\n");
}

TEST(ResponseText, DatesAreFixed) {
  EXPECT_EQ(http_date(WallTime{Duration{784'111'777'000'000}}), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(ResponseTextDeathTest, NoHeaderCanBeSplit) {
  std::string out;
  const Response response{200, "", {{"X", "a\r\nSet-Cookie: b"}}, ""};
  EXPECT_DEATH(append_response(out, response, {.date = "D", .request_id = "r"}), "one line");
}

}  // namespace
}  // namespace bitvault::http
