// Webhooks keeps the webhooks of every tenant: as records in the store, and as what the delivery
// engine is told of them.
//
// Each change is one commit: the configuration, what the engine is to do, and the event about it,
// where the tenant wants such. `changed` is called after each. A webhook of another tenant is as
// unknown as one that never was (kNotFound). Secrets come out of create(), update() and rotate()
// only, in the webhook that they return: what is new was made when it was updated.
//
// Thread-safe; each call runs on its caller's executor.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/crypto.h"
#include "delivery/records.h"
#include "delivery/subscription.h"
#include "store/attempt_log.h"
#include "store/store.h"
#include "webhooks/webhook.h"
#include "webhooks/webhook_events.h"
#include "world/outgoing.h"

namespace bitvault::webhooks {

struct WebhookLimits {
  std::size_t webhooks = 1'000;     // of one tenant
  std::size_t tests = 32;           // at once, of all tenants
  std::size_t tests_of_tenant = 4;  // at once
  std::size_t requests = 1'000;     // of one webhook, that wait for the engine
  std::size_t replays_running = 4;  // of one webhook
  std::size_t replays_kept = 50;    // of one webhook, ended ones included
};

// Which dead letters: these, or all.
struct DeadLetterChoice {
  static constexpr std::size_t kIdsMax = 1'000;
  std::optional<std::vector<std::string>> event_ids = {};
};

struct ReplayRange {
  Sequence after;  // the replay begins behind it
  Sequence until;  // and ends with it
  bool only_failed = false;
};

struct Replay {
  std::string id;
  delivery::ReplayRecord record;
};

// What came of a test.
struct TestAttempt {
  std::string event_id;
  WallTime at;
  delivery::Outcome outcome;
};

class Webhooks final : public delivery::Surface {
 public:
  // All of it outlives this.
  struct Parts {
    World& world;
    Store& store;
    const Catalog& catalog;
    Outgoing& outgoing;
    AttemptLog& attempts;
    std::string version;  // of the server
  };
  using Changed = std::function<void(const TenantName&)>;

  Webhooks(Parts parts, const SecretKey& master, Changed changed, WebhookLimits limits = {})
      : parts_(std::move(parts)),
        master_(master),
        changed_(std::move(changed)),
        limits_(limits),
        events_(parts_.catalog) {}

  // --- Configuration. Errors: kInvalid with violations; kConflict when there are too many, or when
  // others kept changing the same.
  [[nodiscard]] Task<Result<Webhook>> create(TenantName tenant, Actor actor,
                                             WebhookSettings settings,
                                             std::optional<SigningSecret> secret, Sequence after);
  [[nodiscard]] Task<Result<ListPage<Webhook>>> list(TenantName tenant, std::string after,
                                                     std::size_t limit);
  [[nodiscard]] Task<Result<Webhook>> get(TenantName tenant, std::string id);
  // `change` may be called more than once, each time with the settings as they are.
  using Change = std::function<Status(WebhookSettings&)>;
  [[nodiscard]] Task<Result<Webhook>> update(TenantName tenant, std::string id, Actor actor,
                                             Change change, std::vector<std::string> changed);
  [[nodiscard]] Task<Status> remove(TenantName tenant, std::string id);
  [[nodiscard]] Task<Result<Webhook>> rotate(TenantName tenant, std::string id, Actor actor,
                                             std::optional<SigningSecret> secret, Duration overlap);
  [[nodiscard]] Task<Result<Webhook>> enable(TenantName tenant, std::string id, Actor actor,
                                             Resume resume);
  [[nodiscard]] Task<Result<Webhook>> disable(TenantName tenant, std::string id, Actor actor);
  // Sends an event that is in no journal, now. Also to a webhook that is disabled.
  [[nodiscard]] Task<Result<TestAttempt>> test(TenantName tenant, std::string id, Actor actor);

  // How far it has come with its events.
  struct Progress {
    delivery::TrackRecord track;
    Sequence head;
    std::optional<WallTime> waiting_since = {};  // when the next event was recorded; absent: none
  };
  [[nodiscard]] Task<Result<Progress>> progress(TenantName tenant, std::string id);

  // --- Deliveries. Errors: kNotFound, kConflict (disabled), kRateLimited (too much waits already).
  // kEventPruned and kEventErased when the event's bytes are gone.
  [[nodiscard]] Task<Status> redeliver(TenantName tenant, std::string id, std::string event_id);
  [[nodiscard]] Task<Result<ListPage<delivery::DeadLetter>>> dead_letters(TenantName tenant,
                                                                          std::string id,
                                                                          Sequence after,
                                                                          std::size_t limit);
  [[nodiscard]] Task<Status> redeliver_dead(TenantName tenant, std::string id,
                                            DeadLetterChoice choice);
  [[nodiscard]] Task<Status> discard_dead(TenantName tenant, std::string id,
                                          DeadLetterChoice choice);

  [[nodiscard]] Task<Result<Replay>> start_replay(TenantName tenant, std::string id,
                                                  ReplayRange range);
  [[nodiscard]] Task<Result<ListPage<Replay>>> replays(TenantName tenant, std::string id,
                                                       std::string after, std::size_t limit);
  [[nodiscard]] Task<Result<Replay>> replay(TenantName tenant, std::string id,
                                            std::string replay_id);
  [[nodiscard]] Task<Status> cancel_replay(TenantName tenant, std::string id,
                                           std::string replay_id);

  // --- For the engine.
  [[nodiscard]] Task<Result<std::vector<delivery::Subscription>>> subscriptions(
      TenantName tenant) override;
  [[nodiscard]] Task<Status> tell(std::vector<delivery::Notice> notices,
                                  Transaction& transaction) override;

 private:
  // A webhook and the record that it was read from.
  struct Stored {
    Webhook webhook;
    std::string record;
  };
  // Changes the webhook and what else goes with it; false: there is nothing to change. And the
  // event that tells of it.
  using Step = std::function<Result<bool>(Webhook&, Transaction&, WallTime now)>;
  using EventOf = std::function<EncodedEvent(const Webhook&)>;

  [[nodiscard]] Result<delivery::Subscription> subscription(const Record& record,
                                                            const Sealer& opener);
  [[nodiscard]] Sealer sealer(const TenantName& tenant) const { return {master_, tenant}; }
  [[nodiscard]] WebhookEvents::Stub stub();
  [[nodiscard]] std::string new_id(std::string_view prefix);
  [[nodiscard]] Task<Result<Stored>> load(TenantName tenant, std::string id);
  [[nodiscard]] Task<Result<bool>> tells(TenantName tenant);
  [[nodiscard]] Task<Status> check_room(TenantName tenant);
  [[nodiscard]] Task<Status> judge(std::string url);
  // Changes a webhook in one commit, again when somebody else was faster.
  [[nodiscard]] Task<Result<Webhook>> apply(TenantName tenant, std::string id, Step step,
                                            EventOf event);
  [[nodiscard]] Task<Status> finish(Transaction transaction);

  // An enabled webhook that has room for one more request.
  [[nodiscard]] Task<Status> check_requests(TenantName tenant, std::string id,
                                            bool must_be_enabled);
  [[nodiscard]] Task<Status> request(TenantName tenant, std::string id, delivery::Request request);
  [[nodiscard]] Task<Result<std::vector<Sequence>>> sequences_of(TenantName tenant, std::string id,
                                                                 std::vector<std::string> ids);
  [[nodiscard]] Task<Status> make_room_for_replay(TenantName tenant, std::string id,
                                                  Transaction& transaction);
  [[nodiscard]] Task<Status> dead(TenantName tenant, std::string id, DeadLetterChoice choice,
                                  delivery::Request::Kind kind);
  [[nodiscard]] Task<Result<TestAttempt>> send_test(TenantName tenant, Webhook webhook,
                                                    Actor actor);

  const Parts parts_;
  const SecretKey master_;
  const Changed changed_;
  const WebhookLimits limits_;
  const WebhookEvents events_;
  std::atomic<std::int64_t> last_id_{0};  // the time in the last one, in microseconds
  std::mutex mutex_;
  std::map<TenantName, std::size_t> testing_;  // guarded by mutex_: tests under way
};

}  // namespace bitvault::webhooks
