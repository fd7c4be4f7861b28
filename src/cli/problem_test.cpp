#include "cli/problem.h"

#include <gtest/gtest.h>

namespace bitvault::cli {
namespace {

net::HttpAnswer answer(unsigned status, std::string body, std::string retry_after = "") {
  net::HttpAnswer made{.status = status, .headers = {{"x-request-id", "req_1"}}, .body = body};
  if (!retry_after.empty()) {
    made.headers.emplace_back("retry-after", std::move(retry_after));
  }
  return made;
}

TEST(Problem, RendersEveryViolation) {
  const Problem problem = read_problem(answer(
      422,
      R"({"type":"urn:x","title":"The request is not valid","status":422,"detail":"see errors",)"
      R"("code":"event_invalid","errors":[{"index":1,"path":"data.node.id","message":"is required"},)"
      R"({"index":2,"path":"","message":"too \u001b large"}]})"));
  EXPECT_EQ(render(problem),
            "error: The request is not valid: see errors (event_invalid, request req_1)\n"
            "  data.node.id: is required\n"
            "  too \\x1b large");
  EXPECT_EQ(problem.violations[1].index, 2u);
  EXPECT_NE(hint(problem, true), "");
}

TEST(Problem, ReadsACursorReset) {
  const Problem problem =
      read_problem(answer(409, R"({"title":"t","code":"cursor_reset","reason":"expired",)"
                               R"("earliest_cursor":"e","latest_cursor":"l"})"));
  EXPECT_EQ(problem.reason, "expired");
  EXPECT_EQ(problem.earliest_cursor, "e");
  EXPECT_EQ(problem.latest_cursor, "l");
}

TEST(Problem, WhatIsNoProblemDocumentIsToldByItsStatus) {
  for (const char* body : {"", "<html>Bad gateway</html>", "[1]", "{}"}) {
    const Problem problem = read_problem(answer(502, body));
    EXPECT_EQ(render(problem), "error: the server answered 502 (request req_1)") << body;
    EXPECT_TRUE(is_temporary(problem));
  }
}

TEST(Problem, RetryAfterIsSecondsWithABound) {
  EXPECT_EQ(read_problem(answer(429, "{}", "7")).retry_after, std::chrono::seconds(7));
  EXPECT_EQ(read_problem(answer(429, "{}", "99999999")).retry_after, std::chrono::seconds(300));
  EXPECT_EQ(read_problem(answer(429, "{}", "Fri, 31 Dec 1999 23:59:59 GMT")).retry_after,
            std::nullopt);
  EXPECT_EQ(read_problem(answer(429, "{}")).retry_after, std::nullopt);
}

TEST(Problem, OnlySomeAreTemporary) {
  for (const unsigned status : {408u, 429u, 502u, 503u, 504u}) {
    EXPECT_TRUE(is_temporary(read_problem(answer(status, "{}")))) << status;
  }
  for (const unsigned status : {400u, 401u, 403u, 404u, 409u, 413u, 422u, 500u}) {
    EXPECT_FALSE(is_temporary(read_problem(answer(status, "{}")))) << status;
  }
}

TEST(Problem, HintsSayWhereTheKeyIs) {
  const Problem problem = read_problem(answer(401, R"({"title":"t","code":"unauthenticated"})"));
  EXPECT_NE(hint(problem, false).find("BITVAULT_KEY"), std::string::npos);
  EXPECT_NE(hint(problem, true).find("operator.key"), std::string::npos);
}

TEST(Problem, HintsSayWhatToDo) {
  const auto advice = [](unsigned status, const std::string& code) {
    return hint(read_problem(answer(status, R"({"title":"t","code":")" + code + "\"}")), true);
  };
  EXPECT_NE(advice(403, "forbidden").find("--tenant"), std::string::npos);
  EXPECT_NE(advice(422, "type_unknown").find("catalog list"), std::string::npos);
  EXPECT_NE(advice(422, "event_invalid").find("catalog example"), std::string::npos);
  EXPECT_NE(advice(400, "cursor_invalid").find("--from"), std::string::npos);
  EXPECT_EQ(advice(403, "type_reserved"), "");
  EXPECT_EQ(advice(404, "not_found"), "");
}

TEST(Problem, EveryFailureToReachAServerNamesIt) {
  using Kind = net::HttpFailure::Kind;
  for (const Kind kind : {Kind::kStopped, Kind::kRefused, Kind::kUnreachable, Kind::kTls,
                          Kind::kTimeout, Kind::kBroken, Kind::kTooLarge, Kind::kBadUrl}) {
    const std::string text = render({kind, "d\x1b"}, "http://h");
    EXPECT_TRUE(text.starts_with("error: ")) << text;
    EXPECT_NE(text.find(" http://h: d\\x1b"), std::string::npos) << text;
  }
}

TEST(Problem, AServerThatIsNotThereIsToldWithAHint) {
  const std::string text =
      render({net::HttpFailure::Kind::kRefused, "Couldn't connect"}, "http://127.0.0.1:8080");
  EXPECT_EQ(text,
            "error: cannot reach http://127.0.0.1:8080: Couldn't connect\n"
            "hint: is the server running there? Start one with: bitvault-events serve");
}

}  // namespace
}  // namespace bitvault::cli
