#include "http/response_text.h"

#include <gtest/gtest.h>

namespace bitvault::http {
namespace {

std::string head(const Response& response, const ResponseContext& context) {
  std::string out;
  append_head(out, response, context);
  return out;
}

TEST(ResponseText, HasItsHeadersInOneOrder) {
  const Response response{201, "application/json", {{"Cache-Control", "no-store"}}, "{}\n"};
  EXPECT_EQ(head(response, {.date = "D", .request_id = "r1", .keep_alive = false}),
            "HTTP/1.1 201 Created\r\nDate: D\r\nX-Request-Id: r1\r\nConnection: close\r\n"
            "Cache-Control: no-store\r\nContent-Type: application/json\r\nContent-Length: 3\r\n"
            "\r\n");
  EXPECT_EQ(body_to_send(response, false), "{}\n");
}

TEST(ResponseText, HeadHasTheLengthButNoBody) {
  const Response response{200, "text/plain", {}, "hello"};
  EXPECT_NE(head(response, {}).find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_EQ(body_to_send(response, true), "");
}

TEST(ResponseText, SomeAnswersHaveNoBodyWhateverTheHandlerSays) {
  const ResponseContext context{.date = "D", .request_id = "r1"};
  EXPECT_EQ(head({204, "", {}, ""}, context),
            "HTTP/1.1 204 No Content\r\nDate: D\r\nX-Request-Id: r1\r\n\r\n");
  EXPECT_EQ(body_to_send({204, "text/plain", {}, "x"}, false), "");
  EXPECT_EQ(body_to_send({304, "text/plain", {}, "x"}, false), "");
  const Response untyped{200, "", {}, "x"};
  EXPECT_NE(head(untyped, context).find("Content-Length: 0\r\n"), std::string::npos);
  EXPECT_EQ(body_to_send(untyped, false), "");
}

TEST(ResponseText, DatesAreFixed) {
  EXPECT_EQ(http_date(WallTime{Duration{784'111'777'000'000}}), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(ResponseTextDeathTest, NoHeaderCanBeSplit) {
  const Response response{200, "", {{"X", "a\r\nSet-Cookie: b"}}, ""};
  EXPECT_DEATH(static_cast<void>(head(response, {})), "one line");
}

}  // namespace
}  // namespace bitvault::http
