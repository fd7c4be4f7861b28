#include "cli/tail_machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace bitvault::cli {
namespace {

// A tail that does not follow gives up after so many attempts in a row.
constexpr unsigned kAttemptsMax = 6;

std::string_view sentence(const std::string& reason) {
  if (reason == "expired") {
    return "retention has passed the cursor: events after it are no longer there";
  }
  if (reason == "epoch_changed") {
    return "the tenant's history was replaced by another one: the cursor belongs to the old one, "
           "whose unread events are lost";
  }
  if (reason == "ahead_of_journal") {
    return "the journal ends before the cursor, as after a restored backup: events that were read "
           "are no longer in it";
  }
  return "the cursor cannot be continued from";
}

}  // namespace

TailMachine::TailMachine(TailPlan plan) : plan_(std::move(plan)), cursor_(plan_.cursor) {}

TailStep TailMachine::next() const {
  if (exit_code_) {
    return {.kind = TailStep::Kind::kStop, .exit_code = *exit_code_};
  }
  if (pause_) {
    return {.kind = TailStep::Kind::kPause, .pause = *pause_};
  }
  if (cursor_.empty()) {
    return {.kind = TailStep::Kind::kLocate};
  }
  const std::uint64_t left =
      plan_.limit == 0 ? std::numeric_limits<std::uint64_t>::max() : plan_.limit - printed_;
  if (plan_.follow) {
    return {.kind = TailStep::Kind::kFollow, .events_max = left};
  }
  return {.kind = TailStep::Kind::kRead,
          .events_max = std::min<std::uint64_t>(left, kTailPageEvents)};
}

void TailMachine::succeeded() {
  if (backoff_.attempts() > 0) {
    notes_.emplace_back("connected again");
    backoff_.reset();
  }
}

void TailMachine::located(std::string cursor) {
  succeeded();
  cursor_ = std::move(cursor);
}

void TailMachine::page_printed(PrintedPage page) {
  succeeded();
  if (expired_ && page.first_sequence) {
    if (!plan_.filtered && last_sequence_ && *page.first_sequence > *last_sequence_ + 1) {
      notes_.push_back(fmt::format("lost: {} events, sequences {} to {}",
                                   *page.first_sequence - *last_sequence_ - 1, *last_sequence_ + 1,
                                   *page.first_sequence - 1));
    }
    expired_ = false;
  }
  if (page.last_sequence) {
    last_sequence_ = page.last_sequence;
  }
  cursor_ = std::move(page.next_cursor);
  printed_ += page.events;
  const bool enough = plan_.limit != 0 && printed_ >= plan_.limit;
  const bool at_head = !plan_.follow && !page.has_more;
  if (enough || at_head) {
    stop(0);
  }
}

void TailMachine::paused() { pause_.reset(); }

void TailMachine::reset(const CursorReset& reset) {
  const bool to_latest = plan_.on_reset == OnReset::kLatest;
  const std::string& target = to_latest ? reset.latest_cursor : reset.earliest_cursor;
  const bool no_way_on = target.empty() || target == cursor_;
  notes_.push_back(fmt::format("warning: {}", sentence(reset.reason)));
  if (plan_.on_reset == OnReset::kFail || no_way_on) {
    notes_.emplace_back(
        "error: stopped at the cursor's reset; --on-reset earliest or latest goes on");
    stop(1);
    return;
  }
  notes_.push_back(
      fmt::format("going on from the {} event", to_latest ? "next new" : "oldest retained"));
  cursor_ = target;
  expired_ = reset.reason == "expired" && !to_latest;
  if (!expired_) {
    last_sequence_.reset();
  }
}

void TailMachine::failed(bool lasting, std::optional<Duration> retry_after, const std::string& why,
                         Random& random) {
  if (lasting || (!plan_.follow && backoff_.attempts() + 1 >= kAttemptsMax)) {
    notes_.push_back(why);
    stop(1);
    return;
  }
  const bool first = backoff_.attempts() == 0;
  pause_ = backoff_.next(random, retry_after);
  if (first) {
    notes_.push_back(why);
    notes_.emplace_back("trying again until it answers");
  }
}

void TailMachine::stop(int exit_code) {
  if (!exit_code_) {
    exit_code_ = exit_code;
  }
}

std::vector<std::string> TailMachine::take_notes() { return std::exchange(notes_, {}); }

}  // namespace bitvault::cli
