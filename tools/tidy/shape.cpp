// The shape of files: sizes, how a header begins, names, READMEs, and tests that are not built.

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "tidy/rules.h"

namespace bitvault::tidy {
namespace {

constexpr std::size_t kSourceLinesMax = 600;
constexpr std::size_t kHeaderLinesMax = 250;
constexpr std::size_t kFunctionLinesMax = 70;
constexpr std::size_t kColumnsMax = 100;
constexpr std::size_t kReadmeLinesMax = 60;

std::size_t columns(std::string_view line) {
  return static_cast<std::size_t>(
      std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; }));
}

void check_sizes(const Source& source, Findings& out) {
  const std::size_t most = source.is_header() ? kHeaderLinesMax : kSourceLinesMax;
  if (source.lines.size() > most) {
    out.push_back({source.path, most + 1, "file-size",
                   std::to_string(source.lines.size()) + " lines, at most " + std::to_string(most) +
                       ": find the second noun in it and give that a file of its own"});
  }
  for (std::size_t i = 0; i < source.lines.size(); ++i) {
    const std::size_t width = columns(source.lines[i]);
    if (width > kColumnsMax && !source.in_raw_string[i] &&
        !source.lines[i].starts_with("#include")) {
      out.push_back({source.path, i + 1, "columns",
                     std::to_string(width) + " columns, at most " + std::to_string(kColumnsMax) +
                         ": break the line"});
    }
  }
}

// Follows the braces of clang-formatted code and measures each function: from the line on which its
// head begins to the line of its closing brace. A lambda or a local class counts as a part of the
// function around it.
class FunctionMeter {
 public:
  FunctionMeter(const Source& source, Findings& out) : source_(source), out_(out) {}

  void run() {
    bool directive = false;  // within a preprocessor directive and its continuations
    for (line_ = 1; line_ <= source_.code.size(); ++line_) {
      const std::string& code = source_.code[line_ - 1];
      directive = directive || code.starts_with('#');
      if (!directive) {
        for (const char c : code) {
          take(c);
        }
        take('\n');
      }
      directive = directive && code.ends_with('\\');
    }
  }

 private:
  enum class Kind { kScope, kFunction, kOther };
  struct Brace {
    Kind kind;
    std::size_t line;  // where its head begins
  };

  void take(char c) {
    if (c == '{') {
      open_.push_back({kind(), head_.empty() ? line_ : head_line_});
      head_.clear();
    } else if (c == '}') {
      close();
      head_.clear();
    } else if (c == ';') {
      head_.clear();
    } else if (c == ' ' || c == '\n') {
      head_ += head_.empty() ? "" : " ";
    } else {
      head_line_ = head_.empty() ? line_ : head_line_;
      head_ += c;
    }
  }

  // What the brace after head_ opens.
  [[nodiscard]] Kind kind() const {
    const bool in_function =
        std::ranges::any_of(open_, [](const Brace& brace) { return brace.kind != Kind::kScope; });
    if (in_function) {
      return Kind::kOther;
    }
    for (const std::string_view word :
         {"namespace", "class", "struct", "union", "enum", "extern"}) {
      const std::size_t at = find_word(head_, word);
      const std::size_t paren = head_.find('(');
      if (at != std::string::npos && (paren == std::string::npos || head_.starts_with(word))) {
        return word == "enum" ? Kind::kOther : Kind::kScope;
      }
    }
    return head_.find('(') != std::string::npos ? Kind::kFunction : Kind::kOther;
  }

  void close() {
    if (open_.empty()) {
      return;
    }
    const Brace brace = open_.back();
    open_.pop_back();
    const std::size_t size = line_ - brace.line + 1;
    if (brace.kind == Kind::kFunction && size > kFunctionLinesMax) {
      out_.push_back({source_.path, brace.line, "function-size",
                      std::to_string(size) + " lines, at most " +
                          std::to_string(kFunctionLinesMax) +
                          ": name a part of it and make that a function"});
    }
  }

  const Source& source_;
  Findings& out_;
  std::vector<Brace> open_;
  std::string head_;
  std::size_t head_line_ = 1;
  std::size_t line_ = 1;
};

void check_header(const Source& source, Findings& out) {
  if (!source.is_header()) {
    return;
  }
  if (source.lines.empty() || !source.lines.front().starts_with("//")) {
    out.push_back({source.path, 1, "header-comment",
                   "begin with what this is, what it guarantees and who may call it from where"});
  }
  if (std::ranges::find(source.code, "#pragma once") == source.code.end()) {
    out.push_back({source.path, 1, "pragma-once", "add #pragma once after the comment"});
  }
}

// That a source's own header comes first shows that the header compiles alone.
void check_own_header(const Tree& tree, const Source& source, Findings& out) {
  if (!source.path.ends_with(".cpp") || !source.path.starts_with("src/")) {
    return;
  }
  const std::string header = source.path.substr(0, source.path.size() - 4) + ".h";
  if (tree.contains(header) &&
      (source.includes.empty() || "src/" + source.includes.front().path != header)) {
    out.push_back({source.path, 1, "own-header",
                   "include \"" + header.substr(4) + "\" first, so that it must compile alone"});
  }
}

void check_names(std::string_view path, Findings& out) {
  constexpr std::array<std::string_view, 10> kEmptyWords = {
      "utils",    "util",    "common", "helpers", "helper",
      "managers", "manager", "misc",   "shared",  "stuff"};
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (std::ranges::find(kEmptyWords, part.substr(0, part.find('.'))) != kEmptyWords.end()) {
      out.push_back({std::string(path), 1, "name",
                     "\"" + std::string(part) + "\" says nothing: name it for what it is"});
    }
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  }
}

bool names_file(const Source& cmake, std::string_view file) {
  return std::ranges::any_of(cmake.lines, [&](std::string_view line) {
    line = line.substr(0, line.find('#'));
    for (std::size_t at = find_word(line, file); at != std::string_view::npos;
         at = find_word(line, file, at + 1)) {
      if (at == 0 || line[at - 1] != '/') {
        return true;
      }
    }
    return false;
  });
}

void check_is_built(const Tree& tree, const Source& source, Findings& out) {
  if (!source.is_test()) {
    return;
  }
  for (std::string_view at = folder_of(source.path);; at = folder_of(at)) {
    const std::size_t prefix = at.empty() ? 0 : at.size() + 1;
    const auto cmake = tree.find(std::string(source.path.substr(0, prefix)) + "CMakeLists.txt");
    if (cmake != tree.end() &&
        names_file(cmake->second, std::string_view(source.path).substr(prefix))) {
      return;
    }
    if (at.empty()) {
      break;
    }
  }
  out.push_back({source.path, 1, "not-built",
                 "no CMakeLists.txt names this test, so it never runs: add it to TESTS"});
}

void check_readmes(const Tree& tree, Findings& out) {
  std::set<std::string_view> folders;
  for (const auto& [path, source] : tree) {
    if (path.starts_with("src/") && source.is_cpp()) {
      folders.insert(folder_of(path));
    }
  }
  for (const std::string_view folder : folders) {
    const auto readme = tree.find(std::string(folder) + "/README.md");
    if (readme == tree.end()) {
      out.push_back({std::string(folder) + "/README.md", 1, "readme",
                     "missing: say what the folder is, what it guarantees, where to begin"});
    } else if (readme->second.lines.size() > kReadmeLinesMax) {
      out.push_back({readme->first, kReadmeLinesMax + 1, "readme",
                     "longer than a page (" + std::to_string(kReadmeLinesMax) +
                         " lines): move the details into the headers"});
    }
  }
}

}  // namespace

void check_shape(const Tree& tree, Findings& out) {
  for (const auto& [path, source] : tree) {
    check_names(path, out);
    if (source.is_cpp()) {
      check_sizes(source, out);
      FunctionMeter(source, out).run();
      check_header(source, out);
      check_own_header(tree, source, out);
      check_is_built(tree, source, out);
    }
  }
  check_readmes(tree, out);
}

Findings check_all(const Tree& tree) {
  Findings findings;
  check_modules(tree, findings);
  check_words(tree, findings);
  check_awaits(tree, findings);
  check_shape(tree, findings);
  std::ranges::sort(findings, [](const Finding& a, const Finding& b) {
    return std::tie(a.path, a.line, a.rule) < std::tie(b.path, b.line, b.rule);
  });
  return findings;
}

std::string render(const Finding& finding) {
  return finding.path + ":" + std::to_string(finding.line) + ": " +
         (finding.warning ? "warning: " : "") + finding.rule + ": " + finding.message;
}

}  // namespace bitvault::tidy
