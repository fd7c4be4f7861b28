// `pattern`: tries event patterns, without a server.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "cli/command.h"
#include "pattern/pattern.h"

namespace bitvault::cli {
namespace {

using Unmet = Explanation::Unmet;

constexpr std::size_t kFileBytesMax = 1024 * 1024;  // either is refused long before

Result<std::string> read_file(const std::string& path, int in_fd) {
  const int fd = path == "-" ? in_fd : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string text;
  std::array<char, 16 * 1024> chunk;
  ssize_t bytes = fd < 0 ? -1 : 0;
  while (fd >= 0 && (bytes = read(fd, chunk.data(), chunk.size())) > 0 &&
         text.size() <= kFileBytesMax) {
    text.append(chunk.data(), static_cast<std::size_t>(bytes));
  }
  const int error = errno;
  if (fd >= 0 && path != "-") {
    close(fd);
  }
  if (bytes < 0) {
    return fail(Code::kInvalid, std::strerror(error));
  }
  return text;
}

std::string json_of(const std::vector<Unmet>& conditions) {
  std::string out;
  for (const Unmet& unmet : conditions) {
    out += fmt::format(R"({}{{"path":{},"wanted":{},"had":{},"why":{}}})", out.empty() ? "" : ",",
                       json_string(unmet.path), json_string(unmet.wanted), json_string(unmet.had),
                       json_string(unmet.why));
  }
  return "[" + out + "]";
}

std::string json_of(const Explanation& explanation) {
  std::string alternatives;
  for (const std::vector<Unmet>& alternative : explanation.alternatives) {
    alternatives += (alternatives.empty() ? "" : ",") + json_of(alternative);
  }
  return fmt::format(
      R"({{"matched":{},"unmet":{},"alternatives":[{}],"alternatives_left_out":{}}})",
      explanation.matched, json_of(explanation.unmet), alternatives,
      explanation.alternatives_left_out);
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

class TestPattern final : public Command {
 public:
  explicit TestPattern(CLI::App& app) {
    app.add_option("pattern", pattern_path_, "A file with the pattern; -: stdin")
        ->type_name("FILE")
        ->required();
    app.add_option("event", event_path_, "A file with the event, one JSON object; -: stdin")
        ->type_name("FILE")
        ->required();
  }

  Needs needs() const final { return Needs::kServer; }

  int run(Session& session) override {
    if (pattern_path_ == "-" && event_path_ == "-") {
      return session.usage("only one of pattern and event can be read from stdin");
    }
    const auto pattern_text = read_file(pattern_path_, session.in_fd);
    if (!pattern_text) {
      return refuse(session, pattern_path_, pattern_text.error());
    }
    const auto event = read_file(event_path_, session.in_fd);
    if (!event) {
      return refuse(session, event_path_, event.error());
    }
    const auto pattern = Pattern::compile(*pattern_text);
    if (!pattern) {
      return refuse(session, pattern_path_, pattern.error());
    }
    const auto explanation = Matcher().explain(*pattern, *event);
    if (!explanation) {
      return refuse(session, event_path_, explanation.error());
    }
    const int printed =
        session.finish_with(session.json ? json_of(*explanation) : text_of(*explanation));
    return explanation->matched ? printed : 1;
  }

 private:
  static int refuse(Session& session, const std::string& path, const Error& error) {
    return session.usage(printable(fmt::format("{}: {}", path, error.detail)));
  }

  std::string pattern_path_;
  std::string event_path_;
};

}  // namespace

void add_pattern(CommandTree& tree) {
  CLI::App& pattern = tree.group({"pattern", "Try event patterns (no server needed)",
                                  "Example:\n"
                                  "  bitvault-events pattern test pattern.json event.json"});
  tree.add<TestPattern>(pattern, {"test", "Say whether an event matches a pattern, and if not, why",
                                  "Exit codes: 0 match, 1 no match, 2 invalid pattern or event.\n\n"
                                  "Examples:\n"
                                  "  bitvault-events pattern test pattern.json event.json\n"
                                  "  bitvault-events tail --no-follow --limit 1 --json | \\\n"
                                  "    bitvault-events pattern test pattern.json -\n"
                                  "  echo '{\"type\": [{\"prefix\": \"bitvault.node.\"}]}' | \\\n"
                                  "    bitvault-events pattern test - event.json"});
}

}  // namespace bitvault::cli
