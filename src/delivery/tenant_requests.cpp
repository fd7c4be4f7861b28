// TenantDeliveries: what the tenant asks for (Request), taken in the commit that does it.
#include <algorithm>
#include <utility>

#include "delivery/tenant_deliveries.h"
#include "event/event.h"

namespace bitvault::delivery {
namespace {

constexpr std::size_t kDeadLettersPerCommit = 500;
// How far back the journal is searched for the match before an event that is asked for.
constexpr std::uint64_t kSearchBackMax = 50'000;
constexpr std::uint64_t kSearchBackStep = 500;

}  // namespace

// One request a commit: each reads what those before it have made of the dead letters. True: there
// are more, or more of this one.
Task<Result<bool>> TenantDeliveries::take_request(Transaction& transaction) {
  if (!asked_) {
    co_return false;
  }
  Result<ListPage<Record>> page = co_await parts_.store.scan(tenant_, kRequests, "", "", 1);
  if (!page) {
    co_return fail(std::move(page.error()));
  }
  if (page->items.empty()) {
    co_return false;
  }
  const Record& record = page->items.front();
  const auto found = places_.find(subscription_of(record.key));
  bool done = found == places_.end() || found->second->gone;
  if (!done) {
    const Result<Request> request = from_record<Request>(record.value);
    if (!request) {
      co_return fail(request.error());
    }
    Result<bool> taken = co_await take(*found->second, *request, transaction);
    if (!taken) {
      co_return fail(std::move(taken.error()));
    }
    done = *taken;
  }
  if (done) {
    transaction.erase(kRequests, record.key);
  }
  co_return page->more || !done;
}

// True: all of it is done by this transaction.
Task<Result<bool>> TenantDeliveries::take(Place& place, const Request& request,
                                          Transaction& transaction) {
  switch (request.kind) {
    case Request::Kind::kRedeliver:
      for (const Sequence sequence : request.sequences.value_or(std::vector<Sequence>())) {
        Status asked = co_await redeliver(place, sequence, transaction);
        if (!asked) {
          co_return fail(std::move(asked.error()));
        }
      }
      co_return true;
    case Request::Kind::kRedeliverDead:
    case Request::Kind::kDiscardDead: {
      Result<bool> taken = co_await take_dead(place, request, transaction);
      co_return taken;
    }
    case Request::Kind::kSkip: {
      const Result<JournalHead> journal = co_await parts_.store.head(tenant_);
      if (!journal) {
        co_return fail(journal.error());
      }
      place.subscriber.skip(journal->head, now());
      co_return true;
    }
    case Request::Kind::kCancelReplay:
      place.subscriber.cancel_replay(request.replay, now());
      co_return true;
  }
  co_return true;
}

Task<Status> TenantDeliveries::redeliver(Place& place, Sequence sequence,
                                         Transaction& transaction) {
  Track& live = place.subscriber.live();
  if (live.redeliver(sequence, now())) {
    co_return Status();
  }
  const std::string& id = place.subscriber.subscription().id;
  const std::string key = sequence_key(id, sequence);
  Result<std::optional<std::string>> kept = co_await parts_.store.get(tenant_, kDeadLetters, key);
  if (!kept) {
    co_return fail(std::move(kept.error()));
  }
  Sequence previous;
  if (*kept) {
    const Result<DeadLetter> letter = from_record<DeadLetter>(**kept);
    if (!letter) {
      co_return fail(letter.error());
    }
    previous = letter->previous;
    transaction.erase(kDeadLetters, key);
    transaction.release(sequence, dead_letter_holder(id));
  } else {
    Result<Sequence> before = co_await matched_before(place, sequence);
    if (!before) {
      co_return fail(std::move(before.error()));
    }
    previous = *before;
  }
  if (!live.redeliver(sequence, now())) {
    live.owe(sequence, previous, now());
  }
  co_return Status();
}

// Turns dead letters into debts again, or lets them go.
Task<Result<bool>> TenantDeliveries::take_dead(Place& place, const Request& request,
                                               Transaction& transaction) {
  const std::string id = place.subscriber.subscription().id;
  std::vector<Record> letters;
  bool all = true;
  if (request.sequences) {
    for (const Sequence sequence : *request.sequences) {
      const std::string key = sequence_key(id, sequence);
      Result<std::optional<std::string>> kept =
          co_await parts_.store.get(tenant_, kDeadLetters, key);
      if (!kept) {
        co_return fail(std::move(kept.error()));
      }
      if (*kept) {
        letters.push_back({key, std::move(**kept)});
      }
    }
  } else {
    Result<ListPage<Record>> page =
        co_await parts_.store.scan(tenant_, kDeadLetters, prefix_of(id), "", kDeadLettersPerCommit);
    if (!page) {
      co_return fail(std::move(page.error()));
    }
    letters = std::move(page->items);
    all = !page->more;
  }
  Track& live = place.subscriber.live();
  for (const Record& record : letters) {
    const Result<DeadLetter> letter = from_record<DeadLetter>(record.value);
    if (!letter) {
      co_return fail(letter.error());
    }
    if (request.kind == Request::Kind::kRedeliverDead && !live.redeliver(letter->sequence, now())) {
      live.owe(letter->sequence, letter->previous, now());
    }
    transaction.erase(kDeadLetters, record.key);
    transaction.release(letter->sequence, dead_letter_holder(id));
  }
  co_return all;
}

// What the subscription matched before an event, found by looking back; 0 when nothing is there.
Task<Result<Sequence>> TenantDeliveries::matched_before(Place& place, Sequence sequence) {
  std::uint64_t end = sequence.value - 1;
  const std::uint64_t least = end > kSearchBackMax ? end - kSearchBackMax : 0;
  while (end > least) {
    const std::uint64_t begin = std::max(least, end > kSearchBackStep ? end - kSearchBackStep : 0);
    Result<Slice> slice = co_await parts_.store.read(
        tenant_, Sequence{begin}, ReadLimit{.events = static_cast<std::size_t>(end - begin)});
    if (!slice) {
      co_return fail(std::move(slice.error()));
    }
    for (auto event = slice->events.rbegin(); event != slice->events.rend(); ++event) {
      if (event->sequence.value <= end && !event->bytes.empty() &&
          place.subscriber.subscription().filter.matches(matcher_, event->bytes)) {
        co_return event->sequence;
      }
    }
    end = begin;
  }
  co_return Sequence{};
}

}  // namespace bitvault::delivery
