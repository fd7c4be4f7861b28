#include "node.h"

#include <algorithm>

namespace bitvault::sim {

HeadHub::Listening::Listening(HeadHub& hub, TenantName tenant, Signal& signal)
    : hub_(hub), tenant_(std::move(tenant)), signal_(&signal) {
  hub_.signals_[tenant_].push_back(signal_);
}

HeadHub::Listening::~Listening() { std::erase(hub_.signals_[tenant_], signal_); }

void HeadHub::announce(const TenantName& tenant, Sequence head, Duration now) {
  announced_[tenant].emplace(head, now);
  for (Signal* signal : signals_[tenant]) {
    signal->notify();
  }
}

std::optional<Duration> HeadHub::announced(const TenantName& tenant, Sequence sequence) const {
  const auto of_tenant = announced_.find(tenant);
  if (of_tenant == announced_.end()) {
    return std::nullopt;
  }
  const auto at = of_tenant->second.lower_bound(sequence);
  return at == of_tenant->second.end() ? std::nullopt : std::optional(at->second);
}

Node::Node(Scheduler& scheduler, const SimClock& clock, Observers& observers,
           Violations& violations)
    : observers_(observers),
      violations_(violations),
      world_(scheduler, clock),
      tasks_(world_.executor()) {}

Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::boot(Scheduler& scheduler, const SimClock& clock,
                                         NodeOptions options, Observers& observers,
                                         Violations& violations) {
  std::unique_ptr<Node> node(new Node(scheduler, clock, observers, violations));
  Node& self = *node;
  options.sqlite.writer = self.world_.executor();
  options.sqlite.readers = self.world_.executor();
  auto opened = SqliteStore::open(
      std::move(options.sqlite), self.world_,
      [&self](const TenantName& tenant, const JournalHead& head) { self.hear(tenant, head); });
  if (!opened) {
    return fail(std::move(opened.error()));
  }
  self.sqlite_ = std::move(*opened);
  self.faulty_ =
      std::make_unique<test::FaultyStore>(*self.sqlite_, self.world_, std::move(options.decide));
  if (options.wrap) {
    self.wrapped_ = options.wrap(*self.faulty_, self.world_, self.tasks_);
  }
  self.deaf_ = options.deaf;
  self.patience_error_ = options.patience_error;
  return node;
}

void Node::hear(const TenantName& tenant, const JournalHead& head) {
  observers_.tell(&Checker::announced, tenant, head);
  observers_.see(tenant, head.head);
  if (deaf_ && world_.random().below(5) == 0) {
    return;
  }
  heads_.announce(tenant, head.head, world_.scheduler().now());
}

Task<Result<Slice>> Node::poll(TenantName tenant, Sequence after, ReadLimit limit, Duration wait) {
  Signal grown(world_.executor());
  const HeadHub::Listening listening(heads_, tenant, grown);
  const MonotonicTime deadline = world_.clock().monotonic() + wait;
  bool overslept = false;
  while (true) {
    const Duration looked = world_.scheduler().now();
    auto slice = co_await store().read(tenant, after, limit);
    if (overslept && slice && !slice->events.empty()) {
      const auto announced = heads_.announced(tenant, after.next());
      if (!announced || looked - *announced > patience_error_) {
        violations_.add("WakeUps", "{}: nobody was told of {} until the time was up", tenant.str(),
                        after.next().value);
      }
    }
    const Duration patience = deadline - world_.clock().monotonic();
    const bool cancelled = co_await is_cancelled();
    if (!slice || !slice->events.empty() || cancelled || patience <= Duration{0}) {
      co_return slice;
    }
    const bool notified = co_await grown.wait(world_, patience);
    overslept = !notified;
  }
}

}  // namespace bitvault::sim
