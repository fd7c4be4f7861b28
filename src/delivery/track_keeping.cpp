// Track: what of it is in the store, and the commits by which it gets there.
#include <utility>

#include "base/check.h"
#include "delivery/track.h"

namespace bitvault::delivery {

Sequence Track::position() const {
  return items_.empty() ? scanned_ : Sequence{items_.front().sequence.value - 1};
}

TrackRecord Track::record() const {
  TrackRecord record{.position = position(),
                     .matched = items_.empty() ? matched_ : items_.front().previous};
  for (const Item& item : items_) {
    if (item.state == Item::State::kSettled) {
      record.done.push_back(item.sequence);
    }
  }
  record.done.insert(record.done.end(), settled_.upper_bound(scanned_), settled_.end());
  return record;
}

bool Track::dirty() const {
  return !dirty_.empty() || !dead_.empty() || unkept_ > 0 || settled_some_;
}

bool Track::urgent() const {
  const std::size_t committing = committing_ ? committing_->unkept : 0;
  return unkept_ - committing >= limits_.window / 2 ||
         (item_bytes_ >= limits_.window_bytes && !items_.empty() &&
          items_.front().state == Item::State::kInFlight);
}

void Track::collect(Transaction& transaction, std::string_view subscription, Now now) {
  check(!committing_, "one commit at a time");
  owe_slow_ones(now);
  const std::string holder = debt_holder(subscription, name_);
  for (const Sequence sequence : dirty_) {
    const std::string key = debt_key(subscription, name_, sequence);
    if (const auto debt = debts_.find(sequence); debt != debts_.end()) {
      transaction.put(kDebts, key, to_record(debt->second.record));
      if (!debt->second.held) {
        transaction.hold(sequence, holder);
      }
    } else {
      transaction.erase(kDebts, key);
      transaction.release(sequence, holder);
    }
  }
  for (const DeadLetter& letter : dead_) {
    transaction.put(kDeadLetters, sequence_key(subscription, letter.sequence), to_record(letter));
    if (!letter.event_id.empty() && letter.reason != kExpiredReason) {
      transaction.hold(letter.sequence, dead_letter_holder(subscription));
    }
  }
  committing_ =
      std::make_unique<Committing>(std::exchange(dirty_, {}), std::exchange(dead_, {}), unkept_);
  settled_some_ = false;
}

void Track::kept() {
  const auto committed = std::exchange(committing_, nullptr);
  check(committed != nullptr, "collect() came before");
  for (const Sequence sequence : committed->debts) {
    if (const auto debt = debts_.find(sequence); debt != debts_.end()) {
      debt->second.held = true;
    }
  }
  unkept_ -= committed->unkept;
}

void Track::lost() {
  const auto uncommitted = std::exchange(committing_, nullptr);
  check(uncommitted != nullptr, "collect() came before");
  dirty_.merge(uncommitted->debts);
  dead_.insert(dead_.begin(), uncommitted->dead.begin(), uncommitted->dead.end());
  settled_some_ = true;
}

void Track::owe_slow_ones(Now now) {
  const auto crowded = [&] {
    return items_.size() > limits_.window / 2 || item_bytes_ > limits_.window_bytes / 2;
  };
  while (!items_.empty() && items_.front().state == Item::State::kInFlight && crowded()) {
    const std::uint64_t key = items_.front().key;
    become_debt(items_.front(), now);
    owe_line(key, now);
  }
}

std::optional<WallTime> Track::oldest() const {
  std::optional<WallTime> oldest;
  if (!items_.empty()) {
    const Item& first = items_.front();
    oldest = parse_time(read_head(first.event).recordedtime).value_or(first.matched_at);
  }
  if (!debts_.empty()) {
    oldest = std::min(oldest.value_or(WallTime::max()), debts_.begin()->second.record.first);
  }
  return oldest;
}

}  // namespace bitvault::delivery
