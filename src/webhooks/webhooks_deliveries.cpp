// Webhooks: single deliveries, dead letters, replays, and tests.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "webhooks/webhook_target.h"
#include "webhooks/webhooks.h"

namespace bitvault::webhooks {
namespace {

using delivery::DeadLetter;
using delivery::ReplayRecord;
using delivery::Request;

constexpr std::size_t kRecordsPerPage = 500;
constexpr std::string_view kReplayPrefix = "rpl_";
// The replays' tracks come behind the live one.
static_assert(kReplayPrefix > delivery::kLive);

std::unexpected<Error> unknown_replay(const std::string& id) {
  return fail(Code::kNotFound, "the webhook has no replay " + id);
}

bool is_replay_id(std::string_view text) {
  return text.starts_with(kReplayPrefix) && text.size() <= delivery::kSubscriptionIdBytesMax &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

// One of the tests that are under way.
class TestTurn {
 public:
  TestTurn(std::mutex& mutex, std::map<TenantName, std::size_t>& turns, const TenantName& tenant)
      : mutex_(mutex), turns_(turns), tenant_(tenant) {}
  ~TestTurn() {
    const std::scoped_lock lock(mutex_);
    const auto entry = turns_.find(tenant_);
    if (--entry->second == 0) {
      turns_.erase(entry);
    }
  }
  TestTurn(const TestTurn&) = delete;
  TestTurn& operator=(const TestTurn&) = delete;

 private:
  std::mutex& mutex_;
  std::map<TenantName, std::size_t>& turns_;
  const TenantName tenant_;
};

}  // namespace

Task<Result<Webhooks::Progress>> Webhooks::progress(TenantName tenant, std::string id) {
  Result<std::optional<std::string>> record = co_await parts_.store.get(
      tenant, delivery::kTracks, delivery::track_key(id, delivery::kLive));
  if (!record) {
    co_return fail(std::move(record.error()));
  }
  if (!*record) {
    co_return fail(Code::kNotFound, "the tenant has no webhook " + id);
  }
  Result<delivery::TrackRecord> track = delivery::from_record<delivery::TrackRecord>(**record);
  if (!track) {
    co_return fail(std::move(track.error()));
  }
  const Sequence position = track->position;
  Result<Slice> next = co_await parts_.store.read(tenant, position, {.events = 1});
  if (!next) {
    co_return fail(std::move(next.error()));
  }
  Progress progress{.track = std::move(*track), .head = next->journal.head};
  if (!next->events.empty() && !next->events.front().bytes.empty()) {
    progress.waiting_since =
        parse_time(read_head(next->events.front().bytes).recordedtime).value_or(WallTime{});
  }
  co_return progress;
}

Task<Status> Webhooks::check_requests(TenantName tenant, std::string id, bool must_be_enabled) {
  Result<Stored> stored = co_await load(tenant, id);
  if (!stored) {
    co_return fail(std::move(stored.error()));
  }
  if (must_be_enabled && !stored->webhook.enabled) {
    co_return fail(Code::kConflict, "the webhook is disabled; enable it first");
  }
  Result<ListPage<Record>> waiting = co_await parts_.store.scan(
      tenant, delivery::kRequests, delivery::prefix_of(id), "", limits_.requests);
  if (!waiting) {
    co_return fail(std::move(waiting.error()));
  }
  if (waiting->items.size() >= limits_.requests) {
    co_return fail(Code::kRateLimited,
                   fmt::format("{} requests wait to be carried out already; try again shortly",
                               limits_.requests));
  }
  co_return Status{};
}

Task<Status> Webhooks::request(TenantName tenant, std::string id, Request request) {
  Transaction transaction(std::move(tenant));
  delivery::add_request(transaction, id, new_id(""), request);
  Status done = co_await finish(std::move(transaction));
  co_return done;
}

Task<Status> Webhooks::redeliver(TenantName tenant, std::string id, std::string event_id) {
  Status takes = co_await check_requests(tenant, id, true);
  if (!takes) {
    co_return takes;
  }
  Result<EventId> event = EventId::parse(event_id);
  if (!event) {
    co_return fail(Code::kNotFound, "the tenant's journal has no event with this id");
  }
  Result<FoundEvent> found = co_await parts_.store.find(tenant, std::move(*event));
  if (!found) {
    co_return fail(std::move(found.error()));
  }
  if (found->state == FoundEvent::State::kPruned) {  // it may be held: by a dead letter
    found = co_await parts_.store.held(tenant, found->sequence);
    if (!found) {
      co_return fail(std::move(found.error()));
    }
  }
  switch (found->state) {
    case FoundEvent::State::kPresent:
      break;
    case FoundEvent::State::kPruned:
      co_return fail(Code::kEventPruned, "the event is past its retention");
    case FoundEvent::State::kErased:
      co_return fail(Code::kEventErased, "the event was erased");
  }
  Status asked = co_await request(
      tenant, std::move(id),
      {.kind = Request::Kind::kRedeliver, .sequences = std::vector{found->sequence}});
  co_return asked;
}

Task<Result<ListPage<DeadLetter>>> Webhooks::dead_letters(TenantName tenant, std::string id,
                                                          Sequence after, std::size_t limit) {
  Result<Stored> stored = co_await load(tenant, id);
  if (!stored) {
    co_return fail(std::move(stored.error()));
  }
  std::string from = after == Sequence{} ? "" : delivery::sequence_key(id, after);
  Result<ListPage<Record>> records = co_await parts_.store.scan(
      tenant, delivery::kDeadLetters, delivery::prefix_of(id), std::move(from), limit);
  if (!records) {
    co_return fail(std::move(records.error()));
  }
  ListPage<DeadLetter> page{{}, records->more};
  for (const Record& record : records->items) {
    Result<DeadLetter> letter = delivery::from_record<DeadLetter>(record.value);
    if (!letter) {
      co_return fail(std::move(letter.error()));
    }
    page.items.push_back(std::move(*letter));
  }
  co_return page;
}

// The places of dead letters, by their events' ids. An id may be forgotten while a dead letter
// holds its event, so it is looked for among the dead letters themselves.
Task<Result<std::vector<Sequence>>> Webhooks::sequences_of(TenantName tenant, std::string id,
                                                           std::vector<std::string> ids) {
  std::map<std::string, std::optional<Sequence>, std::less<>> wanted;
  for (const std::string& each : ids) {
    wanted.try_emplace(each);
  }
  std::size_t missing = wanted.size();
  Sequence after;
  for (bool more = true; more && missing > 0;) {
    Result<ListPage<DeadLetter>> page = co_await dead_letters(tenant, id, after, kRecordsPerPage);
    if (!page) {
      co_return fail(std::move(page.error()));
    }
    for (const DeadLetter& letter : page->items) {
      const auto entry = wanted.find(letter.event_id);
      if (entry != wanted.end() && !entry->second) {
        entry->second = letter.sequence;
        --missing;
      }
      after = letter.sequence;
    }
    more = page->more && !page->items.empty();
  }
  Error error{Code::kInvalid, "not all of these are dead letters; nothing was changed", {}};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!wanted.at(ids[i])) {
      error.violations.push_back(
          {i, fmt::format("event_ids.{}", i), "the webhook has no dead letter of this event"});
    }
  }
  if (!error.violations.empty()) {
    co_return fail(std::move(error));
  }
  std::vector<Sequence> sequences;
  sequences.reserve(wanted.size());
  for (const auto& [unused, sequence] : wanted) {
    sequences.push_back(*sequence);
  }
  std::ranges::sort(sequences);
  co_return sequences;
}

Task<Status> Webhooks::dead(TenantName tenant, std::string id, DeadLetterChoice choice,
                            Request::Kind kind) {
  Status takes = co_await check_requests(tenant, id, kind == Request::Kind::kRedeliverDead);
  if (!takes) {
    co_return takes;
  }
  Request asked{.kind = kind};
  if (choice.event_ids) {
    Result<std::vector<Sequence>> sequences =
        co_await sequences_of(tenant, id, std::move(*choice.event_ids));
    if (!sequences) {
      co_return fail(std::move(sequences.error()));
    }
    asked.sequences = std::move(*sequences);
  }
  Status done = co_await request(tenant, std::move(id), std::move(asked));
  co_return done;
}

Task<Status> Webhooks::redeliver_dead(TenantName tenant, std::string id, DeadLetterChoice choice) {
  Status done = co_await dead(std::move(tenant), std::move(id), std::move(choice),
                              Request::Kind::kRedeliverDead);
  co_return done;
}

Task<Status> Webhooks::discard_dead(TenantName tenant, std::string id, DeadLetterChoice choice) {
  Status done = co_await dead(std::move(tenant), std::move(id), std::move(choice),
                              Request::Kind::kDiscardDead);
  co_return done;
}

// Forgets the oldest replays that have ended, when there are many.
Task<Status> Webhooks::make_room_for_replay(TenantName tenant, std::string id,
                                            Transaction& transaction) {
  Result<ListPage<Replay>> all = co_await replays(tenant, id, "", 2 * limits_.replays_kept);
  if (!all) {
    co_return fail(std::move(all.error()));
  }
  const auto running = [](const Replay& replay) {
    return replay.record.state == ReplayRecord::State::kRunning;
  };
  if (std::ranges::count_if(all->items, running) >=
      static_cast<std::ptrdiff_t>(limits_.replays_running)) {
    co_return fail(Code::kConflict,
                   fmt::format("{} replays of this webhook are running, and that is the most: wait "
                               "for one, or cancel it",
                               limits_.replays_running));
  }
  std::size_t count = all->items.size();
  for (const Replay& replay : all->items) {
    if (count >= limits_.replays_kept && !running(replay)) {
      transaction.erase(delivery::kTracks, delivery::track_key(id, replay.id));
      --count;
    }
  }
  co_return Status{};
}

Task<Result<Replay>> Webhooks::start_replay(TenantName tenant, std::string id, ReplayRange range) {
  Status takes = co_await check_requests(tenant, id, true);
  if (!takes) {
    co_return fail(std::move(takes.error()));
  }
  Transaction transaction(tenant);
  Status room = co_await make_room_for_replay(tenant, id, transaction);
  if (!room) {
    co_return fail(std::move(room.error()));
  }
  const WallTime now = parts_.world.clock().wall();
  const bool empty = range.until <= range.after;
  Replay replay{new_id(kReplayPrefix),
                ReplayRecord{.track = {.position = range.after, .matched = {}},
                             .until = range.until,
                             .only_failed = range.only_failed,
                             .since = range.after.next(),
                             .created = now}};
  if (empty) {
    replay.record.state = ReplayRecord::State::kDone;
    replay.record.ended = now;
  }
  delivery::begin_replay(transaction, id, replay.id, replay.record);
  Status done = co_await finish(std::move(transaction));
  if (!done) {
    co_return fail(std::move(done.error()));
  }
  co_return replay;
}

Task<Result<ListPage<Replay>>> Webhooks::replays(TenantName tenant, std::string id,
                                                 std::string after, std::size_t limit) {
  Result<Stored> stored = co_await load(tenant, id);
  if (!stored) {
    co_return fail(std::move(stored.error()));
  }
  const std::string from =
      after.empty() ? std::string(delivery::kLive) : std::max(after, std::string(delivery::kLive));
  Result<ListPage<Record>> records = co_await parts_.store.scan(
      tenant, delivery::kTracks, delivery::prefix_of(id), delivery::track_key(id, from), limit);
  if (!records) {
    co_return fail(std::move(records.error()));
  }
  ListPage<Replay> page{{}, records->more};
  for (const Record& record : records->items) {
    Result<ReplayRecord> replay = delivery::from_record<ReplayRecord>(record.value);
    if (!replay) {
      co_return fail(std::move(replay.error()));
    }
    page.items.push_back({std::string(delivery::last_part_of(record.key)), std::move(*replay)});
  }
  co_return page;
}

Task<Result<Replay>> Webhooks::replay(TenantName tenant, std::string id, std::string replay_id) {
  Result<Stored> stored = co_await load(tenant, id);
  if (!stored) {
    co_return fail(std::move(stored.error()));
  }
  if (!is_replay_id(replay_id)) {
    co_return unknown_replay(replay_id);
  }
  Result<std::optional<std::string>> record =
      co_await parts_.store.get(tenant, delivery::kTracks, delivery::track_key(id, replay_id));
  if (!record) {
    co_return fail(std::move(record.error()));
  }
  if (!*record) {
    co_return unknown_replay(replay_id);
  }
  Result<ReplayRecord> found = delivery::from_record<ReplayRecord>(**record);
  if (!found) {
    co_return fail(std::move(found.error()));
  }
  co_return Replay{std::move(replay_id), std::move(*found)};
}

Task<Status> Webhooks::cancel_replay(TenantName tenant, std::string id, std::string replay_id) {
  Result<Replay> found = co_await replay(tenant, id, replay_id);
  if (!found) {
    co_return fail(std::move(found.error()));
  }
  if (found->record.state != ReplayRecord::State::kRunning) {
    co_return Status{};
  }
  Status takes = co_await check_requests(tenant, id, false);
  if (!takes) {
    co_return takes;
  }
  Status asked = co_await request(
      std::move(tenant), std::move(id),
      {.kind = Request::Kind::kCancelReplay, .sequences = {}, .replay = std::move(replay_id)});
  co_return asked;
}

Task<Result<TestAttempt>> Webhooks::test(TenantName tenant, std::string id, Actor actor) {
  Result<Stored> stored = co_await load(tenant, id);
  if (!stored) {
    co_return fail(std::move(stored.error()));
  }
  {
    const std::scoped_lock lock(mutex_);
    std::size_t all = 0;
    for (const auto& [unused, count] : testing_) {
      all += count;
    }
    std::size_t& own = testing_[tenant];
    if (all >= limits_.tests || own >= limits_.tests_of_tenant) {
      if (own == 0) {
        testing_.erase(tenant);
      }
      co_return fail(Code::kRateLimited, "too many tests are under way; try again shortly");
    }
    ++own;
  }
  const TestTurn turn(mutex_, testing_, tenant);
  Result<TestAttempt> attempt =
      co_await send_test(tenant, std::move(stored->webhook), std::move(actor));
  co_return attempt;
}

Task<Result<TestAttempt>> Webhooks::send_test(TenantName tenant, Webhook webhook, Actor actor) {
  const Result<JournalHead> journal = co_await parts_.store.head(tenant);
  if (!journal) {
    co_return fail(journal.error());
  }
  const WebhookEvents::Stub about = stub();
  EncodedEvent event = events_.test(tenant, webhook, actor, about);
  Stamp last{.epoch = journal->epoch, .sequence = {}, .recordedtime = about.time, .salt = {}};
  parts_.world.random().fill(last.salt);
  stamp(event, last);
  const WebhookTarget target(webhook, parts_.world, parts_.outgoing, parts_.version);
  delivery::Outcome outcome = co_await target.attempt(
      {.event = SharedBytes(std::move(event.bytes)), .sequence = {}, .previous = {}});
  const WallTime at = parts_.world.clock().wall();
  parts_.attempts.append({.tenant = tenant,
                          .subscription = webhook.id,
                          .sequence = {},
                          .attempt = 0,
                          .at = at,
                          .latency = outcome.latency,
                          .delivered = outcome.verdict == delivery::Verdict::kDelivered,
                          .status = outcome.status,
                          .reason = outcome.reason,
                          .address = outcome.address,
                          .answer = outcome.answer});
  co_return TestAttempt{about.id.str(), at, std::move(outcome)};
}

}  // namespace bitvault::webhooks
