#include "delivery_life.h"

#include <fmt/format.h>

#include "tests/store/make_event.h"

namespace bitvault::sim {

using delivery::Subscription;

EncodedEvent numbered_event(const TenantName& tenant, std::uint64_t sequence,
                            const std::string& key) {
  std::string divisors;
  for (std::uint64_t divisor = 1; divisor <= 3; ++divisor) {
    if (sequence % divisor == 0) {
      divisors += fmt::format("{}\"{}\"", divisors.empty() ? "" : ",", divisor);
    }
  }
  EventDraft draft;
  draft.type = "bitvault.node.created.v1";
  draft.data = fmt::format(R"({{"divisors":[{}]}})", divisors);
  draft.id = test::event_id(fmt::format("e-{}", sequence));
  const EventDefaults defaults{.tenant = tenant,
                               .id = *draft.id,
                               .time = WallTime{Duration{1'795'406'522'000'000}},
                               .dataschema = "urn:x",
                               .partitionkey = key,
                               .subject = "/a",
                               .traceparent = std::nullopt};
  return encode(draft, defaults).value();
}

class DeliveryLife::EndpointTarget final : public delivery::Target {
 public:
  EndpointTarget(World& world, Endpoint& endpoint) : world_(world), endpoint_(endpoint) {}

  [[nodiscard]] Task<delivery::Outcome> attempt(delivery::Delivery delivery) const override {
    delivery::Outcome outcome = co_await endpoint_.serve(world_, std::move(delivery));
    co_return outcome;
  }

 private:
  World& world_;
  Endpoint& endpoint_;
};

class DeliveryLife::NoLog final : public AttemptLog {
 public:
  void append(AttemptEntry) override {}
  [[nodiscard]] Task<Result<AttemptPage>> read(AttemptQuery) override { co_return AttemptPage{}; }
  void forget(const TenantName&, std::optional<std::string>) override {}
};

DeliveryLife::DeliveryLife(Scheduler& scheduler, const SimClock& clock, Endpoints& endpoints)
    : endpoints_(endpoints),
      world_(scheduler, clock),
      tasks_(world_.executor()),
      log_(std::make_unique<NoLog>()) {}

DeliveryLife::~DeliveryLife() = default;

Status DeliveryLife::open(SqliteOptions sqlite, test::FaultyStore::Decide decide,
                          delivery::EngineLimits limits) {
  sqlite.writer = world_.executor();
  sqlite.readers = world_.executor();
  auto opened = SqliteStore::open(std::move(sqlite), world_,
                                  [this](const TenantName& tenant, const JournalHead&) {
                                    if (engine_) {
                                      engine_->advanced(tenant);
                                    }
                                  });
  if (!opened) {
    return fail(std::move(opened.error()));
  }
  sqlite_ = std::move(*opened);
  faulty_ = std::make_unique<test::FaultyStore>(*sqlite_, world_, std::move(decide));
  engine_ =
      std::make_unique<delivery::Engine>(world_, *faulty_, *this, *log_, world_.executor(), limits);
  return {};
}

Task<Result<std::vector<Subscription>>> DeliveryLife::subscriptions(TenantName tenant) {
  co_await commit_at(Moment::kBeforeReading);
  Result<ListPage<Record>> page = co_await store().scan(tenant, kSubscriptions, "", "", 100);
  if (!page) {
    co_return fail(std::move(page.error()));
  }
  co_await commit_at(Moment::kAfterReading);
  std::vector<Subscription> subscriptions;
  for (const Record& record : page->items) {
    Endpoint& endpoint = *endpoints_.at({tenant, record.key});
    const EndpointPlan& plan = endpoint.plan();
    Subscription subscription{.id = record.key, .enabled = record.value == "enabled"};
    if (plan.every > 1) {
      subscription.filter = {
          Filter{},
          Pattern::compile(fmt::format(R"({{"data":{{"divisors":["{}"]}}}})", plan.every)).value()};
    }
    subscription.policy = plan.policy;
    subscription.target = std::make_shared<EndpointTarget>(world_, endpoint);
    subscriptions.push_back(std::move(subscription));
  }
  co_return subscriptions;
}

Task<> DeliveryLife::commit_at(Moment moment) {
  if (!meanwhile_ || meanwhile_->first != moment) {
    co_return;
  }
  Transaction transaction = std::exchange(meanwhile_, std::nullopt)->second;
  const auto committed = co_await store().commit(std::move(transaction));
  check(committed.has_value(), "a scene's commits succeed");
}

Task<Status> DeliveryLife::tell(std::vector<delivery::Notice> notices, Transaction& transaction) {
  for (const delivery::Notice& notice : notices) {
    ++told_[notice.kind];
    if (notice.kind == delivery::Notice::Kind::kDisabled) {
      transaction.put(kSubscriptions, notice.subscription, "disabled");
    }
  }
  co_return Status();
}

}  // namespace bitvault::sim
