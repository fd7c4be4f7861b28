// Says why a reading does not meet a program.
#pragma once

#include "pattern/evaluation.h"
#include "pattern/pattern.h"
#include "pattern/program.h"
#include "pattern/reading.h"

namespace bitvault::pattern {

// `evaluation` has begun with the program and the reading.
[[nodiscard]] Explanation explain(const Program& program, const Reading& reading,
                                  Evaluation& evaluation);

}  // namespace bitvault::pattern
