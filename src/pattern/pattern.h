// A Pattern says which events are wanted, in the pattern language of Amazon EventBridge
// (docs/patterns.md): {"type": [{"prefix": "bitvault.node."}], "data": {"size": [{"numeric": [">",
// 0]}]}}.
//
// compile() does all work that can fail or that grows faster than its input, within PatternLimits;
// what it refuses it names by path, with the reason and how to mend it. After that a match takes
// time linear in the event, times the tests that a value can meet and the combinations of "$or":
// there is no backtracking. Strings compare unescaped and byte by byte, without Unicode
// normalization. Numbers compare by value: integers of 64 bits exactly, all others as IEEE 754
// binary64.
//
// Pure: no I/O, no clock. A Pattern is an immutable value, cheap to copy, safe in any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace bitvault {

class PatternSet;

namespace pattern {
struct Program;
}

inline constexpr std::size_t kPatternEventBytesMax = 65'535;

// What one pattern may ask for. More is refused as kInvalid (kTooLarge: bytes), early.
struct PatternLimits {
  std::size_t bytes = 16 * 1024;
  std::size_t depth = 32;                      // nested objects, "$or" alternatives included
  std::size_t fields = 256;                    // arrays of wanted values
  std::size_t fields_together = 64;            // that one event must meet at once
  std::size_t values = 1'000;                  // in all arrays and operands
  std::size_t value_bytes = 4'096;             // of one string
  std::size_t tests = 256;                     // values that are not literals: wildcard, prefix ...
  std::size_t stars = 16;                      // in one wildcard
  std::size_t combinations = 1'000;            // product of all "$or"
  std::size_t fields_of_combinations = 8'000;  // summed over the combinations
};

// What every event that a pattern matches has, of its members `type` and `partitionkey`: of each
// kind one of those named, or anything when none is. Texts are unescaped.
struct NecessaryValues {
  std::vector<std::string> types = {};          // one of these or
  std::vector<std::string> type_prefixes = {};  // a type that begins like one of these
  std::vector<std::string> partitionkeys = {};
};

class Pattern {
 public:
  // Errors: kInvalid or kTooLarge; the detail begins with the path: "data.size: ...".
  [[nodiscard]] static Result<Pattern> compile(std::string_view json,
                                               const PatternLimits& limits = {});

  [[nodiscard]] NecessaryValues necessary() const;

 private:
  friend class Matcher;
  friend class PatternSet;

  explicit Pattern(std::shared_ptr<const pattern::Program> program)
      : program_(std::move(program)) {}

  std::shared_ptr<const pattern::Program> program_;
};

// Why an event is matched or not. Texts are JSON of the pattern and the event, shortened.
struct Explanation {
  struct Unmet {
    std::string path;    // data.node.size
    std::string wanted;  // [{"numeric":[">",100]}]
    std::string had;     // 48, or "nothing"
    std::string why;     // a sentence
  };
  bool matched = false;
  std::vector<Unmet> unmet = {};                      // wanted in any case
  std::vector<std::vector<Unmet>> alternatives = {};  // of "$or": one of them must become empty
  std::size_t alternatives_left_out = 0;
};

// {"matched":false,"unmet":[{"path","wanted","had","why"}],"alternatives":[[...]],
// "alternatives_left_out":0}
[[nodiscard]] std::string to_json(const Explanation& explanation);

// Reads events and asks patterns. It owns the buffers of the parser and what was read of an event:
// keep one per thread; it allocates only until it has met its largest event. Not thread-safe.
class Matcher {
 public:
  Matcher();
  ~Matcher();
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;

  // `event` is a JSON object of at most kPatternEventBytesMax bytes. Errors: kMalformed, kTooLarge.
  // What the pattern does not name is stepped over: invalid JSON there may go unnoticed.
  [[nodiscard]] Result<bool> matches(const Pattern& pattern, std::string_view event);
  // Slower, for a person who wonders; checks the whole event.
  [[nodiscard]] Result<Explanation> explain(const Pattern& pattern, std::string_view event);

 private:
  friend class PatternSet;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bitvault
