#include "tidy/source.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace bitvault::tidy {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      break;
    }
    text.remove_prefix(end + 1);
  }
  return lines;
}

// Walks C++ text once and blanks what is not code; line breaks stay.
class Blanker {
 public:
  explicit Blanker(std::string_view text) : text_(text), code_(text), raw_(text.size(), false) {}

  void run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (starts("//")) {
        blank_to(text_.find('\n', at_));
      } else if (starts("/*")) {
        blank_to(after(text_.find("*/", at_ + 2), 2));
      } else if (starts("R\"") && !(at_ > 0 && is_word(text_[at_ - 1]))) {
        blank_raw_string();
      } else if (c == '"' || (c == '\'' && !is_digit_separator())) {
        blank_literal(c);
      } else {
        ++at_;
      }
    }
  }

  [[nodiscard]] const std::string& code() const { return code_; }
  [[nodiscard]] const std::vector<bool>& raw() const { return raw_; }

 private:
  [[nodiscard]] bool starts(std::string_view what) const {
    return text_.substr(at_).starts_with(what);
  }
  [[nodiscard]] bool is_digit_separator() const {
    return at_ > 0 && at_ + 1 < text_.size() && is_word(text_[at_ - 1]) && is_word(text_[at_ + 1]);
  }
  static std::size_t after(std::size_t found, std::size_t size) {
    return found == std::string_view::npos ? found : found + size;
  }

  void blank_to(std::size_t end) {
    end = std::min(end, text_.size());
    for (; at_ < end; ++at_) {
      if (text_[at_] != '\n') {
        code_[at_] = ' ';
      }
    }
  }

  void blank_literal(char quote) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
      end += text_[end] == '\\' ? 2 : 1;
    }
    blank_to(end + 1 <= text_.size() && end < text_.size() && text_[end] == '\n' ? end : end + 1);
  }

  void blank_raw_string() {
    const std::size_t open = text_.find('(', at_);
    const std::size_t begin = at_;
    if (open == std::string_view::npos) {
      at_ += 2;
      return;
    }
    const std::string close = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
    blank_to(after(text_.find(close, open), close.size()));
    std::fill(raw_.begin() + static_cast<std::ptrdiff_t>(begin),
              raw_.begin() + static_cast<std::ptrdiff_t>(at_), true);
  }

  std::string_view text_;
  std::string code_;
  std::vector<bool> raw_;
  std::size_t at_ = 0;
};

void find_includes(Source& source) {
  constexpr std::string_view kInclude = "#include \"";
  for (std::size_t i = 0; i < source.lines.size(); ++i) {
    const std::string_view line = source.lines[i];
    if (source.code[i].starts_with("#include") && line.starts_with(kInclude)) {
      const std::string_view rest = line.substr(kInclude.size());
      source.includes.push_back({i + 1, std::string(rest.substr(0, rest.find('"')))});
    }
  }
}

std::string own_header(std::string_view path) {
  return path.ends_with(".cpp") ? std::string(path.substr(0, path.size() - 4)) + ".h" : "";
}

// A header is for tests when somebody beside its own source includes it and all who do are test
// code; its own source is then, too. One pass may mark what the next one builds on.
void mark_test_code(Tree& tree) {
  std::map<std::string, std::vector<const Source*>, std::less<>> includers;
  for (const auto& [path, source] : tree) {
    for (const Source::Include& include : source.includes) {
      if ("src/" + include.path != own_header(path)) {
        includers["src/" + include.path].push_back(&source);
      }
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& [path, who] : includers) {
      const auto header = tree.find(path);
      if (header == tree.end() || header->second.for_tests ||
          !std::ranges::all_of(who, &Source::is_test_code)) {
        continue;
      }
      header->second.for_tests = true;
      changed = true;
      for (auto& [other, source] : tree) {
        source.for_tests = source.for_tests || own_header(other) == path;
      }
    }
  }
}

}  // namespace

Source make_source(std::string path, std::string_view text) {
  Source source;
  source.path = std::move(path);
  source.lines = split_lines(text);
  if (!source.is_cpp()) {
    return source;
  }
  Blanker blanker(text);
  blanker.run();
  source.code = split_lines(blanker.code());
  std::size_t at = 0;
  for (const std::string& line : source.lines) {
    bool raw = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
      raw = raw || blanker.raw()[at + i];
    }
    source.in_raw_string.push_back(raw);
    at += line.size() + 1;
  }
  find_includes(source);
  return source;
}

Tree make_tree(const std::vector<std::pair<std::string, std::string>>& files) {
  Tree tree;
  for (const auto& [path, text] : files) {
    tree.emplace(path, make_source(path, text));
  }
  mark_test_code(tree);
  return tree;
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace bitvault::tidy
