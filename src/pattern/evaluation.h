// Judges whether a reading meets a program.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pattern/program.h"
#include "pattern/reading.h"

namespace bitvault::pattern {

// Fields can be told apart by the bits of a word; PatternLimits::fields_together may be no more.
using FieldMask = std::uint64_t;

// Keeps its memory from one judgement to the next.
class Evaluation {
 public:
  // How an event meets the condition of one field.
  enum class Met : std::uint8_t { kUnknown, kNot, kOutsideArrays, kWithinArrays };

  // `nodes` tells where the reading has each field of the program, in `paths`. All of them outlive
  // the judgement.
  void begin(const Program& program, std::span<const PathNode> nodes, const PathTree& paths,
             const Reading& reading);

  // Whether one of the combinations is met.
  [[nodiscard]] bool holds();
  [[nodiscard]] bool holds(const Combination& combination);
  [[nodiscard]] Met met(FieldIndex field);

 private:
  [[nodiscard]] Met judge(FieldIndex field) const;
  [[nodiscard]] bool holds_together(const Combination& combination);
  void find_scopes(const Combination& combination);
  void mark_beneath(const Combination& combination, bool clear);

  const Program* program_ = nullptr;
  std::span<const PathNode> nodes_;
  const PathTree* paths_ = nullptr;
  const Reading* reading_ = nullptr;
  std::vector<Met> met_;  // by field
  // By field, when wanted: the scopes of the leaves that meet it.
  std::vector<std::vector<Scope>> met_scopes_;
  std::vector<bool> has_met_scopes_;
  std::vector<FieldMask> given_;    // by scope: what it and its outer scopes meet
  std::vector<FieldMask> gained_;   // by scope: what its arrays meet
  std::vector<FieldMask> beneath_;  // by node: the fields at or beneath it; 0 between judgements
};

}  // namespace bitvault::pattern
