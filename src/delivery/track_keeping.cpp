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
  return unkept_ - unkept_committing_ >= limits_.window / 2 ||
         (item_bytes_ >= limits_.window_bytes && !items_.empty() &&
          items_.front().state == Item::State::kInFlight);
}

void Track::collect(Transaction& transaction, std::string_view subscription, Now now) {
  check(committing_.empty() && dead_committing_.empty(), "one commit at a time");
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
  committing_ = std::exchange(dirty_, {});
  dead_committing_ = std::exchange(dead_, {});
  unkept_committing_ = unkept_;
  settled_some_ = false;
}

void Track::kept() {
  for (const Sequence sequence : committing_) {
    if (const auto debt = debts_.find(sequence); debt != debts_.end()) {
      debt->second.held = true;
    }
  }
  committing_.clear();
  dead_committing_.clear();
  unkept_ -= std::exchange(unkept_committing_, 0);
}

void Track::lost() {
  dirty_.merge(committing_);
  committing_.clear();
  dead_.insert(dead_.begin(), dead_committing_.begin(), dead_committing_.end());
  dead_committing_.clear();
  unkept_committing_ = 0;
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
