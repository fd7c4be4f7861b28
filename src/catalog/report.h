// A Report gathers what is wrong with a value while it is walked, each violation with its path. It
// takes kViolationsMax of them and is then full: the walk stops there.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace bitvault {

inline constexpr std::size_t kViolationsMax = 20;

// `text` as it may stand in a message: what is longer than 64 bytes is cut between two characters.
// `text` must be valid UTF-8.
[[nodiscard]] std::string excerpt(std::string_view text);

class Report {
 public:
  explicit Report(std::string_view root) : root_(root) {}

  // The way down to a member or an element, and back. The names outlive the way.
  void enter(std::string_view name) { path_.emplace_back(name); }
  void enter(std::size_t index) { path_.emplace_back(index); }
  void leave() { path_.pop_back(); }

  // Of the value that the walk is at, or of its member `name`.
  void add(std::string message);
  void add_at(std::string_view name, std::string message);

  [[nodiscard]] bool full() const { return violations_.size() >= kViolationsMax; }
  [[nodiscard]] bool empty() const { return violations_.empty(); }
  [[nodiscard]] std::vector<Violation> take() { return std::move(violations_); }

 private:
  std::string_view root_;
  std::vector<std::variant<std::string_view, std::size_t>> path_;
  std::vector<Violation> violations_;
};

}  // namespace bitvault
