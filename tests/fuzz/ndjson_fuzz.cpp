// The command line cuts a stream of NDJSON into batches to publish.

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/ndjson.h"
#include "event/parse.h"
#include "fuzz.h"

namespace bitvault::fuzz {
namespace {

using State = cli::NdjsonBatcher::State;

struct Outcome {
  std::string body;
  std::vector<std::uint64_t> lines;
  std::uint64_t wrong_line = 0;  // 0: none
  std::string wrong;
  bool operator==(const Outcome&) const = default;
};

void take(cli::NdjsonBatcher& batcher, Outcome& outcome) {
  const cli::Batch batch = batcher.take();
  check(
      batch.line_numbers.size() <= cli::kBatchEventsMax && batch.body.size() <= cli::kBatchBytesMax,
      "a batch is bounded");
  const auto lines = static_cast<std::size_t>(std::ranges::count(batch.body, '\n'));
  check(lines == batch.line_numbers.size(), "a batch has a line for each event");
  outcome.body += batch.body;
  outcome.lines.insert(outcome.lines.end(), batch.line_numbers.begin(), batch.line_numbers.end());
}

Outcome read(const NextPiece& next) {
  std::uint64_t ids = 0;
  cli::NdjsonBatcher batcher([&] { return fmt::format("made-{}", ++ids); });
  Outcome outcome;
  State state = State::kHungry;
  while (state == State::kHungry || state == State::kFull) {
    if (state == State::kFull) {
      take(batcher, outcome);
    } else if (const std::string_view piece = next(); piece.empty()) {
      batcher.end();
    } else {
      batcher.push(piece);
    }
    state = batcher.fill();
  }
  take(batcher, outcome);
  if (state == State::kBroken) {
    outcome.wrong_line = batcher.error().line;
    outcome.wrong = batcher.error().message;
  }
  return outcome;
}

// Sent twice, a batch is the same events: the server makes no id of its own for any of them.
void check_ids(const Outcome& outcome) {
  std::string_view rest = outcome.body;
  while (!rest.empty()) {
    const auto drafts = parse_event(take_until(rest, "\n"));
    check(!drafts || drafts->front().id.has_value(), "each event of a batch has an id");
  }
}

void run(std::string_view input) {
  std::optional<Outcome> first;
  for_each_cutting(input, [&](const NextPiece& next) {
    Outcome outcome = read(next);
    check(!first || outcome == *first, "batches hold the same however their input is cut");
    first = std::move(outcome);
  });
  check(std::ranges::adjacent_find(first->lines, std::greater_equal{}) == first->lines.end(),
        "lines come in order");
  check_ids(*first);
}

const Registered kNdjson({"ndjson", run});

}  // namespace
}  // namespace bitvault::fuzz
