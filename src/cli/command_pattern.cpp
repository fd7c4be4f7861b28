#include "cli/command_pattern.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/config_file.h"
#include "pattern/pattern.h"

namespace bitvault::cli {
namespace {

using Unmet = Explanation::Unmet;

constexpr const char* kTestExamples =
    R"(Exit codes: 0 match, 1 no match, 2 invalid pattern or event.

Examples:
  bitvault-events pattern test pattern.json event.json
  bitvault-events tail --no-follow --limit 1 --json |
    bitvault-events pattern test pattern.json -
  echo '{"type": [{"prefix": "bitvault.node."}]}' |
    bitvault-events pattern test - event.json)";

// A file, or standard input for "-".
struct Input {
  const std::string& path;
  std::string text = {};
};

// Error: what is wrong, with the name of the input.
Status read(Input& input, int in_fd) {
  auto text = input.path == "-" ? read_all(in_fd, "standard input") : read_file(input.path);
  if (!text) {
    return fail(text.error());
  }
  input.text = *std::move(text);
  return {};
}

Error about(const Input& input, const Error& error) {
  return {error.code, fmt::format("{}: {}", input.path, error.detail), {}};
}

Result<Explanation> explain(Input pattern, Input event, int in_fd) {
  if (pattern.path == "-" && event.path == "-") {
    return fail(Code::kInvalid, "only one of pattern and event can be read from stdin");
  }
  for (Input* const input : {&pattern, &event}) {
    if (Status done = read(*input, in_fd); !done) {
      return fail(done.error());
    }
  }
  const auto compiled = Pattern::compile(pattern.text);
  if (!compiled) {
    return fail(about(pattern, compiled.error()));
  }
  auto explanation = Matcher().explain(*compiled, event.text);
  if (!explanation) {
    return fail(about(event, explanation.error()));
  }
  return explanation;
}

void append_text(std::string& out, const std::vector<Unmet>& conditions, std::string_view indent) {
  for (const Unmet& unmet : conditions) {
    out += fmt::format("{0}{1}: {2}\n{0}  wanted {3}\n{0}  had    {4}\n", indent,
                       printable(unmet.path), unmet.why, printable(unmet.wanted),
                       printable(unmet.had));
  }
}

std::string text_of(const Explanation& explanation) {
  if (explanation.matched) {
    return "match\n";
  }
  std::string out = "no match\n";
  append_text(out, explanation.unmet, "  ");
  if (!explanation.alternatives.empty()) {
    out += fmt::format("  and none of {} alternatives:\n",
                       explanation.alternatives.size() + explanation.alternatives_left_out);
  }
  std::size_t number = 0;
  for (const std::vector<Unmet>& alternative : explanation.alternatives) {
    out += fmt::format("  {})\n", ++number);
    append_text(out, alternative, "    ");
  }
  if (explanation.alternatives_left_out > 0) {
    out += fmt::format("  ... and {} more\n", explanation.alternatives_left_out);
  }
  return out;
}

}  // namespace

PatternCommands::PatternCommands(CommandTree& tree, Console& console, int in_fd)
    : tree_(tree), console_(console), in_fd_(in_fd) {
  CLI::App& group = tree.local_group({"pattern", "Try event patterns (no server needed)",
                                      "Example:\n"
                                      "  bitvault-events pattern test pattern.json event.json"});
  CLI::App& test = tree.add_local(
      group, {"test", "Say whether an event matches a pattern, and if not, why", kTestExamples},
      [this] { return this->test(); });
  test.add_option("pattern", pattern_path_, "A file with the pattern; -: stdin")
      ->type_name("FILE")
      ->required();
  test.add_option("event", event_path_, "A file with the event, one JSON object; -: stdin")
      ->type_name("FILE")
      ->required();
  tree.add_json_option(test);
}

int PatternCommands::test() {
  const auto explanation = explain({pattern_path_}, {event_path_}, in_fd_);
  if (!explanation) {
    const std::string why = printable(explanation.error().detail);
    console_.note(tree_.json() ? fmt::format(R"({{"error":{}}})", json_string(why))
                               : "error: " + why);
    return 2;
  }
  console_.print(tree_.json() ? to_json(*explanation) + "\n" : text_of(*explanation));
  if (console_.flush() == Console::Outcome::kFailed) {
    console_.note("error: " + console_.failure());
    return 2;  // 1 would say that there is no match
  }
  return explanation->matched ? 0 : 1;
}

}  // namespace bitvault::cli
