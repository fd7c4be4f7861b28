// What a server, or who answers in its place, sends to the command line: JSON taken apart,
// problems, and events shown to a person.

#include <simdjson.h>

#include <algorithm>
#include <string>

#include "base/json.h"
#include "base/text.h"
#include "cli/console.h"
#include "cli/event_line.h"
#include "cli/problem.h"
#include "fuzz.h"

namespace bitvault::fuzz {
namespace {

constexpr std::size_t kDepthMax = 20;

// Compact, numbers as simdjson writes them.
std::string minified(std::string_view document) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  check(parser.parse(document.data(), document.size()).get(root) == simdjson::SUCCESS,
        "the text of a value is JSON");
  return simdjson::minify(root);
}

// The value, put together from the parts that Json tells.
std::string rebuilt(const Json& value, std::size_t depth) {
  if (depth == kDepthMax || (!value.is_object() && !value.is_array())) {
    return value.is_string() ? json_string(value.text()) : std::string(value.raw());
  }
  std::string text;
  if (value.is_array()) {
    for (const Json& element : value.elements()) {
      text += (text.empty() ? "" : ",") + rebuilt(element, depth + 1);
    }
    return "[" + text + "]";
  }
  for (const auto& [name, member] : value.members()) {
    text += (text.empty() ? "" : ",") + json_string(name) + ":" + rebuilt(member, depth + 1);
    check(value.member(name).has_value(), "a member is found by its name");
  }
  return "{" + text + "}";
}

void check_shown(std::string_view text, std::string_view what) {
  check(is_valid_utf8(text), what);
  check(cli::printable(text) == text, what);
}

void json(std::string_view input) {
  const auto document = Json::parse(input);
  if (!document) {
    return;
  }
  const std::string compact = minified(input);
  check(minified(document->raw()) == compact, "a document is its value");
  check(minified(rebuilt(*document, 0)) == compact, "a value is its parts");
  check(minified(indented(input)) == compact, "indented, a document is the same");
}

void shown(std::string_view input) {
  check_shown(cli::printable(input), "what is shown drives no terminal");
  check_shown(cli::render_event(input, false), "an event's line drives no terminal");
  check(cli::width(cli::summarize(input, "/a")) <= cli::kSummaryWidthMax + 1, "a summary is short");
  static_cast<void>(cli::sequence_of(input));
  const net::HttpAnswer answer{
      .status = 422, .headers = {{"x-request-id", std::string(input)}}, .body = std::string(input)};
  const cli::Problem problem = cli::read_problem(answer);
  std::string rendered = cli::render(problem);
  const auto lines = static_cast<std::size_t>(std::ranges::count(rendered, '\n'));
  check(lines == problem.violations.size(), "a problem has a line for each violation");
  std::ranges::replace(rendered, '\n', ' ');
  check_shown(rendered, "a problem drives no terminal");
  check(cli::without_keys(cli::without_keys(input)) == cli::without_keys(input),
        "keys are masked once");
}

void run(std::string_view input) {
  json(input);
  shown(input);
}

const Registered kAnswer({"cli_answer", run});

}  // namespace
}  // namespace bitvault::fuzz
