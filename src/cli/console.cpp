#include "cli/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace bitvault::cli {
namespace {

constexpr std::string_view kKeyPrefix = "bvk_";
constexpr std::string_view kEraseLine = "\r\x1b[K";

// One code point at the front of a text; length 0 when it is not valid UTF-8.
struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;
};

CodePoint front(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) {
    return {lead, 1};
  }
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (!is_valid_utf8(text.substr(0, length))) {
    return {};
  }
  char32_t value = lead & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    value = (value << 6) | (at(i) & 0x3fU);
  }
  return {value, length};
}

// Controls (C0, DEL, C1) and the characters that reorder or hide text.
bool drives_terminal(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) || c == 0xfeff;
}

bool is_key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

std::string_view escape_of(Colour colour) {
  switch (colour) {
    case Colour::kNone:
      return "";
    case Colour::kDim:
      return "\x1b[2m";
    case Colour::kBold:
      return "\x1b[1m";
    case Colour::kRed:
      return "\x1b[31m";
    case Colour::kGreen:
      return "\x1b[32m";
    case Colour::kYellow:
      return "\x1b[33m";
    case Colour::kBlue:
      return "\x1b[34m";
  }
  return "";
}

bool is_terminal(std::FILE* file) { return isatty(fileno(file)) == 1; }

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint next = front(text);
    if (next.length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
      continue;
    }
    if (!drives_terminal(next.value)) {
      out += text.substr(0, next.length);
    } else if (next.value < 0x100) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(next.value));
    } else {
      out += fmt::format("\\u{{{:x}}}", static_cast<unsigned>(next.value));
    }
    text.remove_prefix(next.length);
  }
  return out;
}

std::string without_keys(std::string_view text) {
  std::string out;
  for (auto at = text.find(kKeyPrefix); at != std::string_view::npos; at = text.find(kKeyPrefix)) {
    out += text.substr(0, at + kKeyPrefix.size());
    text.remove_prefix(at + kKeyPrefix.size());
    const auto key = std::ranges::find_if_not(text, is_key_char) - text.begin();
    out += key > 0 ? "***" : "";
    text.remove_prefix(static_cast<std::size_t>(key));
  }
  out += text;
  return out;
}

std::string painted(std::string_view text, Colour colour, bool on) {
  return on && colour != Colour::kNone ? fmt::format("{}{}\x1b[0m", escape_of(colour), text)
                                       : std::string(text);
}

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width(row[i]));
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) {
        line.append(widths[i] - width(row[i]) + 2, ' ');
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line;
    out += '\n';
  }
  return out;
}

Console::Console(std::FILE* out, std::FILE* err, bool colours_allowed)
    : out_(out),
      err_(err),
      err_is_terminal_(is_terminal(err)),
      out_colours_(colours_allowed && is_terminal(out)),
      err_colours_(colours_allowed && err_is_terminal_) {}

void Console::print(std::string_view text) {
  clear_progress();
  if (error_ == 0 && std::fwrite(text.data(), 1, text.size(), out_) != text.size()) {
    error_ = errno;
  }
}

void Console::print_line(std::string_view line) {
  print(line);
  print("\n");
}

Console::Outcome Console::flush() {
  if (error_ == 0 && std::fflush(out_) != 0) {
    error_ = errno;
  }
  return error_ == 0       ? Outcome::kWritten
         : error_ == EPIPE ? Outcome::kReaderGone
                           : Outcome::kFailed;
}

std::string Console::failure() const {
  return fmt::format("cannot write to standard output: {}", std::strerror(error_));
}

void Console::clear_progress() {
  if (progress_shown_) {
    std::fwrite(kEraseLine.data(), 1, kEraseLine.size(), err_);
    std::fflush(err_);
    progress_shown_ = false;
  }
}

void Console::note(std::string_view line) {
  clear_progress();
  const std::string text = without_keys(line) + "\n";
  std::fwrite(text.data(), 1, text.size(), err_);
  std::fflush(err_);
}

void Console::progress(std::string_view line) {
  if (err_is_terminal_) {
    clear_progress();
    const std::string text = without_keys(line);
    std::fwrite(text.data(), 1, text.size(), err_);
    std::fflush(err_);
    progress_shown_ = true;
  }
}

}  // namespace bitvault::cli
