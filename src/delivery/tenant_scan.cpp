// TenantDeliveries: reading the journal, once for all who have come equally far.
#include <algorithm>
#include <utility>

#include "delivery/tenant_deliveries.h"
#include "event/event.h"

namespace bitvault::delivery {
namespace {

constexpr std::size_t kSliceEvents = 500;
constexpr std::size_t kSliceBytes = 1024 * 1024;
// A reader who is further behind than this asks the summaries what it can leave out.
constexpr std::uint64_t kSkipDistance = 4 * kBlockEvents;
constexpr std::size_t kDeadLettersPerSlice = 100;
constexpr Sequence kNoEnd{UINT64_MAX};

// FNV-1a, never 0: the same in every process, for it lies in the store.
std::uint64_t key_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  return hash == 0 ? 1 : hash;
}

}  // namespace

// Whether a track has something to read, and the room for it.
bool TenantDeliveries::is_reading(const Track& track, Sequence until) const {
  const bool behind = track.scanned() < until && (head_moved_ || track.scanned() < head_);
  return behind && track.is_roomy();
}

std::vector<TenantDeliveries::Reader> TenantDeliveries::readers() const {
  std::vector<Reader> readers;
  for (const auto& [id, place] : places_) {
    Subscriber& subscriber = place->subscriber;
    if (place->gone || !subscriber.subscription().enabled) {
      continue;
    }
    if (is_reading(subscriber.live(), kNoEnd)) {
      readers.push_back({place.get(), &subscriber.live(), kNoEnd});
    }
    for (auto& [name, replay] : subscriber.replays()) {
      if (is_reading(replay)) {
        readers.push_back({place.get(), &replay.track, replay.record.until});
      }
    }
  }
  return readers;
}

bool TenantDeliveries::is_reading(const Subscriber::Replay& replay) const {
  return replay.record.state == ReplayRecord::State::kRunning &&
         is_reading(replay.track, replay.record.until);
}

bool TenantDeliveries::wants_scan() const {
  return std::ranges::any_of(places_,
                             [this](const auto& entry) { return wants_scan(*entry.second); });
}

bool TenantDeliveries::wants_scan(Place& place) const {
  Subscriber& subscriber = place.subscriber;
  return !place.gone && subscriber.subscription().enabled &&
         (is_reading(subscriber.live(), kNoEnd) ||
          std::ranges::any_of(subscriber.replays(),
                              [this](const auto& replay) { return is_reading(replay.second); }));
}

// Those who read the next slice together: all from the first position of one of them.
std::vector<TenantDeliveries::Reader> TenantDeliveries::next_group() {
  std::vector<Reader> all = readers();
  if (all.empty()) {
    return all;
  }
  const auto scanned = [](const Reader& reader) { return reader.track->scanned(); };
  const Sequence furthest = scanned(*std::ranges::max_element(all, {}, scanned));
  std::vector<Sequence> behind;
  for (const Reader& reader : all) {
    if (scanned(reader) < furthest) {
      behind.push_back(scanned(reader));
    }
  }
  behind_next_ = !behind_next_;
  const bool front_has_all = !head_moved_ && furthest >= head_;
  const Sequence from = !behind.empty() && (behind_next_ || front_has_all)
                            ? behind[behind_turn_++ % behind.size()]
                            : furthest;
  std::erase_if(all, [&](const Reader& reader) {
    return scanned(reader) < from || scanned(reader).value >= from.value + kSliceEvents;
  });
  std::ranges::sort(all, {}, scanned);
  return all;
}

Task<Result<bool>> TenantDeliveries::scan() {
  std::vector<Reader> group = next_group();
  if (group.empty()) {
    co_return false;
  }
  Subscriber& first = group.front().place->subscriber;
  if (const auto replay = first.replays().find(group.front().track->name());
      replay != first.replays().end() && replay->second.record.only_failed) {
    Status scanned = co_await scan_dead_letters(*group.front().place, replay->second);
    if (!scanned) {
      co_return fail(std::move(scanned.error()));
    }
    co_return wants_scan();
  }
  std::erase_if(group, [](const Reader& reader) {
    const auto found = reader.place->subscriber.replays().find(reader.track->name());
    return found != reader.place->subscriber.replays().end() && found->second.record.only_failed;
  });
  if (group.size() == 1 && head_.value > group.front().track->scanned().value + kSkipDistance) {
    Status skipped = co_await skip_blocks(group.front());
    if (!skipped) {
      co_return fail(std::move(skipped.error()));
    }
  }
  const Sequence from = group.front().track->scanned();
  head_moved_ = false;
  Result<Slice> slice = co_await parts_.store.read(
      tenant_, from, ReadLimit{.events = kSliceEvents, .bytes = kSliceBytes});
  if (!slice) {
    head_moved_ = true;
    co_return fail(std::move(slice.error()));
  }
  head_ = slice->journal.head;
  hand_out(group, *slice, from);
  co_return wants_scan();
}

Task<Status> TenantDeliveries::skip_blocks(Reader& reader) {
  Track& track = *reader.track;
  Result<Sequence> skipped = co_await parts_.store.skip(
      tenant_, track.scanned(), reader.place->subscriber.subscription().filter.block_query());
  if (!skipped) {
    co_return fail(std::move(skipped.error()));
  }
  track.pass(std::min(*skipped, reader.until));
  co_return Status();
}

// Places and replays stay where they are while a scan waits; only their tracks may have moved.
void TenantDeliveries::hand_out(std::vector<Reader>& group, const Slice& slice, Sequence from) {
  for (Reader& reader : group) {
    if (slice.journal.floor > reader.track->scanned().next()) {
      reader.place->subscriber.lose(*reader.track, slice.journal.floor, now());
    }
  }
  Sequence end = std::max(from, slice.events.empty() ? slice.journal.head : Sequence{});
  for (const StoredEvent& event : slice.events) {
    end = event.sequence;
    if (!event.bytes.empty()) {
      match(group, event);
    }
  }
  for (Reader& reader : group) {
    if (!reader.stopped) {
      reader.track->pass(std::min(end, reader.until));
    }
  }
}

void TenantDeliveries::match(std::vector<Reader>& group, const StoredEvent& event) {
  if (group.size() == 1) {
    if (group.front().place->subscriber.subscription().filter.matches(matcher_, event.bytes)) {
      offer(group.front(), event);
    }
    return;
  }
  Result<std::vector<PatternSet::Id>> matched = patterns_.match(matcher_, event.bytes);
  for (Reader& reader : group) {
    const Place& place = *reader.place;
    const bool filed =
        place.unfiltered || !matched || std::ranges::binary_search(*matched, place.number);
    if (filed && place.subscriber.subscription().filter.matches(matcher_, event.bytes)) {
      offer(reader, event);
    }
  }
}

void TenantDeliveries::offer(Reader& reader, const StoredEvent& event) {
  Track& track = *reader.track;
  if (reader.stopped || event.sequence <= track.scanned() || event.sequence > reader.until) {
    return;
  }
  if (!track.has_room()) {
    reader.stopped = true;
    track.pass(Sequence{event.sequence.value - 1});
    return;
  }
  Subscriber& subscriber = reader.place->subscriber;
  const bool delayed = subscriber.subscription().policy.schedule.front() > std::chrono::seconds(0);
  const EventHead head = read_head(event.bytes);
  subscriber.offer(
      track,
      Match{.sequence = event.sequence,
            .key = key_hash(head.partitionkey),
            .recorded = delayed ? parse_time(head.recordedtime).value_or(WallTime()) : WallTime(),
            .event = event.bytes},
      now(), parts_.world.random());
}

// A replay of what has failed reads the dead letters instead of the journal.
Task<Status> TenantDeliveries::scan_dead_letters(Place& place, Subscriber::Replay& replay) {
  const std::string id = place.subscriber.subscription().id;
  Result<ListPage<Record>> page =
      co_await parts_.store.scan(tenant_, kDeadLetters, prefix_of(id),
                                 sequence_key(id, replay.track.scanned()), kDeadLettersPerSlice);
  if (!page) {
    co_return fail(std::move(page.error()));
  }
  for (const Record& record : page->items) {
    const Result<DeadLetter> letter = from_record<DeadLetter>(record.value);
    if (!letter) {
      co_return fail(letter.error());
    }
    if (letter->sequence > replay.record.until || letter->event_id.empty() ||
        !replay.track.has_room()) {
      break;
    }
    Result<FoundEvent> found = co_await parts_.store.held(tenant_, letter->sequence);
    if (!found) {
      co_return fail(std::move(found.error()));
    }
    if (found->state == FoundEvent::State::kPresent && letter->sequence > replay.track.scanned()) {
      SharedBytes bytes(std::move(found->bytes));
      const std::uint64_t key = key_hash(read_head(bytes).partitionkey);
      place.subscriber.offer(
          replay.track,
          Match{
              .sequence = letter->sequence, .key = key, .recorded = {}, .event = std::move(bytes)},
          now(), parts_.world.random());
    }
  }
  if (!page->more && replay.track.has_room()) {
    replay.track.pass(replay.record.until);
  }
  co_return Status();
}

}  // namespace bitvault::delivery
