#include "cli/problem.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "cli/console.h"

namespace bitvault::cli {
namespace {

using Kind = net::HttpFailure::Kind;

constexpr std::uint64_t kRetryAfterSecondsMax = 300;

std::vector<Violation> read_violations(const Json& document) {
  std::vector<Violation> violations;
  const auto errors = document.member("errors");
  if (errors) {
    for (const Json& error : errors->elements()) {
      violations.push_back(
          {.index = static_cast<std::size_t>(parse_uint(error.text_of("index")).value_or(0)),
           .path = error.text_of("path"),
           .message = error.text_of("message")});
    }
  }
  return violations;
}

// Delay seconds only; the date form of RFC 9110 is not what our server sends.
std::optional<Duration> read_retry_after(const net::HttpAnswer& answer) {
  const auto seconds = parse_uint(answer.header("retry-after"));
  if (!seconds) {
    return std::nullopt;
  }
  return std::chrono::seconds(std::min(*seconds, kRetryAfterSecondsMax));
}

std::string_view sentence(Kind kind) {
  switch (kind) {
    case Kind::kStopped:
      return "stopped";
    case Kind::kRefused:
    case Kind::kUnreachable:
      return "cannot reach";
    case Kind::kTls:
      return "no trusted TLS connection to";
    case Kind::kTimeout:
      return "no answer in time from";
    case Kind::kBroken:
      return "the connection broke to";
    case Kind::kTooLarge:
      return "too large an answer from";
    case Kind::kBadUrl:
      return "cannot use the URL";
  }
  return "";
}

std::string_view hint(Kind kind) {
  switch (kind) {
    case Kind::kRefused:
      return "hint: is the server running there? Start one with: bitvault-events serve";
    case Kind::kUnreachable:
    case Kind::kBadUrl:
      return "hint: check --url, BITVAULT_URL or `url` in the configuration file";
    case Kind::kTls:
      return "hint: for a certificate of your own give its authority with --ca-file";
    case Kind::kStopped:
    case Kind::kTimeout:
    case Kind::kBroken:
    case Kind::kTooLarge:
      return "";
  }
  return "";
}

}  // namespace

Problem read_problem(const net::HttpAnswer& answer) {
  Problem problem;
  problem.status = answer.status;
  problem.request_id = answer.header("x-request-id");
  problem.retry_after = read_retry_after(answer);
  const auto document = Json::parse(answer.body);
  if (!document || !document->is_object()) {
    problem.title = fmt::format("the server answered {}", answer.status);
    return problem;
  }
  problem.title = document->text_of("title");
  problem.detail = document->text_of("detail");
  problem.code = document->text_of("code");
  problem.violations = read_violations(*document);
  problem.reason = document->text_of("reason");
  problem.earliest_cursor = document->text_of("earliest_cursor");
  problem.latest_cursor = document->text_of("latest_cursor");
  if (problem.title.empty()) {
    problem.title = fmt::format("the server answered {}", answer.status);
  }
  return problem;
}

bool is_temporary(const Problem& problem) {
  return problem.status == 408 || problem.status == 429 || problem.status == 502 ||
         problem.status == 503 || problem.status == 504;
}

std::string hint(const Problem& problem, bool key_given) {
  if (problem.status == 401) {
    return key_given
               ? "hint: the key is unknown, revoked or expired. The operator key is in "
                 "`operator.key` in the server's data folder"
               : "hint: set BITVAULT_KEY or give --key-file. The operator key is in `operator.key` "
                 "in the server's data folder";
  }
  if (problem.status == 403 && problem.code == "forbidden") {
    return "hint: is --tenant right, and has the key the scope for this?";
  }
  if (problem.code == "type_unknown") {
    return "hint: the types there are: bitvault-events catalog list";
  }
  if (problem.code == "event_invalid") {
    return "hint: a valid example: bitvault-events catalog example TYPE";
  }
  if (problem.code == "cursor_invalid") {
    return "hint: a cursor is of one tenant of one server; without it (and without the --state "
           "file "
           "that holds it) tail starts at --from";
  }
  return {};
}

std::string render(const Problem& problem) {
  std::string text = "error: " + printable(problem.title);
  if (!problem.detail.empty() && problem.detail != problem.title) {
    text += ": " + printable(problem.detail);
  }
  const std::string code = printable(problem.code);
  const std::string request =
      problem.request_id.empty() ? "" : "request " + printable(problem.request_id);
  if (!code.empty() || !request.empty()) {
    text += fmt::format(" ({}{}{})", code, code.empty() || request.empty() ? "" : ", ", request);
  }
  for (const Violation& violation : problem.violations) {
    text += fmt::format("\n  {}{}{}", printable(violation.path), violation.path.empty() ? "" : ": ",
                        printable(violation.message));
  }
  return text;
}

std::string render(const net::HttpFailure& failure, const std::string& url) {
  std::string text = fmt::format("error: {} {}: {}", sentence(failure.kind), printable(url),
                                 printable(failure.detail));
  if (const auto what_to_do = hint(failure.kind); !what_to_do.empty()) {
    text += fmt::format("\n{}", what_to_do);
  }
  return text;
}

}  // namespace bitvault::cli
