#include "delivery/engine.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/check.h"

namespace bitvault::delivery {
namespace {

constexpr std::string_view kOrderlySetting = "delivery.orderly_end";
constexpr std::size_t kTenantsPerPage = 500;
// A place gives way to others after so many attempts in a row.
constexpr std::size_t kTurn = 32;

bool is_gone(const Error& error) {
  return error.code == Code::kNotFound || error.code == Code::kTenantDeleting;
}

}  // namespace

Engine::Engine(World& world, Store& store, Surface& surface, AttemptLog& log,
               const Executor& executor, EngineLimits limits)
    : world_(world),
      store_(store),
      log_(log),
      executor_(executor),
      limits_(limits),
      parts_{.world = world,
             .store = store,
             .surface = surface,
             .limits = limits.track,
             .letters = limits.dead_letters},
      tasks_(executor),
      rounds_(executor),
      timer_signal_(executor) {}

Engine::~Engine() = default;

Task<Status> Engine::start() {
  Result<std::optional<std::string>> orderly =
      co_await store_.setting(std::string(kOrderlySetting));
  if (!orderly) {
    co_return fail(std::move(orderly.error()));
  }
  crashed_ = *orderly == "no";
  Status begun = co_await store_.put_setting(std::string(kOrderlySetting), "no");
  if (!begun) {
    co_return begun;
  }
  Status loaded = co_await load_all();
  if (!loaded) {
    co_return loaded;
  }
  crashed_ = false;
  rounds_.spawn(timer());
  begin_rounds();
  co_return Status();
}

Task<Status> Engine::load_all() {
  std::string after;
  bool more = true;
  while (more) {
    Result<ListPage<bitvault::Tenant>> page = co_await store_.tenants(after, kTenantsPerPage);
    if (!page) {
      co_return fail(std::move(page.error()));
    }
    for (const bitvault::Tenant& known : page->items) {
      after = known.name.str();
      wake(tenant(known.name));
    }
    more = page->more && !page->items.empty();
  }
  co_return Status();
}

Task<> Engine::stop() {
  stopping_ = true;
  const MonotonicTime deadline = world_.clock().monotonic() + limits_.drain;
  while (in_flight_ > 0 && world_.clock().monotonic() < deadline) {
    co_await timer_signal_.wait(world_, deadline - world_.clock().monotonic());
  }
  tasks_.cancel();
  co_await tasks_.join(world_);
  rounds_.cancel();
  co_await rounds_.join(world_);
  bool all_kept = true;
  for (auto& [name, tenant] : tenants_) {
    for (auto& [place, start] : std::exchange(tenant->to_mark, {})) {
      place->subscriber.abandon(start, tenant->deliveries.now());
    }
    bool more = !tenant->load;
    while (more) {
      const Result<bool> kept = co_await tenant->deliveries.keep(true);
      all_kept = all_kept && (kept || is_gone(kept.error()));
      more = kept.value_or(false);
    }
  }
  if (all_kept) {
    Status ended = co_await store_.put_setting(std::string(kOrderlySetting), "yes");
    (void)ended;  // without it, the next life is careful
  }
}

void Engine::advanced(const TenantName& tenant) {
  const std::scoped_lock lock(inbox_mutex_);
  inbox_.advanced.insert(tenant);
  post_inbox();
}

void Engine::changed(const TenantName& tenant) {
  const std::scoped_lock lock(inbox_mutex_);
  inbox_.changed.insert(tenant);
  post_inbox();
}

// With the mutex held.
void Engine::post_inbox() {
  if (!std::exchange(inbox_.posted, true)) {
    boost::asio::post(executor_, [this] { take_inbox(); });
  }
}

void Engine::take_inbox() {
  Inbox inbox;
  {
    const std::scoped_lock lock(inbox_mutex_);
    inbox = std::exchange(inbox_, {});
  }
  if (stopping_) {
    return;
  }
  for (const TenantName& name : inbox.changed) {
    tenant(name).load = true;
    wake(tenant(name));
  }
  for (const TenantName& name : inbox.advanced) {
    if (const auto known = tenants_.find(name); known != tenants_.end()) {
      known->second->deliveries.head_moved();
      wake(*known->second);
    }
  }
  begin_rounds();
}

Engine::Tenant& Engine::tenant(const TenantName& name) {
  const auto known = tenants_.find(name);
  if (known != tenants_.end()) {
    return *known->second;
  }
  auto added = std::make_unique<Tenant>(parts_, name, crashed_, ++tenants_known_);
  return *tenants_.emplace(name, std::move(added)).first->second;
}

void Engine::wake(Tenant& tenant) {
  if (!tenant.queued && !stopping_) {
    tenant.queued = true;
    ready_.push_back(&tenant);
  }
}

void Engine::begin_rounds() {
  for (std::size_t looked = ready_.size();
       looked > 0 && running_ < limits_.rounds && !ready_.empty(); --looked) {
    Tenant& next = *ready_.front();
    ready_.pop_front();
    if (next.running) {
      ready_.push_back(&next);
      continue;
    }
    next.queued = false;
    next.running = true;
    ++running_;
    rounds_.spawn(round(next));
  }
}

// One tenant's turn: what has changed is loaded, what was decided is kept, and the next slice of
// the journal is read.
Task<> Engine::round(Tenant& tenant) {
  bool loaded = true;
  if (tenant.load && tenant.load_at == MonotonicTime::max()) {
    loaded = co_await load(tenant);
  }
  if (loaded && !tenant.load && (tenant.keep || tenant.deliveries.asked())) {
    co_await keep(tenant);
  }
  if (loaded && !tenant.load && tenant.deliveries.wants_scan()) {
    co_await scan(tenant);
  }
  --running_;
  tenant.running = false;
  sweep(tenant);
  begin_rounds();
}

Task<bool> Engine::load(Tenant& tenant) {
  tenant.load = false;
  const Status loaded = co_await tenant.deliveries.load();
  if (loaded) {
    if (tenant.deliveries.asked()) {
      tenant.keep = true;
    }
    keep_by(tenant, tenant.deliveries.letters_due());
    dispatch_all(tenant);
    co_return true;
  }
  if (is_gone(loaded.error())) {
    tenant.deliveries.forget();
    co_return false;
  }
  tenant.load = true;
  tenant.load_at = world_.clock().monotonic() + limits_.try_again_after;
  set_alarm(tenant);
  co_return false;
}

Task<> Engine::keep(Tenant& tenant) {
  tenant.keep = false;
  tenant.keep_at = MonotonicTime::max();
  set_alarm(tenant);
  std::vector<std::pair<Place*, Subscriber::Start>> marked = std::exchange(tenant.to_mark, {});
  const Result<bool> kept = co_await tenant.deliveries.keep();
  counters_.commits.fetch_add(1, std::memory_order_relaxed);
  for (auto& [place, start] : marked) {
    if (kept && !stopping_) {
      tasks_.spawn(attempt(&tenant, place, std::move(start)));
    } else {
      place->subscriber.abandon(start, tenant.deliveries.now());
      after_attempt(tenant, *place, start);
    }
  }
  if (!kept) {
    const bool reload = is_gone(kept.error()) || kept.error().code == Code::kConflict;
    tenant.load = tenant.load || reload;
    if (reload) {
      wake(tenant);
    }
    keep_by(tenant, world_.clock().monotonic() + limits_.try_again_after);
    co_return;
  }
  if (*kept) {
    tenant.keep = true;
    wake(tenant);
  }
  keep_by(tenant, tenant.deliveries.letters_due());
  dispatch_all(tenant);
}

Task<> Engine::scan(Tenant& tenant) {
  const Result<bool> more = co_await tenant.deliveries.scan();
  if (!more) {
    if (is_gone(more.error())) {
      tenant.load = true;
      wake(tenant);
      co_return;
    }
    keep_by(tenant, world_.clock().monotonic() + limits_.try_again_after);
    co_return;
  }
  dispatch_all(tenant);
  if (*more) {
    wake(tenant);
  }
}

// Forgets subscriptions that are gone, and a tenant that has none.
void Engine::sweep(Tenant& tenant) {
  for (auto& [id, place] : tenant.deliveries.places()) {
    if (place->gone && place->in_flight == 0) {
      due_.erase({place->armed, Spot(&tenant, place.get())});
      waiting_.erase(tenant.deliveries.tenant().str(), place.get());
    }
  }
  tenant.deliveries.sweep();
  if (!tenant.load && !tenant.queued && tenant.in_flight == 0 &&
      tenant.deliveries.places().empty() && !tenant.deliveries.asked()) {
    alarms_.erase({tenant.alarm_at, &tenant});
    tenants_.erase(TenantName(tenant.deliveries.tenant()));
  }
}

void Engine::dispatch_all(Tenant& tenant) {
  for (auto& [id, place] : tenant.deliveries.places()) {
    if (!place->gone) {
      serve(tenant, *place, kTurn);
    }
  }
  dispatch_waiting();
}

// Who cannot start all it has waits for its next turn.
void Engine::serve(Tenant& tenant, Place& place, std::size_t most) {
  if (!place.waits_for_slot && dispatch(tenant, place, most)) {
    place.waits_for_slot = true;
    waiting_.push(tenant.deliveries.tenant().str(), &place);
  }
}

bool Engine::dispatch(Tenant& tenant, Place& place, std::size_t most) {
  std::optional<Subscriber::Start> start;
  for (std::size_t started = 0; !stopping_ && !place.gone; ++started) {
    const Now now = tenant.deliveries.now();
    if (place.subscriber.due(!alone_taken_) > now.monotonic) {
      break;
    }
    if (started == most || !has_slot(tenant)) {
      return true;
    }
    start = place.subscriber.next(now, !alone_taken_);
    if (!start) {
      break;
    }
    launch(tenant, place, std::move(*start));
  }
  arm(tenant, place);
  plan_keep(tenant, place);
  return false;
}

// Those who wait take turns, one attempt each.
void Engine::dispatch_waiting() {
  for (std::size_t passed = 0; passed < waiting_.lanes() && in_flight_ < limits_.in_flight;) {
    const auto name = TenantName::parse(waiting_.front_lane());
    check(name.has_value(), "a lane is a tenant's");
    Tenant& turn = tenant(*name);
    if (!has_slot(turn)) {
      waiting_.pass();
      ++passed;
      continue;
    }
    Place& place = *waiting_.pop();
    place.waits_for_slot = false;
    serve(turn, place, 1);
    passed = 0;
  }
}

// A tenant may have as many slots as are free: alone half of them, of two who want all a third
// each.
bool Engine::has_slot(const Tenant& tenant) const {
  return in_flight_ < limits_.in_flight && tenant.in_flight < limits_.in_flight - in_flight_;
}

void Engine::launch(Tenant& tenant, Place& place, Subscriber::Start start) {
  ++in_flight_;
  ++tenant.in_flight;
  ++place.in_flight;
  counters_.in_flight.store(in_flight_, std::memory_order_relaxed);
  alone_taken_ = alone_taken_ || start.what.alone;
  if (start.what.mark_first && !start.what.bury) {
    tenant.to_mark.emplace_back(&place, std::move(start));
    tenant.keep = true;
    wake(tenant);
    return;
  }
  tasks_.spawn(attempt(&tenant, &place, std::move(start)));
}

// The tenant and the place live while something of theirs is in flight.
Task<> Engine::attempt(Tenant* tenant, Place* place, Subscriber::Start start) {
  const std::optional<Outcome> outcome = co_await make_attempt(tenant, place, &start);
  const bool cancelled = co_await is_cancelled();
  const Now now = tenant->deliveries.now();
  if (!outcome || cancelled) {
    place->subscriber.abandon(start, now);
  } else {
    const Track::Finished finished =
        place->subscriber.finish(start, *outcome, start.what.event, now, world_.random());
    record(*tenant, *place, start, *outcome, finished);
  }
  after_attempt(*tenant, *place, start);
  begin_rounds();
}

// Nothing when the store could not give the event.
Task<std::optional<Outcome>> Engine::make_attempt(Tenant* tenant, Place* place,
                                                  Subscriber::Start* start) {
  if (start->what.event.empty()) {
    Result<FoundEvent> found =
        co_await store_.held(tenant->deliveries.tenant(), start->what.sequence);
    if (!found && !is_gone(found.error())) {
      co_await world_.sleep(limits_.try_again_after);
      co_return std::nullopt;
    }
    if (!found || found->state != FoundEvent::State::kPresent) {
      const bool erased = found && found->state == FoundEvent::State::kErased;
      co_return Outcome{.verdict = Verdict::kGiveUp, .reason = erased ? "erased" : "expired"};
    }
    start->what.event = SharedBytes(std::move(found->bytes));
  }
  if (start->what.bury) {
    co_return Outcome{.verdict = Verdict::kGiveUp, .reason = "poison"};
  }
  const std::shared_ptr<const Target> target = place->subscriber.subscription().target;
  const bool live = start->track == kLive;
  Outcome outcome =
      co_await target->attempt(Delivery{.event = start->what.event,
                                        .sequence = start->what.sequence,
                                        .previous = start->what.previous,
                                        .attempt = start->what.attempt,
                                        .replay = live ? std::string() : start->track});
  co_return outcome;
}

void Engine::record(const Tenant& tenant, const Place& place, const Subscriber::Start& start,
                    const Outcome& outcome, const Track::Finished& finished) {
  const bool delivered = outcome.verdict == Verdict::kDelivered;
  (delivered ? counters_.delivered : counters_.failed).fetch_add(1, std::memory_order_relaxed);
  counters_.dead_lettered.fetch_add(finished.dead_lettered ? 1 : 0, std::memory_order_relaxed);
  if (start.what.bury) {
    return;
  }
  const auto bucket = std::ranges::lower_bound(EngineCounters::kLatencyMost, outcome.latency);
  counters_.latency[static_cast<std::size_t>(bucket - EngineCounters::kLatencyMost.begin())]
      .fetch_add(1, std::memory_order_relaxed);
  counters_.latency_micros.fetch_add(static_cast<std::uint64_t>(outcome.latency.count()),
                                     std::memory_order_relaxed);
  const bool live = start.track == kLive;
  log_.append(AttemptEntry{.tenant = tenant.deliveries.tenant(),
                           .subscription = place.subscriber.subscription().id,
                           .sequence = start.what.sequence,
                           .attempt = start.what.attempt,
                           .at = world_.clock().wall(),
                           .latency = outcome.latency,
                           .delivered = delivered,
                           .status = outcome.status,
                           .reason = outcome.reason,
                           .address = outcome.address,
                           .next_attempt = finished.next,
                           .replay = live ? std::string() : start.track,
                           .answer = outcome.answer});
}

void Engine::after_attempt(Tenant& tenant, Place& place, const Subscriber::Start& start) {
  --in_flight_;
  --tenant.in_flight;
  --place.in_flight;
  counters_.in_flight.store(in_flight_, std::memory_order_relaxed);
  if (stopping_ && in_flight_ == 0) {
    timer_signal_.notify();
  }
  const bool alone_free = start.what.alone;
  alone_taken_ = alone_taken_ && !alone_free;
  if (place.gone || tenant.deliveries.wants_scan(place)) {
    wake(tenant);
  }
  if (alone_free) {
    for (auto& [name, other] : tenants_) {
      dispatch_all(*other);
    }
    return;
  }
  serve(tenant, place, 1);
  dispatch_waiting();
}

void Engine::arm(Tenant& tenant, Place& place) {
  const MonotonicTime due = place.subscriber.due(!alone_taken_);
  if (due == place.armed) {
    return;
  }
  const Spot spot(&tenant, &place);
  due_.erase({place.armed, spot});
  place.armed = due;
  if (due != MonotonicTime::max()) {
    due_.emplace(due, spot);
    if (due_.begin()->second == spot) {
      timer_signal_.notify();
    }
  }
}

void Engine::plan_keep(Tenant& tenant, const Place& place) {
  const Subscriber& subscriber = place.subscriber;
  if (subscriber.urgent()) {
    tenant.keep = true;
    wake(tenant);
    return;
  }
  const bool dirty = subscriber.dirty();
  if (!dirty && !subscriber.moved()) {
    return;
  }
  keep_by(tenant, world_.clock().monotonic() + (dirty ? limits_.keep_after : kKeepMovedAfter));
}

void Engine::keep_by(Tenant& tenant, MonotonicTime at) {
  if (at < tenant.keep_at) {
    tenant.keep_at = at;
    set_alarm(tenant);
  }
}

void Engine::set_alarm(Tenant& tenant) {
  const MonotonicTime at = std::min(tenant.keep_at, tenant.load_at);
  if (at == tenant.alarm_at) {
    return;
  }
  alarms_.erase({tenant.alarm_at, &tenant});
  tenant.alarm_at = at;
  if (at != MonotonicTime::max()) {
    alarms_.emplace(at, &tenant);
    if (alarms_.begin()->second == &tenant) {
      timer_signal_.notify();
    }
  }
}

Task<> Engine::timer() {
  while (!stopping_) {
    const bool cancelled = co_await is_cancelled();
    if (cancelled) {
      co_return;
    }
    fire();
    const MonotonicTime now = world_.clock().monotonic();
    MonotonicTime next = census_at_;
    if (!due_.empty()) {
      next = std::min(next, due_.begin()->first);
    }
    if (!alarms_.empty()) {
      next = std::min(next, alarms_.begin()->first);
    }
    co_await timer_signal_.wait(world_, std::max(next - now, Duration::zero()));
  }
}

// Does what is due.
void Engine::fire() {
  const MonotonicTime now = world_.clock().monotonic();
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    Tenant& due = *alarms_.begin()->second;
    if (due.keep_at <= now) {
      due.keep = true;
      due.keep_at = MonotonicTime::max();
    }
    if (due.load_at <= now) {
      due.load_at = MonotonicTime::max();
    }
    set_alarm(due);
    wake(due);
  }
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto [tenant, place] = due_.begin()->second;
    due_.erase(due_.begin());
    place->armed = MonotonicTime::max();
    serve(*tenant, *place, kTurn);
  }
  if (census_at_ <= now) {
    take_census();
    census_at_ = now + limits_.census_every;
  }
  dispatch_waiting();
  begin_rounds();
}

void Engine::take_census() {
  Census census;
  for (const auto& [name, tenant] : tenants_) {
    for (const auto& [id, place] : tenant->deliveries.places()) {
      census.add(place->subscriber, tenant->deliveries.head(), world_.clock().wall());
    }
  }
  CensusReport report = std::move(census).report();
  report.tenants_waiting = ready_.size();
  report.slots_wanted = waiting_.size();
  const std::scoped_lock lock(census_mutex_);
  census_ = report;
}

CensusReport Engine::census() const {
  const std::scoped_lock lock(census_mutex_);
  return census_;
}

}  // namespace bitvault::delivery
