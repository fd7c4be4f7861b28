#include "delivery/track.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "event/event.h"

namespace bitvault::delivery {
namespace {

// A line has each sequence once.
template <class Line>
void take_out(Line& line, Sequence sequence) {
  if (const auto found = std::ranges::find(line, sequence); found != line.end()) {
    line.erase(found);
  }
}

constexpr std::string_view kExhausted = "exhausted";
constexpr std::string_view kPoison = "poison";

// +-20 %.
Duration jittered(Duration delay, Random& random) {
  const auto span = static_cast<std::uint64_t>(delay.count() * 2 / 5);
  return delay - delay / 5 + Duration(random.below(span + 1));
}

// What lies between now and a wall time that was meant to be at most `most` away.
Duration until(WallTime due, Now now, Duration most) {
  return std::clamp(std::chrono::duration_cast<Duration>(due - now.wall), Duration::zero(), most);
}

// How long a debt can wait for its next attempt at most.
Duration longest_wait(const DebtRecord& debt, const Policy& policy) {
  const std::size_t next = std::min<std::size_t>(debt.attempts, policy.schedule.size() - 1);
  const Duration delay = policy.schedule[next];
  return std::max(delay + delay / 5, kRetryAfterMax);
}

}  // namespace

Track::Track(std::string name, const TrackRecord& record, const std::vector<DebtRecord>& debts,
             const Policy& policy, Now now, bool crashed, Limits limits)
    : name_(std::move(name)),
      limits_(limits),
      ordered_(policy.ordering == Ordering::kPartitionKey),
      scanned_(record.position),
      matched_(record.matched),
      settled_(record.done.begin(), record.done.end()),
      suspects_(crashed ? limits.window : 0) {
  load(debts, policy, now, crashed);
}

void Track::load(const std::vector<DebtRecord>& debts, const Policy& policy, Now now,
                 bool crashed) {
  for (const DebtRecord& record : debts) {
    Debt& debt = debts_[record.sequence];
    debt.record = record;
    debt.held = true;
    if (record.mark != DebtRecord::Mark::kNone) {
      debt.record.strikes += record.mark == DebtRecord::Mark::kAlone ? 1 : 0;
      debt.record.accused = true;
      debt.record.mark = DebtRecord::Mark::kNone;
      dirty_.insert(record.sequence);
    }
    debt.suspect = crashed;
    debt.due = now.monotonic + until(record.due, now, longest_wait(record, policy));
    Line* const line = ordered_ && record.key != 0 ? &lines_[record.key] : nullptr;
    if (line != nullptr) {
      line->push_back(record.sequence);
    }
    if (line != nullptr && line->size() > 1) {
      debt.state = Debt::State::kBehind;
    } else {
      due_of(debt).emplace(debt.due, record.sequence);
    }
  }
}

bool Track::has_room() const {
  return items_.size() < limits_.window && unkept_ < limits_.window &&
         item_bytes_ < limits_.window_bytes && debts_.size() < limits_.debts;
}

bool Track::is_roomy() const {
  return items_.size() <= limits_.window / 2 && unkept_ <= limits_.window / 2 &&
         item_bytes_ <= limits_.window_bytes / 2 && debts_.size() < limits_.debts;
}

void Track::offer(Match match, const Policy& policy, Now now, Random& random) {
  check(match.sequence > scanned_, "events are offered in their order");
  const Sequence previous = std::exchange(matched_, match.sequence);
  scanned_ = match.sequence;
  if (settled_.erase(match.sequence) > 0 || debts_.contains(match.sequence)) {
    return;
  }
  const Duration delay = jittered(policy.schedule.front(), random);
  const Duration wait = until(match.recorded + delay, now, delay);
  ++unkept_;
  item_bytes_ += match.event.size();
  Item& item = items_.emplace_back(Item{.sequence = match.sequence,
                                        .previous = previous,
                                        .key = match.key,
                                        .event = std::move(match.event),
                                        .not_before = now.monotonic + wait,
                                        .matched_at = now.wall});
  bool first = true;
  bool behind_debt = false;
  if (ordered_) {
    Line& line = lines_[item.key];
    first = line.empty();
    behind_debt = !first && debts_.contains(line.front());
    line.push_back(item.sequence);
  }
  const bool suspect = suspects_ > 0;
  suspects_ -= suspect ? 1 : 0;
  if (suspect || behind_debt) {
    const MonotonicTime due = item.not_before;
    Debt& debt = become_debt(item, now);
    debt.suspect = suspect;
    if (first) {
      schedule(debt, due, now);
    } else {
      debt.state = Debt::State::kBehind;
    }
  } else if (first) {
    ready_.push_back(item.sequence);
  }
}

void Track::pass(Sequence end) { scanned_ = std::max(scanned_, end); }

void Track::jump(Sequence end) {
  std::erase_if(settled_, [&](Sequence sequence) { return sequence <= end; });
  std::vector<std::pair<std::uint64_t, Sequence>> dropped;
  for (Item& item : items_) {
    if (item.state == Item::State::kWaiting) {
      item.state = Item::State::kSettled;
      item_bytes_ -= item.event.size();
      item.event = {};
      dropped.emplace_back(item.key, item.sequence);
    }
  }
  ready_.clear();
  for (const auto& [key, sequence] : dropped) {
    if (const auto line = lines_.find(key); ordered_ && line != lines_.end()) {
      take_out(line->second, sequence);
      if (line->second.empty()) {
        lines_.erase(line);
      }
    }
  }
  settle_front();
  pass(end);
  matched_ = {};
}

std::optional<Track::Start> Track::next_new(Now now) {
  while (!ready_.empty()) {
    Item* const item = find_item(ready_.front());
    if (item == nullptr || item->state != Item::State::kWaiting) {
      ready_.pop_front();
      continue;
    }
    if (item->not_before > now.monotonic) {
      return std::nullopt;
    }
    ready_.pop_front();
    item->state = Item::State::kInFlight;
    ++in_flight_;
    return Start{.sequence = item->sequence, .previous = item->previous, .event = item->event};
  }
  return std::nullopt;
}

MonotonicTime Track::new_due() const {
  for (const Sequence sequence : ready_) {
    const auto item = std::ranges::lower_bound(items_, sequence, {}, &Item::sequence);
    if (item != items_.end() && item->sequence == sequence &&
        item->state == Item::State::kWaiting) {
      return item->not_before;
    }
  }
  return MonotonicTime::max();
}

std::optional<Track::Start> Track::next_retry(Now now, bool alone_free) {
  const auto is_due = [&](const auto& due) {
    return !due.empty() && due.begin()->first <= now.monotonic;
  };
  auto* const from = alone_free && is_due(accused_due_) ? &accused_due_
                     : is_due(due_)                     ? &due_
                                                        : nullptr;
  if (from == nullptr) {
    return std::nullopt;
  }
  const Sequence sequence = from->begin()->second;
  from->erase(from->begin());
  Debt& debt = debts_.at(sequence);
  debt.state = Debt::State::kInFlight;
  ++in_flight_;
  Start start{.sequence = sequence,
              .previous = debt.record.previous,
              .attempt = debt.record.attempts + 1,
              .mark_first = debt.suspect || debt.record.accused,
              .alone = debt.record.accused,
              .bury = debt.record.strikes >= kStrikesMax};
  if (start.mark_first && !start.bury) {
    debt.record.mark = start.alone ? DebtRecord::Mark::kAlone : DebtRecord::Mark::kAmongOthers;
    dirty_.insert(sequence);
  }
  return start;
}

MonotonicTime Track::retry_due(bool alone_free) const {
  MonotonicTime due = due_.empty() ? MonotonicTime::max() : due_.begin()->first;
  if (alone_free && !accused_due_.empty()) {
    due = std::min(due, accused_due_.begin()->first);
  }
  return due;
}

Track::Finished Track::finish(Sequence sequence, const Outcome& outcome, std::string_view event,
                              const Policy& policy, Now now, Random& random) {
  Finished finished;
  check(in_flight_ > 0, "what is finished was started");
  --in_flight_;
  auto debt = debts_.find(sequence);
  if (debt == debts_.end()) {
    Item* const item = find_item(sequence);
    check(item != nullptr && item->state == Item::State::kInFlight, "what is finished was started");
    if (outcome.verdict == Verdict::kDelivered) {
      const std::uint64_t key = item->key;
      settle(*item);
      leave_line(key, sequence, now);
      finished.attempts = 1;
      return finished;
    }
    become_debt(*item, now);
    debt = debts_.find(sequence);
  }
  Debt& owed = debt->second;
  owed.record.mark = DebtRecord::Mark::kNone;
  owed.record.accused = false;
  owed.suspect = false;
  if (outcome.verdict == Verdict::kDelivered) {
    finished.attempts = owed.record.attempts + 1;
    drop_debt(sequence, now);
  } else {
    fail_debt(owed, outcome, event, policy, now, random, finished);
  }
  return finished;
}

void Track::fail_debt(Debt& debt, const Outcome& outcome, std::string_view event,
                      const Policy& policy, Now now, Random& random, Finished& finished) {
  const bool poison = debt.record.strikes >= kStrikesMax;
  const Sequence sequence = debt.record.sequence;
  const auto asked_for = std::exchange(debt.resume, std::nullopt);
  debt.record.attempts += poison || (asked_for && outcome.verdict != Verdict::kGiveUp) ? 0 : 1;
  debt.record.reason = outcome.reason;
  debt.record.strikes = 0;
  finished.attempts = debt.record.attempts;
  if (poison || outcome.verdict == Verdict::kGiveUp ||
      debt.record.attempts >= policy.schedule.size()) {
    Outcome last = outcome;
    last.reason = poison                                ? std::string(kPoison)
                  : outcome.verdict == Verdict::kGiveUp ? outcome.reason
                                                        : std::string(kExhausted);
    bury(debt, last, event, now);
    finished.dead_lettered = true;
    drop_debt(sequence, now);
    return;
  }
  MonotonicTime due = asked_for.value_or(MonotonicTime::min());
  if (!asked_for) {
    due = now.monotonic + jittered(policy.schedule[debt.record.attempts], random);
  }
  if (outcome.retry_after) {
    due = std::max(due, now.monotonic + std::min(*outcome.retry_after, kRetryAfterMax));
  }
  schedule(debt, std::max(due, now.monotonic), now);
  finished.next = debt.record.due;
  owe_line(debt.record.key, now);
}

void Track::bury(const Debt& debt, const Outcome& outcome, std::string_view event, Now now) {
  DeadLetter letter{.sequence = debt.record.sequence,
                    .previous = debt.record.previous,
                    .event_id = {},
                    .event_type = {},
                    .reason = outcome.reason,
                    .attempts = debt.record.attempts,
                    .first = debt.record.first,
                    .at = now.wall,
                    .status = outcome.status,
                    .failure = debt.record.reason,
                    .detail = outcome.detail,
                    .answer = outcome.answer,
                    .bytes = event.size()};
  if (!event.empty()) {
    const EventHead head = read_head(event);
    letter.event_id = head.id;
    letter.event_type = head.type;
  }
  dead_.push_back(std::move(letter));
}

void Track::abandon(Sequence sequence, Now now) {
  check(in_flight_ > 0, "what is abandoned was started");
  --in_flight_;
  if (const auto debt = debts_.find(sequence); debt != debts_.end()) {
    debt->second.record.mark = DebtRecord::Mark::kNone;
    schedule(debt->second, now.monotonic, now);
    return;
  }
  Item* const item = find_item(sequence);
  check(item != nullptr && item->state == Item::State::kInFlight, "what is abandoned was started");
  item->state = Item::State::kWaiting;
  ready_.push_front(sequence);
}

bool Track::redeliver(Sequence sequence, Now now) {
  if (const auto found = debts_.find(sequence); found != debts_.end()) {
    Debt& debt = found->second;
    if (debt.state == Debt::State::kScheduled) {
      debt.resume = debt.resume.value_or(debt.due);
      const WallTime due = debt.record.due;
      schedule(debt, now.monotonic, now);
      debt.record.due = due;  // what is asked for is not what the schedule says
    }
    return true;
  }
  const Item* const item = find_item(sequence);
  return item != nullptr && item->state != Item::State::kSettled;
}

void Track::owe(Sequence sequence, Sequence previous, Now now) {
  Debt& debt = debts_[sequence];
  debt.record = {.sequence = sequence, .previous = previous, .due = now.wall, .first = now.wall};
  schedule(debt, now.monotonic, now);
}

void Track::forgive_debts() {
  for (auto debt = debts_.begin(); debt != debts_.end();) {
    if (debt->second.state == Debt::State::kInFlight) {
      ++debt;
      continue;
    }
    unschedule(debt->second);
    if (const auto line = lines_.find(debt->second.record.key); line != lines_.end()) {
      take_out(line->second, debt->first);
      if (line->second.empty()) {
        lines_.erase(line);
      }
    }
    dirty_.insert(debt->first);
    debt = debts_.erase(debt);
  }
}

void Track::expire(Sequence floor, Now now) {
  std::vector<Sequence> gone;
  for (const auto& [sequence, debt] : debts_) {
    if (sequence < floor && !debt.held && debt.state != Debt::State::kInFlight) {
      gone.push_back(sequence);
    }
  }
  for (const Sequence sequence : gone) {
    const Debt& debt = debts_.at(sequence);
    unschedule(debt);
    bury(debt, {.reason = std::string(kExpiredReason)}, {}, now);
    drop_debt(sequence, now);
  }
  for (DeadLetter& letter : dead_) {
    if (letter.sequence < floor) {
      letter.reason = kExpiredReason;
    }
  }
}

void Track::reorder(const Policy& policy, Now now) {
  const bool ordered = policy.ordering == Ordering::kPartitionKey;
  if (std::exchange(ordered_, ordered) == ordered) {
    return;
  }
  lines_.clear();
  ready_.clear();
  std::map<Sequence, std::uint64_t> unsettled;
  for (const Item& item : items_) {
    if (item.state != Item::State::kSettled) {
      unsettled.emplace(item.sequence, item.key);
    }
  }
  for (const auto& [sequence, debt] : debts_) {
    unsettled.emplace(sequence, debt.record.key);
  }
  for (const auto& [sequence, key] : unsettled) {
    bool first = true;
    if (ordered_ && key != 0) {
      Line& line = lines_[key];
      first = line.empty();
      line.push_back(sequence);
    }
    const auto debt = debts_.find(sequence);
    if (debt == debts_.end()) {
      if (first) {
        ready_.push_back(sequence);
      }
    } else if (first && debt->second.state == Debt::State::kBehind) {
      schedule(debt->second, now.monotonic, now);
    } else if (!first && debt->second.state == Debt::State::kScheduled) {
      unschedule(debt->second);
      debt->second.state = Debt::State::kBehind;
    }
  }
  std::vector<std::uint64_t> owed;
  for (const auto& [key, line] : lines_) {
    if (debts_.contains(line.front())) {
      owed.push_back(key);
    }
  }
  for (const std::uint64_t key : owed) {
    owe_line(key, now);
  }
}

std::optional<DebtRecord> Track::debt(Sequence sequence) const {
  const auto debt = debts_.find(sequence);
  return debt == debts_.end() ? std::nullopt : std::optional(debt->second.record);
}

Track::Item* Track::find_item(Sequence sequence) {
  const auto item = std::ranges::lower_bound(items_, sequence, {}, &Item::sequence);
  return item != items_.end() && item->sequence == sequence ? &*item : nullptr;
}

Track::Debt& Track::become_debt(Item& item, Now now) {
  const Sequence sequence = item.sequence;
  Debt& debt = debts_[sequence];
  debt.record = {.sequence = sequence,
                 .previous = item.previous,
                 .key = ordered_ ? item.key : 0,
                 .due = now.wall,
                 .first = item.matched_at};
  debt.state = item.state == Item::State::kInFlight ? Debt::State::kInFlight : Debt::State::kBehind;
  dirty_.insert(sequence);
  settle(item);
  return debt;
}

void Track::settle(Item& item) {
  item.state = Item::State::kSettled;
  item_bytes_ -= item.event.size();
  item.event = {};
  settled_some_ = true;
  settle_front();
}

void Track::settle_front() {
  while (!items_.empty() && items_.front().state == Item::State::kSettled) {
    items_.pop_front();
  }
}

void Track::leave_line(std::uint64_t key, Sequence sequence, Now now) {
  const auto found = ordered_ ? lines_.find(key) : lines_.end();
  if (found == lines_.end()) {
    return;
  }
  Line& line = found->second;
  const bool was_first = line.front() == sequence;
  take_out(line, sequence);
  if (line.empty()) {
    lines_.erase(found);
    return;
  }
  if (!was_first) {
    return;
  }
  if (const auto debt = debts_.find(line.front()); debt == debts_.end()) {
    ready_.push_back(line.front());
  } else if (debt->second.state == Debt::State::kBehind) {
    schedule(debt->second, now.monotonic, now);
  }
}

void Track::owe_line(std::uint64_t key, Now now) {
  const auto line = ordered_ ? lines_.find(key) : lines_.end();
  if (line == lines_.end()) {
    return;
  }
  for (const Sequence sequence : line->second) {
    if (Item* const item = find_item(sequence);
        item != nullptr && item->state == Item::State::kWaiting) {
      become_debt(*item, now);
    }
  }
}

void Track::schedule(Debt& debt, MonotonicTime due, Now now) {
  unschedule(debt);
  debt.state = Debt::State::kScheduled;
  debt.due = due;
  debt.record.due = now.wall + (due - now.monotonic);
  due_of(debt).emplace(due, debt.record.sequence);
  dirty_.insert(debt.record.sequence);
}

void Track::unschedule(const Debt& debt) {
  due_.erase({debt.due, debt.record.sequence});
  accused_due_.erase({debt.due, debt.record.sequence});
}

std::set<std::pair<MonotonicTime, Sequence>>& Track::due_of(const Debt& debt) {
  return debt.record.accused ? accused_due_ : due_;
}

void Track::drop_debt(Sequence sequence, Now now) {
  const std::uint64_t key = debts_.at(sequence).record.key;
  debts_.erase(sequence);
  dirty_.insert(sequence);
  leave_line(key, sequence, now);
}

}  // namespace bitvault::delivery
