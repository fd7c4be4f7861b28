// Words and calls that are banned, and the folders where they are allowed after all.

#include <algorithm>
#include <array>
#include <cctype>

#include "tidy/rules.h"

namespace bitvault::tidy {
namespace {

enum class Where {
  kCode,     // C++ without comments and literals
  kInclude,  // #include lines of C++
  kCpp,      // C++, comments and literals included
  kText,     // every tracked text file
};

struct Ban {
  std::string_view rule;
  Where where;
  std::array<std::string_view, 10> words;    // see find_word; empty ones do not count
  std::array<std::string_view, 12> allowed;  // beginnings of paths; see kTests
  std::string_view advice;
  bool warning = false;
};

// The places where the real world may be touched: whoever implements World, the server's threads,
// the composition root, the command line, and what tries and measures them.
#define BITVAULT_OUTSIDE "src/net/", "src/http/", "src/app/", "src/cli/", kTests, "bench/"

constexpr std::string_view kTests = "*tests";  // the tests, wherever they stand

constexpr Ban kBans[] = {
    {"clock",
     Where::kCode,
     {"system_clock::now", "steady_clock::now", "high_resolution_clock", "clock_gettime",
      "gettimeofday", "time(nullptr)"},
     {BITVAULT_OUTSIDE},
     "take the time from World::clock()"},
    {"timer",
     Where::kCode,
     {"steady_timer", "system_timer", "deadline_timer", "high_resolution_timer"},
     {BITVAULT_OUTSIDE},
     "wait with World::sleep() or a Signal"},
    {"random",
     Where::kCode,
     {"random_device", "mt19937", "mt19937_64", "rand()", "RAND_bytes", "getrandom"},
     {"src/net/", "src/app/", kTests, "bench/"},
     "take randomness from World::random()"},
    {"distribution",
     Where::kCode,
     {"*_distribution<", "*_distribution("},
     {},
     "its numbers differ between libraries: use Random::below()"},
    {"environment",
     Where::kCode,
     {"getenv", "secure_getenv", "setenv", "putenv"},
     {"src/app/", "src/cli/", "src/net/", kTests, "bench/"},
     "read it in app/ or cli/ and pass the value on"},
    {"thread",
     Where::kCode,
     {"std::thread", "std::jthread", "jthread", "std::async", "pthread_create"},
     {BITVAULT_OUTSIDE, "src/store/sqlite/"},
     "run it on the executor given, or behind the store's pool"},
    {"sleep",
     Where::kCode,
     {"sleep_for", "sleep_until", "usleep", "nanosleep"},
     {},
     "await the condition; with a deadline, World::sleep()"},
    {"detached",
     Where::kCode,
     {"detached"},
     {},
     "spawn it into a TaskGroup, which is cancelled and joined"},
    {"co_spawn",
     Where::kCode,
     {"co_spawn"},
     {BITVAULT_OUTSIDE, "src/world/task_group.cpp", "src/store/sqlite/"},
     "spawn it into a TaskGroup, which is cancelled and joined"},
    {"assert",
     Where::kCode,
     {"assert(", "std::abort"},
     {"src/base/check.cpp"},
     "use check(), which stays on in release, or return an Error"},
    {"print",
     Where::kCode,
     {"std::cout", "std::cerr", "printf", "fprintf", "puts", "fmt::print", "std::clog"},
     {"src/cli/", "src/app/", "src/base/check.cpp", "bench/", "tools/", kTests},
     "return the text, or log it in app/"},
    {"third-party",
     Where::kInclude,
     {"<sqlite3.h>"},
     {"src/store/sqlite/", "bench/", kTests},
     "only the folder that adapts SQLite includes it"},
    {"third-party",
     Where::kInclude,
     {"<curl/curl.h>"},
     {"src/net/", "bench/", kTests},
     "only net/ includes libcurl: use the World's HTTP client"},
    {"third-party",
     Where::kInclude,
     {"*<boost/beast"},
     {"src/http/", "src/net/", "src/cli/", "bench/", kTests},
     "a Beast session compiles in 13 s: keep it in http/ and net/"},
    {"third-party",
     Where::kInclude,
     {"*<google/protobuf/"},
     {"src/catalog/", "bench/", "proto/", "tools/", kTests},
     "only the catalog knows protobuf"},
    {"unfinished",
     Where::kCpp,
     {"TODO", "FIXME", "XXX"},
     {"tools/tidy/"},
     "finish it, or leave it out"},
    {"shared-state",
     Where::kCode,
     {"std::shared_ptr<"},
     {kTests},
     "share only what is const: std::shared_ptr<const T>; otherwise one owner, or a value",
     true},
    {"this-machine",
     Where::kText,
     {"/work/", "/root/"},
     {"tools/tidy/"},
     "name no folder of one machine: use a path relative to the repository"},
    {"registry-host",
     Where::kText,
     {"registry.npmjs.org", "deb.debian.org", "pypi.org", "crates.io", "proxy.golang.org",
      "deb.nodesource.com", "repo1.maven.org"},
     {"tools/tidy/"},
     "the machine's own settings say where packages come from: leave the host out"},
};

#undef BITVAULT_OUTSIDE

bool is_allowed(const Ban& ban, const Source& source) {
  return std::ranges::any_of(ban.allowed, [&](std::string_view place) {
    return place == kTests ? source.is_test_code()
                           : !place.empty() && source.path.starts_with(place);
  });
}

bool shares_const(std::string_view line, std::size_t at, std::string_view word) {
  return line.substr(at + word.size()).starts_with("const ");
}

void check_line(const Ban& ban, const Source& source, std::size_t index, std::string_view line,
                Findings& out) {
  for (const std::string_view word : ban.words) {
    if (word.empty()) {
      continue;
    }
    const std::size_t at = find_word(line, word);
    if (at == std::string_view::npos ||
        (ban.rule == "shared-state" && shares_const(line, at, word))) {
      continue;
    }
    const std::string_view shown = word.front() == '*' ? word.substr(1) : word;
    out.push_back({source.path, index + 1, std::string(ban.rule),
                   std::string(shown) + ": " + std::string(ban.advice), ban.warning});
    return;
  }
}

// What stands before the co_await at `at`: the last character that is not white space, on this line
// or above it, and the text of the line before.
struct Before {
  char last = ';';
  std::string_view line;
};

Before before(const Source& source, std::size_t index, std::size_t at) {
  std::string_view line = std::string_view(source.code[index]).substr(0, at);
  for (;;) {
    const std::size_t last = line.find_last_not_of(" \t");
    if (last != std::string_view::npos) {
      return {line[last], line.substr(0, last + 1)};
    }
    if (index == 0) {
      return {};
    }
    line = source.code[--index];
  }
}

bool is_statement_start(const Before& before) {
  const bool initializer =
      before.last == '=' && !before.line.ends_with("==") && !before.line.ends_with("!=");
  return initializer || std::string_view(";{}:").find(before.last) != std::string_view::npos ||
         before.line.ends_with("co_return") || before.line.ends_with("(void)");
}

}  // namespace

std::size_t find_word(std::string_view text, std::string_view word, std::size_t from) {
  const auto is_part = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  const bool any_beginning = word.front() == '*';
  word.remove_prefix(any_beginning ? 1 : 0);
  for (std::size_t at = text.find(word, from); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const bool path = word.front() == '/';  // "/a/" is absolute only where nothing stands before it
    const bool begins =
        any_beginning || at == 0 || (!is_part(word.front()) && !path) ||
        (!is_part(text[at - 1]) &&
         !(path && (text[at - 1] == '.' || text[at - 1] == '}' || text[at - 1] == '*')));
    const std::size_t end = at + word.size();
    const bool ends = !is_part(word.back()) || end == text.size() || !is_part(text[end]);
    if (begins && ends) {
      return at;
    }
  }
  return std::string_view::npos;
}

void check_words(const Tree& tree, Findings& out) {
  for (const Ban& ban : kBans) {
    for (const auto& [path, source] : tree) {
      if ((ban.where != Where::kText && !source.is_cpp()) || is_allowed(ban, source)) {
        continue;
      }
      const auto& lines = ban.where == Where::kCode ? source.code : source.lines;
      for (std::size_t i = 0; i < lines.size(); ++i) {
        if (ban.where != Where::kInclude || source.code[i].starts_with("#include")) {
          check_line(ban, source, i, lines[i], out);
        }
      }
    }
  }
}

void check_awaits(const Tree& tree, Findings& out) {
  for (const auto& [path, source] : tree) {
    for (std::size_t i = 0; i < source.code.size(); ++i) {
      const std::string_view line = source.code[i];
      for (std::size_t at = find_word(line, "co_await"); at != std::string_view::npos;
           at = find_word(line, "co_await", at + 1)) {
        if (!is_statement_start(before(source, i, at))) {
          out.push_back({path, i + 1, "co_await",
                         "a co_await is a whole statement or the whole initializer of a named "
                         "variable: give its result a name first"});
        }
      }
    }
  }
}

}  // namespace bitvault::tidy
