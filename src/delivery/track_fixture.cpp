#include "delivery/track_fixture.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "event/event.h"

namespace bitvault::delivery {
namespace {

std::string event_bytes(std::uint64_t sequence, const std::string& key) {
  return fmt::format(
      R"({{"specversion":"1.0","id":"event-{}","source":"/tenants/t","type":)"
      R"("bitvault.node.created.v1","subject":"s","time":"2026-01-01T00:00:00.000000Z",)"
      R"("recordedtime":"2026-01-01T00:00:00.000000Z","datacontenttype":"application/json",)"
      R"("dataschema":"x","tenant":"t","epoch":"aaaaaaaaaaaa","sequence":"{}",)"
      R"("partitionkey":"{}","salt":"AAAAAAAAAAAAAAAAAAAAAA","data":{{}}}})",
      sequence, sequence_text({sequence}), key);
}

}  // namespace

TrackFixture::TrackFixture(std::uint64_t seed) : random_(seed) { restart(false); }

Match TrackFixture::match_of(std::uint64_t sequence) const {
  const std::string& key = keys_.at(sequence - 1);
  return {.sequence = {sequence},
          .key = std::hash<std::string>{}(key) | 1,
          .recorded = now_.wall,
          .event = SharedBytes(event_bytes(sequence, key))};
}

void TrackFixture::offer_next(const std::string& key) {
  keys_.push_back(key);
  track_->offer(match_of(keys_.size()), policy_, now_, random_);
}

void TrackFixture::offer_upto(std::uint64_t sequence) {
  for (std::uint64_t next = track_->scanned().value + 1; next <= sequence; ++next) {
    track_->offer(match_of(next), policy_, now_, random_);
  }
}

std::optional<std::uint64_t> TrackFixture::started(const std::optional<Track::Start>& start) {
  if (!start) {
    return std::nullopt;
  }
  last_ = *start;
  const auto [known, fresh] = previous_.emplace(start->sequence.value, start->previous);
  EXPECT_EQ(known->second, start->previous) << "the same on every attempt";
  return start->sequence.value;
}

std::optional<std::uint64_t> TrackFixture::start_new() { return started(track_->next_new(now_)); }

std::optional<std::uint64_t> TrackFixture::start_retry() {
  return started(track_->next_retry(now_, true));
}

Track::Finished TrackFixture::finish(std::uint64_t sequence, const Outcome& outcome) {
  return track_->finish({sequence}, outcome, event_bytes(sequence, keys_.at(sequence - 1)), policy_,
                        now_, random_);
}

void TrackFixture::commit(bool succeeds) {
  Transaction transaction(TenantName::parse("t").value());
  track_->collect(transaction, "whk_1", now_);
  transaction.put(kTracks, "whk_1/live", to_record(track_->record()));
  if (!succeeds) {
    track_->lost();
    return;
  }
  track_->kept();
  for (const Transaction::Write& write : transaction.writes()) {
    if (write.collection.str() == kTracks.str()) {
      stored_ = from_record<TrackRecord>(*write.value).value();
      continue;
    }
    const Sequence sequence{std::stoull(std::string(last_part_of(write.key)))};
    if (write.collection.str() == kDeadLetters.str()) {
      dead_[sequence] = from_record<DeadLetter>(*write.value).value();
    } else if (write.value) {
      debts_[sequence] = from_record<DebtRecord>(*write.value).value();
    } else {
      debts_.erase(sequence);
    }
  }
  for (const Transaction::Hold& hold : transaction.holds()) {
    if (hold.taken) {
      held_.emplace(hold.sequence, hold.holder);
    } else {
      held_.erase({hold.sequence, hold.holder});
    }
  }
}

void TrackFixture::restart(bool crashed) {
  std::vector<DebtRecord> debts;
  debts.reserve(debts_.size());
  for (const auto& [sequence, debt] : debts_) {
    debts.push_back(debt);
  }
  track_.emplace(std::string(kLive), stored_, debts, policy_, now_, crashed,
                 Track::Limits{.window = kWindow, .debts = kDebts});
}

}  // namespace bitvault::delivery
