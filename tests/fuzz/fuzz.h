// A fuzz target: a function that takes any bytes and checks what must hold for all of them.
//
// A property that does not hold ends the process, by check(). A target keeps nothing from one input
// to the next, so an input alone brings back what it found. entry.cpp makes a libFuzzer program of
// one target; replay_test.cpp runs every target over the files of its corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace bitvault::fuzz {

struct Target {
  std::string_view name;  // of its folder under corpus/ and of its program, <name>_fuzz
  void (*run)(std::string_view input);
};

// Those that are linked in, in no order.
[[nodiscard]] std::span<const Target> targets();

// Makes a target known. Each *_fuzz.cpp has one at namespace scope.
class Registered {
 public:
  explicit Registered(Target target);
};

// Cuts `input` into pieces and hands them out, in ways that the input itself decides: whole, byte
// by byte, and at random. `read` is called once for each way with a function that gives the pieces,
// the last of which is followed by an empty one.
using NextPiece = std::function<std::string_view()>;
void for_each_cutting(std::string_view input, const std::function<void(NextPiece next)>& read);

// Numbers that the bytes of an input decide; any input gives as many as wanted.
class Dice {
 public:
  explicit Dice(std::string_view input);
  std::uint64_t next();
  // 0 .. bound - 1; bound > 0.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

 private:
  std::uint64_t state_;
};

// Every byte as %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);

// Cuts the text up to the next `separator` off the front of `rest`; the separator goes, too.
std::string_view take_until(std::string_view& rest, std::string_view separator);

}  // namespace bitvault::fuzz
