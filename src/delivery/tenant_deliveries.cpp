#include "delivery/tenant_deliveries.h"

#include <boost/json.hpp>
#include <set>
#include <utility>

#include "base/text.h"

namespace bitvault::delivery {
namespace {

constexpr std::size_t kScanRecords = 1'000;
constexpr std::size_t kRecordsPerCommit = 4'000;

}  // namespace

Task<Result<std::vector<Record>>> TenantDeliveries::scan_all(Collection collection,
                                                             std::string prefix) {
  std::vector<Record> records;
  std::string after;
  bool more = true;
  while (more) {
    Result<ListPage<Record>> page =
        co_await parts_.store.scan(tenant_, collection, prefix, after, kScanRecords);
    if (!page) {
      co_return fail(std::move(page.error()));
    }
    records.insert(records.end(), std::make_move_iterator(page->items.begin()),
                   std::make_move_iterator(page->items.end()));
    more = page->more && !records.empty();
    after = records.empty() ? "" : records.back().key;
  }
  co_return records;
}

// By subscription, and then by the track's name.
Task<Status> TenantDeliveries::read_tracks(std::string prefix, Tracks& tracks) {
  Result<std::vector<Record>> records = co_await scan_all(kTracks, std::move(prefix));
  if (!records) {
    co_return fail(std::move(records.error()));
  }
  for (Record& record : *records) {
    tracks[std::string(subscription_of(record.key))].emplace(last_part_of(record.key),
                                                             std::move(record.value));
  }
  co_return Status();
}

// Tracks are read before subscriptions: those of one that begins meanwhile must not look like
// those of one that is gone, for these are deleted.
Task<Status> TenantDeliveries::load() {
  Tracks tracks;
  Status read = co_await read_tracks("", tracks);
  if (!read) {
    co_return read;
  }
  Result<std::vector<Subscription>> subscriptions = co_await parts_.surface.subscriptions(tenant_);
  if (!subscriptions) {
    co_return fail(std::move(subscriptions.error()));
  }
  std::set<std::string, std::less<>> present;
  for (Subscription& subscription : *subscriptions) {
    const std::string id = subscription.id;
    present.insert(id);
    const auto known = places_.find(id);
    if (!tracks.contains(id)) {
      read = co_await read_tracks(prefix_of(id), tracks);
      if (!read) {
        co_return read;
      }
    }
    if (known == places_.end() || known->second->gone) {
      Status added = co_await add_place(std::move(subscription), tracks[id]);
      if (!added) {
        co_return added;
      }
      continue;
    }
    known->second->subscriber.change(std::move(subscription), now());
    Status replays = co_await add_replays(*known->second, tracks[id]);
    if (!replays) {
      co_return replays;
    }
  }
  leftovers_.clear();
  for (const auto& [id, unused] : tracks) {
    if (!present.contains(id)) {
      leftovers_.push_back(id);
    }
  }
  for (const auto& [id, place] : places_) {
    place->gone = !present.contains(id);
  }
  index();
  Result<ListPage<Record>> requests = co_await parts_.store.scan(tenant_, kRequests, "", "", 1);
  if (!requests) {
    co_return fail(std::move(requests.error()));
  }
  asked_ = !requests->items.empty();
  plan_letters();
  head_moved_ = true;
  crashed_ = false;
  co_return Status();
}

Task<Status> TenantDeliveries::add_place(Subscription subscription,
                                         const std::map<std::string, std::string>& tracks) {
  const std::string id = subscription.id;
  if (const auto old = places_.find(id); old != places_.end()) {
    co_return fail(Code::kUnavailable, "the former " + id + " is still at work");
  }
  const auto live = tracks.find(std::string(kLive));
  if (live == tracks.end()) {
    co_return fail(Code::kInternal, "the subscription " + id + " has no track");
  }
  Subscriber::Kept kept;
  Result<TrackRecord> record = from_record<TrackRecord>(live->second);
  if (!record) {
    co_return fail(std::move(record.error()));
  }
  kept.live = std::move(*record);
  Result<std::vector<DebtRecord>> debts = co_await debts_of(id, std::string(kLive));
  if (!debts) {
    co_return fail(std::move(debts.error()));
  }
  kept.debts.emplace(kLive, std::move(*debts));
  auto place =
      std::make_unique<Place>(std::move(subscription), kept, now(), crashed_, parts_.limits);
  place->number = ++numbers_;
  Place& added = *places_.emplace(id, std::move(place)).first->second;
  co_return co_await add_replays(added, tracks);
}

Task<Status> TenantDeliveries::add_replays(Place& place,
                                           const std::map<std::string, std::string>& tracks) {
  for (const auto& [name, value] : tracks) {
    if (name == kLive || place.subscriber.has_replay(name)) {
      continue;
    }
    Result<ReplayRecord> record = from_record<ReplayRecord>(value);
    if (!record) {
      co_return fail(std::move(record.error()));
    }
    if (record->state != ReplayRecord::State::kRunning) {
      continue;
    }
    Result<std::vector<DebtRecord>> debts =
        co_await debts_of(place.subscriber.subscription().id, name);
    if (!debts) {
      co_return fail(std::move(debts.error()));
    }
    place.subscriber.add_replay(name, *record, *debts, now(), crashed_);
  }
  co_return Status();
}

Task<Result<std::vector<DebtRecord>>> TenantDeliveries::debts_of(const std::string& subscription,
                                                                 const std::string& track) {
  Result<std::vector<Record>> records = co_await scan_all(kDebts, prefix_of(subscription, track));
  if (!records) {
    co_return fail(std::move(records.error()));
  }
  std::vector<DebtRecord> debts;
  for (const Record& record : *records) {
    Result<DebtRecord> debt = from_record<DebtRecord>(record.value);
    if (!debt) {
      co_return fail(std::move(debt.error()));
    }
    debts.push_back(std::move(*debt));
  }
  co_return debts;
}

// Each subscription is filed in the set under its pattern, or under one made of its types.
void TenantDeliveries::index() {
  namespace json = boost::json;
  patterns_ = PatternSet();
  for (const auto& [id, place] : places_) {
    const Selection& selection = place->subscriber.subscription().filter;
    if (selection.pattern()) {
      place->unfiltered = false;
      patterns_.add(place->number, *selection.pattern());
      continue;
    }
    json::array wanted;
    for (const std::string& type : selection.filter().types()) {
      wanted.emplace_back(type);
    }
    for (const std::string& prefix : selection.filter().type_prefixes()) {
      wanted.emplace_back(json::object{{"prefix", prefix}});
    }
    const auto pattern =
        Pattern::compile(json::serialize(json::object{{"type", std::move(wanted)}}));
    place->unfiltered = !pattern || selection.filter().matches_all();
    if (!place->unfiltered) {
      patterns_.add(place->number, *pattern);
    }
  }
}

void TenantDeliveries::forget() {
  for (const auto& [id, place] : places_) {
    place->gone = true;
  }
  asked_ = false;
  leftovers_.clear();
}

void TenantDeliveries::sweep() {
  for (auto entry = places_.begin(); entry != places_.end();) {
    Place& place = *entry->second;
    if (!place.gone || place.in_flight > 0) {
      ++entry;
      continue;
    }
    patterns_.remove(place.number);
    entry = places_.erase(entry);
  }
}

Task<Result<bool>> TenantDeliveries::keep(bool at_end) {
  Transaction transaction(tenant_);
  const Result<bool> asks_more = co_await take_request(transaction);
  if (!asks_more) {
    co_return fail(asks_more.error());
  }
  Status swept = co_await add_leftovers(transaction);
  if (!swept) {
    co_return fail(std::move(swept.error()));
  }
  Status expired = co_await expire_letters(transaction);
  if (!expired) {
    co_return fail(std::move(expired.error()));
  }
  Told told = take_notices();
  if (!told.notices.empty()) {
    Status added = co_await parts_.surface.tell(told.notices, transaction);
    if (!added) {
      give_back(std::move(told));
      co_return fail(std::move(added.error()));
    }
  }
  // From here to the commit nothing is awaited: what is collected is one instant's state.
  std::vector<Place*> collected;
  bool more = false;
  const bool moved_too = at_end || now().monotonic >= keep_moved_from_;
  for (const auto& [id, place] : places_) {
    Subscriber& subscriber = place->subscriber;
    if (place->gone || !(subscriber.dirty() || (moved_too && subscriber.moved()))) {
      continue;
    }
    if (transaction.writes().size() + transaction.holds().size() > kRecordsPerCommit) {
      more = true;
      break;
    }
    subscriber.collect(transaction, now());
    collected.push_back(place.get());
  }
  if (transaction.writes().empty() && transaction.events().empty() && transaction.holds().empty()) {
    for (Place* const place : collected) {
      place->subscriber.kept();
    }
    asked_ = *asks_more;
    co_return more || asked_;
  }
  if (moved_too && !more) {
    keep_moved_from_ = now().monotonic + kKeepMovedAfter;
  }
  Result<Committed> committed = co_await parts_.store.commit(std::move(transaction));
  for (Place* const place : collected) {
    if (committed) {
      place->subscriber.kept();
    } else {
      place->subscriber.lost();
    }
  }
  if (!committed) {
    give_back(std::move(told));
    if (committed.error().code == Code::kEventPruned ||
        committed.error().code == Code::kEventErased) {
      co_await expire();
    }
    co_return fail(std::move(committed.error()));
  }
  asked_ = *asks_more;
  co_return more || asked_ || has_notices();
}

TenantDeliveries::Told TenantDeliveries::take_notices() {
  Told told;
  for (const auto& [id, place] : places_) {
    if (place->subscriber.has_notices() && !place->gone) {
      const std::size_t room = kTransactionEventsMax - told.notices.size();
      told.by_place.emplace_back(place.get(), place->subscriber.take_notices(room));
      const std::vector<Notice>& mine = told.by_place.back().second;
      told.notices.insert(told.notices.end(), mine.begin(), mine.end());
    }
  }
  return told;
}

bool TenantDeliveries::has_notices() const {
  return std::ranges::any_of(places_, [](const auto& entry) {
    return entry.second->subscriber.has_notices() && !entry.second->gone;
  });
}

void TenantDeliveries::give_back(Told told) {
  for (auto& [place, mine] : told.by_place) {
    place->subscriber.give_back(std::move(mine));
  }
}

// Something that was to be held is gone already.
Task<> TenantDeliveries::expire() {
  const Result<JournalHead> journal = co_await parts_.store.head(tenant_);
  if (!journal) {
    co_return;
  }
  for (const auto& [id, place] : places_) {
    place->subscriber.expire(journal->floor, now());
  }
}

// Deletes what subscriptions that are gone have left, batch by batch.
Task<Status> TenantDeliveries::add_leftovers(Transaction& transaction) {
  std::size_t room = kRecordsPerCommit / 4;
  while (!leftovers_.empty() && room > 0) {
    const std::string id = leftovers_.back();
    for (const Collection collection : {kDebts, kDeadLetters, kSkips, kRequests, kTracks}) {
      Result<ListPage<Record>> page =
          co_await parts_.store.scan(tenant_, collection, prefix_of(id), "", room + 1);
      if (!page) {
        co_return fail(std::move(page.error()));
      }
      for (const Record& record : page->items) {
        transaction.erase(collection, record.key);
        const Sequence sequence{parse_uint(last_part_of(record.key)).value_or(0)};
        if (collection.str() == kDebts.str()) {
          const std::string_view track = std::string_view(record.key)
                                             .substr(id.size() + 1)
                                             .substr(0, record.key.rfind('/') - id.size() - 1);
          transaction.release(sequence, debt_holder(id, track));
        } else if (collection.str() == kDeadLetters.str()) {
          transaction.release(sequence, dead_letter_holder(id));
        }
      }
      room -= std::min(room, page->items.size());
      if (page->more || room == 0) {
        co_return Status();
      }
    }
    leftovers_.pop_back();
  }
  co_return Status();
}

}  // namespace bitvault::delivery
