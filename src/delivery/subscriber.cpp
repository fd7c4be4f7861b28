#include "delivery/subscriber.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace bitvault::delivery {
namespace {

TrackRecord for_filter(TrackRecord record, std::uint64_t filter_revision) {
  if (record.filter_revision != filter_revision) {
    record.matched = {};
  }
  return record;
}

const std::vector<DebtRecord>& debts_of(const Subscriber::Kept& kept, std::string_view track) {
  static const std::vector<DebtRecord> kNone;
  const auto found = kept.debts.find(track);
  return found == kept.debts.end() ? kNone : found->second;
}

}  // namespace

Subscriber::Subscriber(Subscription subscription, const Kept& kept, Now now, bool crashed,
                       const Track::Limits& limits)
    : subscription_(std::move(subscription)),
      limits_(limits),
      throttle_(subscription_.policy),
      live_(std::string(kLive), for_filter(kept.live, subscription_.filter_revision),
            debts_of(kept, kLive), subscription_.policy, now, crashed, limits),
      failing_since_(kept.live.failing_since),
      failures_(kept.live.failures),
      failing_told_(kept.live.failing_told),
      stored_(kept.live) {
  if (failing_since_) {
    const auto failing = std::chrono::duration_cast<Duration>(now.wall - *failing_since_);
    failing_for_since_ = now.monotonic - std::clamp(failing, Duration::zero(), kFailingTimeMax);
  }
  for (const auto& [id, record] : kept.replays) {
    add_replay(id, record, debts_of(kept, id), now, crashed);
  }
}

void Subscriber::change(Subscription subscription, Now now) {
  const bool other_filter = subscription.filter_revision != subscription_.filter_revision;
  const bool enabled_again = subscription.enabled && !subscription_.enabled;
  subscription_ = std::move(subscription);
  if (other_filter) {
    live_.forget_matched();
  }
  live_.reorder(subscription_.policy, now);
  for (auto& [id, replay] : replays_) {
    replay.track.reorder(subscription_.policy, now);
  }
  if (enabled_again) {
    throttle_.forgive(subscription_.policy);
    failing_since_.reset();
    failures_ = 0;
    failing_told_ = false;
    health_dirty_ = true;
  }
}

void Subscriber::add_replay(const std::string& id, const ReplayRecord& record,
                            const std::vector<DebtRecord>& debts, Now now, bool crashed) {
  replays_.emplace(id, Replay{.record = record,
                              .track = Track(id, record.track, debts, subscription_.policy, now,
                                             crashed, limits_)});
}

void Subscriber::offer(Track& track, Match match, Now now, Random& random) {
  if (const auto replay = replays_.find(track.name()); replay != replays_.end()) {
    ++replay->second.record.matched;
    replay->second.dirty = true;
  }
  track.offer(std::move(match), subscription_.policy, now, random);
}

void Subscriber::lose(Track& track, Sequence floor, Now now) {
  const Sequence from = track.scanned().next();
  if (floor <= from) {
    return;
  }
  const Sequence to{floor.value - 1};
  skips_.push_back({.from = from, .to = to, .reason = "retention", .at = now.wall});
  track.lose(to);
}

std::optional<Subscriber::Start> Subscriber::next(Now now, bool alone_free) {
  if (!subscription_.enabled) {
    return std::nullopt;
  }
  const Policy& policy = subscription_.policy;
  const Open open{.to_new = throttle_.opens(policy, Throttle::For::kNew) <= now.monotonic,
                  .to_retries = throttle_.opens(policy, Throttle::For::kRetry) <= now.monotonic};
  std::optional<Start> start = next_live(now, open, alone_free);
  if (!start && replaying() < replays_bear()) {
    start = next_of_replays(now, open, alone_free);
  }
  if (start) {
    throttle_.started(policy, now.monotonic);
  }
  return start;
}

std::optional<Subscriber::Start> Subscriber::next_live(Now now, Open open, bool alone_free) {
  new_first_ = !new_first_;
  std::optional<Track::Start> start;
  if (new_first_ && open.to_new) {
    start = live_.next_new(now);
  }
  if (!start && open.to_retries) {
    start = live_.next_retry(now, alone_free);
  }
  if (!start && !new_first_ && open.to_new) {
    start = live_.next_new(now);
  }
  return start ? std::optional(Start{std::string(kLive), std::move(*start)}) : std::nullopt;
}

std::optional<Subscriber::Start> Subscriber::next_of_replays(Now now, Open open, bool alone_free) {
  for (auto& [id, replay] : replays_) {
    std::optional<Track::Start> start;
    if (open.to_retries) {
      start = replay.track.next_retry(now, alone_free);
    }
    if (!start && open.to_new) {
      start = replay.track.next_new(now);
    }
    if (start) {
      return Start{id, std::move(*start)};
    }
  }
  return std::nullopt;
}

MonotonicTime Subscriber::due(bool alone_free) const {
  if (!subscription_.enabled) {
    return MonotonicTime::max();
  }
  const MonotonicTime new_opens = throttle_.opens(subscription_.policy, Throttle::For::kNew);
  const MonotonicTime retry_opens = throttle_.opens(subscription_.policy, Throttle::For::kRetry);
  const auto due_of = [&](const Track& track) {
    return std::min(std::max(track.new_due(), new_opens),
                    std::max(track.retry_due(alone_free), retry_opens));
  };
  MonotonicTime due = due_of(live_);
  if (replaying() < replays_bear()) {
    for (const auto& [id, replay] : replays_) {
      due = std::min(due, due_of(replay.track));
    }
  }
  return due;
}

Track::Finished Subscriber::finish(const Start& start, const Outcome& outcome,
                                   std::string_view event, Now now, Random& random) {
  Track& track = track_of(start.track);
  const Track::Finished finished =
      track.finish(start.what.sequence, outcome, event, subscription_.policy, now, random);
  if (start.what.bury) {
    throttle_.abandoned();
  } else if (outcome.verdict == Verdict::kDelivered || outcome.verdict == Verdict::kGiveUp) {
    throttle_.succeeded(subscription_.policy);
    note_success(now);
  } else {
    const auto pause = outcome.retry_after
                           ? std::optional(std::min(*outcome.retry_after, kRetryAfterMax))
                           : std::nullopt;
    throttle_.failed(now.monotonic, outcome.slow_down, pause, random);
    note_failure(outcome, now);
  }
  if (const auto replay = replays_.find(start.track); replay != replays_.end()) {
    replay->second.record.delivered += outcome.verdict == Verdict::kDelivered ? 1 : 0;
    replay->second.record.dead_lettered += finished.dead_lettered ? 1 : 0;
    replay->second.dirty = true;
    if (outcome.verdict == Verdict::kDelivered && replay->second.record.only_failed) {
      healed_.push_back(start.what.sequence);
    }
    if (replay->second.record.state == ReplayRecord::State::kCancelled) {
      track.forgive_debts();
    }
  }
  if (finished.dead_lettered && !event.empty()) {
    const EventHead head = read_head(event);
    notices_.push_back({.kind = Notice::Kind::kDeadLettered,
                        .subscription = subscription_.id,
                        .reason = outcome.reason,
                        .at = now.wall,
                        .sequence = start.what.sequence,
                        .event_id = std::string(head.id),
                        .event_type = std::string(head.type),
                        .attempts = finished.attempts});
  }
  if (outcome.verdict == Verdict::kDisable) {
    disable(outcome.reason, now);
  }
  return finished;
}

void Subscriber::abandon(const Start& start, Now now) {
  track_of(start.track).abandon(start.what.sequence, now);
  throttle_.abandoned();
}

void Subscriber::note_success(Now now) {
  if (!failing_since_) {
    return;
  }
  if (failing_told_) {
    notices_.push_back({.kind = Notice::Kind::kRecovered,
                        .subscription = subscription_.id,
                        .at = now.wall,
                        .since = *failing_since_});
  }
  failing_since_.reset();
  failures_ = 0;
  failing_told_ = false;
  health_dirty_ = true;
}

void Subscriber::note_failure(const Outcome& outcome, Now now) {
  ++failures_;
  if (!failing_since_) {
    failing_since_ = now.wall;
    failing_for_since_ = now.monotonic;
    health_dirty_ = true;
  }
  if (!failing_told_ && failures_ >= kFailuresToTell) {
    failing_told_ = true;
    health_dirty_ = true;
    notices_.push_back({.kind = Notice::Kind::kFailing,
                        .subscription = subscription_.id,
                        .reason = outcome.reason,
                        .at = now.wall,
                        .since = *failing_since_});
  }
  if (now.monotonic - failing_for_since_ >= kFailingTimeMax && failures_ >= kFailingAttemptsLeast) {
    disable("failing", now);
  }
}

void Subscriber::disable(std::string reason, Now now) {
  if (!std::exchange(subscription_.enabled, false)) {
    return;
  }
  notices_.push_back({.kind = Notice::Kind::kDisabled,
                      .subscription = subscription_.id,
                      .reason = std::move(reason),
                      .at = now.wall,
                      .since = failing_since_.value_or(now.wall)});
}

void Subscriber::skip(Sequence head, Now now) {
  const Sequence from = live_.position().next();
  live_.jump(head);
  if (from <= head) {
    skips_.push_back({.from = from, .to = head, .reason = "asked", .at = now.wall});
  }
}

bool Subscriber::cancel_replay(std::string_view id, Now now) {
  const auto found = replays_.find(id);
  if (found == replays_.end() || found->second.record.state != ReplayRecord::State::kRunning) {
    return false;
  }
  Replay& replay = found->second;
  replay.record.state = ReplayRecord::State::kCancelled;
  replay.record.ended = now.wall;
  replay.track.jump(std::max(replay.record.until, replay.track.scanned()));
  replay.track.forgive_debts();
  replay.dirty = true;
  return true;
}

void Subscriber::expire(Sequence floor, Now now) {
  live_.expire(floor, now);
  for (auto& [id, replay] : replays_) {
    replay.track.expire(floor, now);
  }
}

void Subscriber::end_replays(Now now) {
  for (auto& [id, replay] : replays_) {
    if (replay.record.state == ReplayRecord::State::kRunning && replay.track.idle() &&
        replay.track.scanned() >= replay.record.until) {
      replay.record.state = ReplayRecord::State::kDone;
      replay.record.ended = now.wall;
      replay.dirty = true;
    }
  }
}

bool Subscriber::dirty() const {
  return live_.dirty() || health_dirty_ || !notices_.empty() || !skips_.empty() ||
         !healed_.empty() || std::ranges::any_of(replays_, [](const auto& entry) {
           const Replay& replay = entry.second;
           return replay.dirty || replay.track.dirty() ||
                  (replay.track.idle() && replay.track.scanned() >= replay.record.until);
         });
}

bool Subscriber::moved() const {
  return live_.position() != stored_.position ||
         std::ranges::any_of(replays_, [](const auto& entry) {
           return entry.second.track.position() != entry.second.record.track.position;
         });
}

bool Subscriber::urgent() const {
  return !notices_.empty() || live_.urgent() ||
         std::ranges::any_of(replays_,
                             [](const auto& entry) { return entry.second.track.urgent(); });
}

std::vector<Notice> Subscriber::take_notices(std::size_t most) {
  const auto end = notices_.begin() + static_cast<std::ptrdiff_t>(std::min(most, notices_.size()));
  std::vector<Notice> taken(std::make_move_iterator(notices_.begin()),
                            std::make_move_iterator(end));
  notices_.erase(notices_.begin(), end);
  return taken;
}

void Subscriber::give_back(std::vector<Notice> notices) {
  notices_.insert(notices_.begin(), std::make_move_iterator(notices.begin()),
                  std::make_move_iterator(notices.end()));
}

TrackRecord Subscriber::live_record() const {
  TrackRecord record = live_.record();
  record.filter_revision = subscription_.filter_revision;
  record.failing_since = failing_since_;
  record.failures = failures_;
  record.failing_told = failing_told_;
  return record;
}

void Subscriber::collect(Transaction& transaction, Now now) {
  const std::string& id = subscription_.id;
  live_.collect(transaction, id, now);
  committing_ = std::make_unique<Committing>(
      Committing{.live = live_record(), .replays = {}, .healed = {}, .skips = {}});
  if (committing_->live != stored_) {
    transaction.put(kTracks, track_key(id, kLive), to_record(committing_->live));
  }
  health_dirty_ = false;
  end_replays(now);
  for (auto& [name, replay] : replays_) {
    replay.track.collect(transaction, id, now);
    TrackRecord record = replay.track.record();
    if (std::exchange(replay.dirty, false) || record != replay.record.track) {
      replay.record.track = std::move(record);
      transaction.put(kTracks, track_key(id, name), to_record(replay.record));
    }
    committing_->replays.push_back(name);
  }
  for (const Sequence sequence : healed_) {
    transaction.erase(kDeadLetters, sequence_key(id, sequence));
    transaction.release(sequence, dead_letter_holder(id));
  }
  committing_->healed = std::exchange(healed_, {});
  for (const SkipRecord& skip : skips_) {
    transaction.put(kSkips, skip_key(id, skip), to_record(skip));
  }
  committing_->skips = std::exchange(skips_, {});
}

void Subscriber::kept() {
  const auto committed = std::exchange(committing_, nullptr);
  live_.kept();
  stored_ = std::move(committed->live);
  for (const std::string& name : committed->replays) {
    Replay& replay = replays_.at(name);
    replay.track.kept();
    if (replay.record.state != ReplayRecord::State::kRunning && !replay.dirty &&
        replay.track.idle() && replay.track.in_flight() == 0 && !replay.track.dirty()) {
      replays_.erase(name);
    }
  }
}

void Subscriber::lost() {
  const auto uncommitted = std::exchange(committing_, nullptr);
  live_.lost();
  health_dirty_ = true;
  skips_.insert(skips_.begin(), uncommitted->skips.begin(), uncommitted->skips.end());
  healed_.insert(healed_.end(), uncommitted->healed.begin(), uncommitted->healed.end());
  for (const std::string& name : uncommitted->replays) {
    Replay& replay = replays_.at(name);
    replay.track.lost();
    replay.dirty = true;
  }
}

Track& Subscriber::track_of(std::string_view name) {
  if (name == kLive) {
    return live_;
  }
  const auto replay = replays_.find(name);
  check(replay != replays_.end(), "a replay lives while its attempts do");
  return replay->second.track;
}

unsigned Subscriber::replaying() const {
  std::size_t in_flight = 0;
  for (const auto& [id, replay] : replays_) {
    in_flight += replay.track.in_flight();
  }
  return static_cast<unsigned>(in_flight);
}

unsigned Subscriber::replays_bear() const {
  return std::max(throttle_.bears(subscription_.policy) / 2, 1u);
}

}  // namespace bitvault::delivery
