// What a producer sends as a body: one event, a batch, or one event a line.

#include <algorithm>
#include <string>

#include "event/parse.h"
#include "fuzz.h"
#include "producer.h"

namespace bitvault::fuzz {
namespace {

// A refusal tells what is wrong, and where.
void check_refusal(const Error& error) {
  check(error.code == Code::kMalformed || error.code == Code::kInvalid ||
            error.code == Code::kTooLarge,
        "a body is malformed, invalid or too large");
  check(!error.detail.empty() && error.violations.size() <= 20, "a refusal says why, in bounds");
}

void check_drafts(const Result<Drafts>& drafts) {
  if (!drafts) {
    return check_refusal(drafts.error());
  }
  check(!drafts->empty() && drafts->size() <= kEventsPerRequestMax, "a request has some events");
  for (const EventDraft& draft : *drafts) {
    check_draft(draft);
  }
}

std::string encoded(const Result<Drafts>& drafts) {
  std::string bytes;
  for (const EventDraft& draft : drafts.value()) {
    const auto event = encode(draft, defaults(false));
    bytes += event ? event->bytes : event.error().detail;
    bytes += '\n';
  }
  return bytes;
}

// The same events in another framing are the same events.
void check_framings(std::string_view input, const Result<Drafts>& lines) {
  std::string batch = "[";
  std::string_view rest = input;
  while (!rest.empty()) {
    const std::string_view line = take_until(rest, "\n");
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
      const auto one = parse_event(line);
      check(one || !lines, "an event that is refused alone is refused among lines");
      batch += batch.size() > 1 ? "," : "";
      batch += line;
    }
  }
  const auto drafts = parse_batch(batch + "]");
  if (lines && drafts) {  // a batch may be too deep where its events are not
    check(encoded(lines) == encoded(drafts), "a batch says what the lines say");
  }
}

void run(std::string_view input) {
  const auto event = parse_event(input);
  const auto lines = parse_ndjson(input);
  check_drafts(event);
  check_drafts(lines);
  check_drafts(parse_batch(input));
  check_framings(input, lines);
}

const Registered kEvent({"event", run});

}  // namespace
}  // namespace bitvault::fuzz
