// The console: what a command prints, safe for a terminal and without secrets.
//
// Results go to `out`, whole or not at all from the reader's view of exit codes: print() and
// flush() tell when they failed. Notes for a person go to `err`, a line each, with API keys masked.
// Text from outside passes printable() before it reaches a person.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace bitvault::cli {

// Control characters, invalid UTF-8 and direction overrides become \xNN or \u{NNNN}: text of an
// event must not drive the terminal that shows it.
[[nodiscard]] std::string printable(std::string_view text);

// Every API key (bvk_...) becomes bvk_***.
[[nodiscard]] std::string without_keys(std::string_view text);

enum class Colour : std::uint8_t { kNone, kDim, kBold, kRed, kGreen, kYellow, kBlue };

// `text` in a colour when `on`.
[[nodiscard]] std::string painted(std::string_view text, Colour colour, bool on);

// Columns padded to their widest cell, two blanks between. The last column is not padded.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows);

// The number of code points: near enough to columns for padding.
[[nodiscard]] std::size_t width(std::string_view text);

class Console {
 public:
  enum class Outcome : std::uint8_t { kWritten, kReaderGone, kFailed };

  Console(std::FILE* out, std::FILE* err, bool colours_allowed);

  // Buffered. After the first failure nothing more is written.
  void print(std::string_view text);
  // Prints `line` and a line break.
  void print_line(std::string_view line);
  // Whether everything printed so far has been written.
  [[nodiscard]] Outcome flush();
  // Why flush() said kFailed.
  [[nodiscard]] std::string failure() const;

  void note(std::string_view line);
  // Overwrites itself on the terminal; nothing when `err` is none.
  void progress(std::string_view line);

  [[nodiscard]] bool out_colours() const { return out_colours_; }
  [[nodiscard]] bool err_colours() const { return err_colours_; }
  [[nodiscard]] bool err_is_terminal() const { return err_is_terminal_; }

 private:
  void clear_progress();

  std::FILE* out_;
  std::FILE* err_;
  bool err_is_terminal_;
  bool out_colours_;
  bool err_colours_;
  bool progress_shown_ = false;
  int error_ = 0;
};

}  // namespace bitvault::cli
