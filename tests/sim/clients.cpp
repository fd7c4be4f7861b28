#include "clients.h"

#include <algorithm>

namespace bitvault::sim {
namespace {

constexpr const char* kNames[] = {"acme", "bolt", "coda", "dune"};
constexpr ReadLimit kAll{.events = 1'000, .bytes = 1'000'000};

std::string mark(const TenantName& tenant) { return fmt::format("secret-of-{}.", tenant.str()); }

Transaction transaction_of(const Submission& submission) {
  Transaction transaction(submission.tenant);
  for (const EncodedEvent& event : submission.events) {
    transaction.append(event);
  }
  transaction.put(kRecords, submission.record_key(), mark(submission.tenant));
  return transaction;
}

Task<Result<TenantPut>> put_in(Node& node, TenantName tenant) {
  return node.store().put_tenant(std::move(tenant), {});
}

Task<Result<FoundEvent>> find_in(Node& node, TenantName tenant, EventId id) {
  return node.store().find(std::move(tenant), std::move(id));
}

Task<Result<FoundEvent>> held_in(Node& node, TenantName tenant, Sequence sequence) {
  return node.store().held(std::move(tenant), sequence);
}

Task<Result<std::optional<std::string>>> counter_in(Node& node, TenantName tenant) {
  return node.store().get(std::move(tenant), kRecords, kCounterKey);
}

Task<Result<ListPage<Record>>> records_in(Node& node, TenantName tenant, std::string after) {
  return node.store().scan(std::move(tenant), kRecords, "", std::move(after), 1'000);
}

}  // namespace

Clients::Clients(SimWorld& world, Cluster& cluster, const Options& options, Observers& observers)
    : world_(world),
      cluster_(cluster),
      options_(options),
      observers_(observers),
      dice_(world.scheduler().dice().fork()),
      tasks_(world.executor()),
      publishers_(world.executor()) {
  for (std::size_t i = 0; i < options_.tenants; ++i) {
    tenants_.push_back(TenantName::parse(kNames[i]).value());
  }
}

Clients::~Clients() = default;

const TenantName& Clients::any_tenant() { return tenants_[dice_.below(tenants_.size())]; }

Duration Clients::pause(Duration most) {
  return Duration(dice_.below(static_cast<std::uint64_t>(most.count()) + 1));
}

Task<> Clients::put_tenants() {
  for (const TenantName& tenant : tenants_) {
    Request<TenantPut> request = [tenant](Node& node) { return put_in(node, tenant); };
    const auto reply = co_await cluster_.call<TenantPut>(std::move(request));
    check(reply && *reply && (*reply)->created, "a tenant can be made while nothing is wrong");
  }
}

void Clients::begin() {
  for (std::size_t i = 0; i < options_.publishers; ++i) {
    publishers_.spawn(publish(i));
  }
  for (std::size_t i = 0; i < options_.readers; ++i) {
    tasks_.spawn(follow());
  }
}

void Clients::finish() {
  finishing_ = true;
  tasks_.spawn(publishers_.join(world_));
  Publisher last{.index = options_.publishers, .ids = 0, .sent = {}};
  for (const TenantName& tenant : tenants_) {
    Submission submission{++submissions_, tenant, {}};
    submission.events.push_back(encode_idea(tenant, {.id = new_id(last), .time = std::nullopt}));
    tasks_.spawn(submit(std::move(submission)));
  }
}

// ---- publishers

EventId Clients::new_id(Publisher& publisher) {
  return EventId::parse(fmt::format("p{}-{}", publisher.index, ++publisher.ids)).value();
}

Clients::Idea Clients::draw_idea(Publisher& publisher, const TenantName& tenant) {
  if (dice_.chance(options_.hot_per_mille)) {
    const std::uint64_t hot = dice_.below(options_.hot_ids);
    const bool altered = dice_.chance(options_.altered_per_mille);
    return {.id = EventId::parse(fmt::format("hot-{}", hot)).value(),
            .variant = altered ? 1u : 0u,
            .time = std::nullopt};
  }
  std::vector<Idea>& sent = publisher.sent[tenant];
  if (!sent.empty() && dice_.chance(options_.repeat_per_mille)) {
    Idea idea = sent[dice_.below(sent.size())];
    idea.variant += dice_.chance(options_.altered_per_mille) ? 1 : 0;
    idea.given = true;
    return idea;
  }
  Idea idea{.id = new_id(publisher), .time = std::nullopt};
  if (dice_.chance(options_.made_per_mille)) {
    std::array<std::byte, 10> random;
    world_.random().fill(random);
    idea.id = EventId::make(world_.clock().wall(), random);
    idea.given = false;
  }
  if (dice_.chance(300)) {
    idea.time = world_.clock().wall();
  }
  if (dice_.chance(options_.large_per_mille)) {
    idea.padding = 60'000;
  }
  sent.push_back(idea);
  return idea;
}

EncodedEvent Clients::encode_idea(const TenantName& tenant, const Idea& idea) {
  EventDraft draft;
  draft.type = "bitvault.node.created.v1";
  draft.data = fmt::format(R"({{"note":"{}{}","pad":"{}"}})", mark(tenant), idea.variant,
                           std::string(idea.padding, 'x'));
  if (idea.given) {
    draft.id = idea.id;
  }
  draft.time = idea.time;
  const EventDefaults defaults{.tenant = tenant,
                               .id = idea.id,
                               .time = world_.clock().wall(),
                               .dataschema = "urn:bitvault:schema:bitvault.node.created.v1:1",
                               .partitionkey = "node",
                               .subject = "/" + idea.id.str(),
                               .traceparent = std::nullopt};
  return encode(draft, defaults).value();
}

Submission Clients::draw(Publisher& publisher) {
  Submission submission{++submissions_, any_tenant(), {}};
  const std::size_t count = dice_.between(1, options_.events_max);
  const bool twice = dice_.chance(options_.twice_per_mille);
  std::set<EventId> ids;
  for (std::size_t i = 0; i < count; ++i) {
    const Idea idea = draw_idea(publisher, submission.tenant);
    if (ids.insert(idea.id).second || twice) {
      submission.events.push_back(encode_idea(submission.tenant, idea));
    }
  }
  return submission;
}

Task<> Clients::publish(std::size_t index) {
  Publisher publisher{.index = index, .ids = 0, .sent = {}};
  while (!finishing_) {
    co_await world_.sleep(pause(options_.think_max));
    Submission submission = draw(publisher);
    co_await submit(std::move(submission));
    if (dice_.chance(options_.count_per_mille)) {
      const TenantName tenant = any_tenant();
      co_await count(tenant);
    }
  }
}

Task<> Clients::submit(Submission submission) {
  while (true) {
    observers_.tell(&Checker::submitting, submission);
    Transaction transaction = transaction_of(submission);
    const Reply<Committed> reply = co_await cluster_.commit(std::move(transaction));
    observers_.tell(&Checker::answered, submission, reply);
    world_.scheduler().log(
        "transaction {} of {} ({} events): {}", submission.number, submission.tenant.str(),
        submission.events.size(),
        !reply   ? "no answer"
        : *reply ? fmt::format("head {}", (*reply)->head.value)
                 : fmt::format("{} {}", info(reply->error().code).name, reply->error().detail));
    if (reply && *reply) {
      observers_.see(submission.tenant, (*reply)->head);
      for (const EncodedEvent& event : submission.events) {
        known_[submission.tenant].push_back(event.id);
      }
      co_return;
    }
    const bool refused_for_good = reply && reply->error().code != Code::kUnavailable &&
                                  reply->error().code != Code::kOutcomeUnknown;
    if (refused_for_good || (!finishing_ && dice_.chance(options_.give_up_per_mille))) {
      co_return;
    }
    co_await world_.sleep(pause(std::chrono::milliseconds(500)));
  }
}

// Reads a counter and raises it, unless somebody else did so meanwhile.
Task<> Clients::count(TenantName tenant) {
  Request<std::optional<std::string>> request = [tenant](Node& node) {
    return counter_in(node, tenant);
  };
  const auto old = co_await cluster_.call<std::optional<std::string>>(std::move(request));
  if (!old || !*old) {
    co_return;
  }
  const std::optional<std::string>& before = **old;
  const std::uint64_t value = before ? std::stoull(before->substr(0, 20)) + 1 : 1;
  Transaction transaction(tenant);
  transaction.expect(kRecords, kCounterKey, before);
  transaction.put(kRecords, kCounterKey, fmt::format("{:020} {}", value, mark(tenant)));
  const Reply<Committed> reply = co_await cluster_.commit(std::move(transaction));
  observers_.tell(&Checker::counted, tenant, value, reply);
}

// ---- readers

Sequence Clients::Place::paged(const TenantName& tenant, const CursorCodec& codec) const {
  return cursors.empty() ? Sequence{} : codec.open(tenant, cursors.back()).value().sequence;
}

Task<> Clients::follow() {
  std::map<TenantName, Place> places;
  const auto behind = [&](const TenantName& tenant) {
    const Place& place = places[tenant];
    const Sequence seen = observers_.seen(tenant);
    return place.read < seen || place.paged(tenant, cluster_.cursors()) < seen;
  };
  while (!finishing_ || publishers_.size() > 0 || std::ranges::any_of(tenants_, behind)) {
    const TenantName tenant = any_tenant();
    if (dice_.chance(500)) {
      co_await read_some(tenant, places[tenant]);
    } else {
      co_await page_some(tenant, places[tenant]);
    }
    if (dice_.chance(200)) {
      co_await look_up(tenant);
    }
    if (!finishing_ && dice_.chance(options_.hold_per_mille)) {
      co_await hold_some(tenant);
    }
    co_await world_.sleep(pause(options_.think_max));
  }
}

Task<> Clients::read_some(TenantName tenant, Place& place) {
  const bool again = dice_.chance(200);
  const Sequence after = again ? Sequence{dice_.below(place.read.value + 1)} : place.read;
  const ReadLimit limit{.events = dice_.chance(200) ? 1'000 : dice_.between(1, 20),
                        .bytes = dice_.chance(100) ? 1'000 : kAll.bytes};
  const Sequence at_least = observers_.seen(tenant);
  const Sequence floor = observers_.floor(tenant);
  const Reply<Slice> reply = co_await cluster_.read(tenant, after, limit);
  if (reply && *reply) {
    const Slice& slice = **reply;
    const Reading reading{tenant, after, limit, at_least, floor, slice};
    observers_.tell(&Checker::read, reading);
    observers_.see(tenant, slice.journal.head);
    observers_.see_floor(tenant, slice.journal.floor);
    const Sequence pruned{slice.journal.floor.value - 1};
    const Sequence reached =
        slice.events.empty() ? std::max(after, pruned) : slice.events.back().sequence;
    place.read = std::max(place.read, reached);
  }
}

// A page from the last cursor, or from any that was ever given.
Task<> Clients::page_some(TenantName tenant, Place& place) {
  const CursorCodec& codec = cluster_.cursors();
  const bool last = finishing_ || place.cursors.empty() || dice_.chance(800);
  const bool wait = !finishing_ && dice_.chance(600);
  FeedQuery query{.tenant = tenant,
                  .cursor = std::nullopt,
                  .limit = dice_.chance(200) ? 1'000 : dice_.between(1, 20),
                  .wait = wait ? pause(std::chrono::seconds(20)) : Duration{0},
                  .filter = {}};
  if (!place.cursors.empty()) {
    query.cursor = last ? place.cursors.back() : place.cursors[dice_.below(place.cursors.size())];
  }
  const std::string prefix = dice_.chance(300) ? "/hot-" : "";
  if (!prefix.empty()) {
    query.filter = Filter::make({}, prefix, std::nullopt).value();
  }
  const std::size_t limit = query.limit;
  const std::optional<std::string> cursor = query.cursor;
  const Sequence at_least = observers_.seen(tenant);
  const Reply<FeedAnswer> reply = co_await cluster_.read_feed(std::move(query));
  if (!reply || !*reply) {
    co_return;
  }
  if (const auto* refused = std::get_if<CursorReset>(&**reply)) {
    check(cursor.has_value(), "who gave no cursor is not told of one");
    const Position from = codec.open(tenant, *cursor).value();
    const Position earliest = codec.open(tenant, refused->earliest_cursor).value();
    observers_.tell(&Checker::reset, tenant, from, refused->reason, earliest);
    observers_.see_floor(tenant, earliest.sequence.next());
    if (earliest.sequence > place.paged(tenant, codec)) {
      place.cursors.push_back(refused->earliest_cursor);
    }
    co_return;
  }
  const FeedPage& page = std::get<FeedPage>(**reply);
  const Position to = codec.open(tenant, page.next_cursor).value();
  const Position from =
      cursor ? codec.open(tenant, *cursor).value() : Position{to.epoch, Sequence{0}};
  const Paging paging{tenant, from, limit, prefix, at_least, to, page};
  observers_.tell(&Checker::paged, paging);
  observers_.see(tenant, to.sequence);
  if (to.sequence >= place.paged(tenant, codec)) {
    place.cursors.push_back(page.next_cursor);
  }
}

Task<> Clients::look_up(TenantName tenant) {
  const std::vector<EventId>& known = known_[tenant];
  if (known.empty()) {
    co_return;
  }
  const EventId id = known[dice_.below(known.size())];
  Request<FoundEvent> request = [tenant, id](Node& node) { return find_in(node, tenant, id); };
  const Reply<FoundEvent> reply = co_await cluster_.call<FoundEvent>(std::move(request));
  if (reply) {
    const Finding finding{tenant, id, *reply};
    observers_.tell(&Checker::found, finding);
  }
}

// Holds an event, looks at one that is held, or releases it.
Task<> Clients::hold_some(TenantName tenant) {
  std::map<Sequence, std::string>& held = held_[tenant];
  if (!held.empty() && dice_.chance(600)) {
    const auto one = std::next(held.begin(), static_cast<std::ptrdiff_t>(dice_.below(held.size())));
    const Sequence sequence = one->first;
    if (dice_.chance(300)) {
      co_await release(tenant, sequence);
    } else {
      const bool answered = co_await look_at_held(tenant, sequence);
      static_cast<void>(answered);
    }
    co_return;
  }
  const Sequence floor = observers_.floor(tenant);
  const Sequence head = observers_.seen(tenant);
  if (floor > head) {
    co_return;
  }
  const Sequence sequence{dice_.between(floor.value, head.value)};
  if (held.contains(sequence)) {
    co_return;
  }
  const std::string holder = fmt::format("holder-{}", ++holders_);
  Transaction transaction(tenant);
  transaction.hold(sequence, holder);
  const Reply<Committed> reply = co_await cluster_.commit(std::move(transaction));
  if (reply && *reply) {
    held_[tenant].emplace(sequence, holder);
  }
}

Task<> Clients::release(TenantName tenant, Sequence sequence) {
  Transaction transaction(tenant);
  const auto one = held_[tenant].find(sequence);
  if (one == held_[tenant].end()) {
    co_return;
  }
  transaction.release(sequence, one->second);
  held_[tenant].erase(one);  // from now on it may be gone
  const Reply<Committed> reply = co_await cluster_.commit(std::move(transaction));
  static_cast<void>(reply);
}

// False when there was no answer.
Task<bool> Clients::look_at_held(TenantName tenant, Sequence sequence) {
  Request<FoundEvent> request = [tenant, sequence](Node& node) {
    return held_in(node, tenant, sequence);
  };
  const Reply<FoundEvent> reply = co_await cluster_.call<FoundEvent>(std::move(request));
  if (reply && held_[tenant].contains(sequence)) {  // nobody has released it meanwhile
    observers_.tell(&Checker::held, tenant, sequence, *reply);
  }
  co_return reply.has_value();
}

// ---- when all is over

Task<Result<Ending>> Clients::read_tenant(TenantName tenant) {
  std::optional<JournalHead> journal;
  Ending ending{tenant, {Epoch::parse("000000000000").value(), {}, {}}, {}, {}};
  while (!journal || ending.events.size() < journal->head.value) {
    const Sequence after{ending.events.size()};
    const Sequence floor = observers_.floor(tenant);
    const Reply<Slice> reply = co_await cluster_.read(tenant, after, kAll);
    if (!reply || !*reply) {
      co_return reply ? fail(reply->error()) : fail(Code::kTimeout, "no answer");
    }
    const Slice& slice = **reply;
    const Reading reading{tenant, after, kAll, observers_.seen(tenant), floor, slice};
    observers_.tell(&Checker::read, reading);
    observers_.see_floor(tenant, slice.journal.floor);
    journal = slice.journal;
    ending.events.resize(std::max(ending.events.size(), journal->floor.value - 1));
    for (const StoredEvent& event : slice.events) {
      ending.events.emplace_back(event.bytes);
    }
    if (slice.events.empty()) {
      break;
    }
  }
  ending.journal = *journal;
  const std::map<Sequence, std::string> held = held_[tenant];
  for (const auto& [sequence, holder] : held) {
    const bool answered = co_await look_at_held(tenant, sequence);
    if (!answered) {
      co_return fail(Code::kTimeout, "no answer");
    }
  }
  std::string after;
  while (true) {
    Request<ListPage<Record>> request = [tenant, after](Node& node) {
      return records_in(node, tenant, after);
    };
    const auto page = co_await cluster_.call<ListPage<Record>>(std::move(request));
    if (!page || !*page) {
      co_return page ? fail(page->error()) : fail(Code::kTimeout, "no answer");
    }
    for (const Record& record : (*page)->items) {
      after = record.key;
      ending.records.emplace(record.key, record.value);
    }
    if (!(*page)->more) {
      co_return ending;
    }
  }
}

Task<> Clients::read_all(std::vector<Ending>& endings, Status& status) {
  for (const TenantName& tenant : tenants_) {
    auto ending = co_await read_tenant(tenant);
    if (!ending) {
      status = fail(std::move(ending.error()));
      co_return;
    }
    endings.push_back(std::move(*ending));
  }
}

}  // namespace bitvault::sim
