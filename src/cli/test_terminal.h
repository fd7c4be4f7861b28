// A terminal for tests: what a program prints to it can be looked at, and a person's typing comes
// from the test. It passes bytes as they are, a few thousand at a time.
#pragma once

#include <fcntl.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/check.h"

namespace bitvault::cli {

class TestTerminal {
 public:
  TestTerminal() {
    int program = -1;
    check(openpty(&person_, &program, nullptr, nullptr, nullptr) == 0, "a terminal is made");
    termios mode{};
    tcgetattr(program, &mode);
    cfmakeraw(&mode);
    tcsetattr(program, TCSANOW, &mode);
    fcntl(person_, F_SETFL, O_NONBLOCK);
    file_ = fdopen(program, "r+");
  }
  ~TestTerminal() {
    std::fclose(file_);
    close(person_);
  }
  TestTerminal(const TestTerminal&) = delete;
  TestTerminal& operator=(const TestTerminal&) = delete;

  // The program's side.
  [[nodiscard]] std::FILE* file() const { return file_; }
  [[nodiscard]] int fd() const { return fileno(file_); }

  void type(std::string_view text) const {
    check(write(person_, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "typed");
  }
  // What was printed since the last time.
  [[nodiscard]] std::string shown() const {
    std::string text;
    std::array<char, 4096> chunk;
    for (ssize_t bytes = 0; (bytes = read(person_, chunk.data(), chunk.size())) > 0;) {
      text.append(chunk.data(), static_cast<std::size_t>(bytes));
    }
    return text;
  }

 private:
  int person_ = -1;
  std::FILE* file_ = nullptr;
};

}  // namespace bitvault::cli
