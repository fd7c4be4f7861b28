#include "pattern/explain.h"
#include "pattern/matcher_state.h"
#include "pattern/pattern.h"

namespace bitvault {

Matcher::Matcher() : state_(std::make_unique<State>()) {}
Matcher::~Matcher() = default;
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;

Result<bool> Matcher::matches(const Pattern& pattern, std::string_view event) {
  const pattern::Program& program = *pattern.program_;
  if (const Status read = state_->reader.read(event, program.paths); !read) {
    return fail(read.error());
  }
  state_->evaluation.begin(program, program.nodes, program.paths, state_->reader.reading());
  return state_->evaluation.holds();
}

Result<Explanation> Matcher::explain(const Pattern& pattern, std::string_view event) {
  const pattern::Program& program = *pattern.program_;
  if (const Status read = state_->reader.read(event, program.paths); !read) {
    return fail(read.error());
  }
  if (const Status valid = state_->reader.check(event); !valid) {
    return fail(valid.error());
  }
  state_->evaluation.begin(program, program.nodes, program.paths, state_->reader.reading());
  return pattern::explain(program, state_->reader.reading(), state_->evaluation);
}

}  // namespace bitvault
