#include "node.h"

#include <algorithm>

namespace bitvault::sim {

namespace {

// How late a wait may end: as long as some calls of the store may take that are made slow.
constexpr Duration kLatest = std::chrono::seconds(3);

}  // namespace

std::optional<Duration> Announcements::of(const TenantName& tenant, Sequence sequence) const {
  const auto of_tenant = heads_.find(tenant);
  if (of_tenant == heads_.end()) {
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
                                         NodeOptions options, const CursorCodec& cursors,
                                         Observers& observers, Violations& violations) {
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
  self.feed_ = std::make_unique<Feed>(self.world_, self.store(), self.bus_, cursors);
  self.retention_.emplace(self.world_, self.store(), options.retention);
  self.let_go_.emplace(self.world_, self.world_.executor(), options.retention_every,
                       [&self] { return self.retention_round(); });
  self.tasks_.spawn(self.let_go_->run());
  return node;
}

Task<bool> Node::retention_round() {
  const Retention::Outcome outcome = co_await retention_->round();
  co_return outcome.more;
}

void Node::hear(const TenantName& tenant, const JournalHead& head) {
  observers_.tell(&Checker::announced, tenant, head);
  observers_.see(tenant, head.head);
  announcements_.add(tenant, head.head, world_.scheduler().now());
  if (deaf_ && world_.random().below(5) == 0) {
    return;
  }
  bus_.announce(tenant);
}

Task<Result<FeedAnswer>> Node::read_feed(FeedQuery query) {
  const TenantName tenant = query.tenant;
  const Duration begun = world_.scheduler().now();
  auto answer = co_await feed_->read(std::move(query));
  if (answer && std::holds_alternative<FeedPage>(*answer)) {
    auto& page = std::get<FeedPage>(*answer);
    page.memory.shrink_to(0);  // it leaves the node
    const Duration now = world_.scheduler().now();
    const Sequence first = page.events.empty() ? Sequence{} : page.events.front().sequence;
    const Duration there = announcements_.of(tenant, first).value_or(begun);
    if (!page.events.empty() && now - std::max(begun, there) > kLatest) {
      violations_.add("WakeUps", "{}: {} was there at {} us, the wait for it ended at {} us",
                      tenant.str(), first.value, there.count(), now.count());
    }
  }
  co_return answer;
}

}  // namespace bitvault::sim
