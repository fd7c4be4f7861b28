// What a Matcher keeps from one event to the next.
#pragma once

#include <cstdint>
#include <vector>

#include "pattern/evaluation.h"
#include "pattern/event_reader.h"
#include "pattern/pattern.h"

namespace bitvault {

struct Matcher::State {
  pattern::EventReader reader;
  pattern::Evaluation evaluation;
  // By a set's slot: the number of the last event for which it was asked. Never goes back, so that
  // another set may use them next.
  std::vector<std::uint64_t> asked;
  std::uint64_t events = 0;
};

}  // namespace bitvault
