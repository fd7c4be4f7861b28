// For tests: Webhooks on the real store, in process and on one thread.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/crypto.h"
#include "catalog/catalog.h"
#include "event/event.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/store/faulty_store.h"
#include "tests/store/make_event.h"
#include "tests/store/single_thread.h"
#include "tests/store/temporary_folder.h"
#include "tests/store/test_world.h"
#include "webhooks/test_attempt_log.h"
#include "webhooks/test_outgoing.h"
#include "webhooks/webhooks.h"

namespace bitvault::webhooks {

class WebhooksTest : public testing::Test {
 protected:
  static constexpr WebhookLimits kLimits{.webhooks = 5,
                                         .tests = 3,
                                         .tests_of_tenant = 2,
                                         .requests = 4,
                                         .replays_running = 2,
                                         .replays_kept = 4};

  void SetUp() override {
    auto opened = SqliteStore::open({.folder = folder_.path() + "/data",
                                     .writer = thread_.executor(),
                                     .readers = thread_.executor()},
                                    world_, [](const TenantName&, const JournalHead&) {});
    ASSERT_TRUE(opened) << opened.error().detail;
    sqlite_ = std::move(*opened);
    store_.emplace(*sqlite_, world_, [this](bitvault::test::FaultyStore::Call call, std::uint64_t) {
      return before_ ? before_(call) : Fault{};
    });
    const Digest master = sha256("master");
    webhooks_.emplace(
        Webhooks::Parts{.world = world_,
                        .store = *store_,
                        .catalog = Catalog::builtin(),
                        .outgoing = outgoing_,
                        .attempts = attempts_,
                        .version = "1.2.3"},
        SecretKey{std::span<const std::byte, 32>(master)},
        [this](const TenantName& tenant) { changed_.push_back(tenant.str()); }, kLimits);
    for (const TenantName& tenant : {acme_, other_}) {
      tell_events(tenant, true);
    }
  }

  template <class T>
  T run(Task<T> task) {
    return thread_.run(std::move(task));
  }

  void tell_events(const TenantName& tenant, bool wanted) {
    TenantPatch patch;
    patch.operational_events = wanted;
    ASSERT_TRUE(run(sqlite_->put_tenant(tenant, patch)));
  }
  Webhook create(const TenantName& tenant, WebhookSettings settings, Sequence after = {}) {
    auto made = run(webhooks_->create(tenant, actor_, std::move(settings), {}, after));
    EXPECT_TRUE(made) << made.error().detail;
    return std::move(*made);
  }
  Webhook create() { return create(acme_, {.url = "https://example.com/hook?code=hunter2"}); }
  Webhook get(const std::string& id) {
    auto found = run(webhooks_->get(acme_, id));
    EXPECT_TRUE(found);
    return std::move(*found);
  }

  // What the tenant's journal holds.
  std::vector<std::string> journal(const TenantName& tenant) {
    std::vector<std::string> events;
    const auto slice = run(sqlite_->read(tenant, {}, {}));
    for (const StoredEvent& event : slice->events) {
      events.emplace_back(event.bytes.view());
    }
    return events;
  }
  // The last part but one of the types: "created updated".
  std::string told(const TenantName& tenant) {
    std::string words;
    for (const std::string& event : journal(tenant)) {
      const std::string_view type = read_head(event).type;
      if (type.starts_with(kTypePrefix)) {
        words += (words.empty() ? "" : " ");
        words += type.substr(kTypePrefix.size(), type.size() - kTypePrefix.size() - 3);
      }
    }
    return words;
  }
  Sequence publish(const std::string& id) {
    Transaction transaction(acme_);
    transaction.append(bitvault::test::given_event(acme_, id));
    return run(sqlite_->commit(std::move(transaction)))->events.front().sequence;
  }
  template <class T>
  std::vector<T> records(Collection collection, const std::string& id) {
    std::vector<T> found;
    const auto page = run(sqlite_->scan(acme_, collection, delivery::prefix_of(id), "", 1'000));
    for (const Record& record : page->items) {
      if constexpr (std::is_same_v<T, delivery::ReplayRecord>) {
        if (delivery::last_part_of(record.key) == delivery::kLive) {
          continue;
        }
      }
      found.push_back(delivery::from_record<T>(record.value).value());
    }
    return found;
  }
  void add_dead_letter(const std::string& id, const std::string& event_id, Sequence sequence) {
    Transaction transaction(acme_);
    transaction.put(
        delivery::kDeadLetters, delivery::sequence_key(id, sequence),
        delivery::to_record(delivery::DeadLetter{.sequence = sequence,
                                                 .previous = {},
                                                 .event_id = event_id,
                                                 .event_type = "bitvault.node.created.v1",
                                                 .reason = "exhausted",
                                                 .attempts = 7,
                                                 .first = {},
                                                 .at = {},
                                                 .status = 503,
                                                 .failure = "http_503",
                                                 .detail = {},
                                                 .answer = "busy"}));
    ASSERT_TRUE(run(sqlite_->commit(std::move(transaction))));
  }

  const TenantName acme_ = TenantName::parse("acme").value();
  const TenantName other_ = TenantName::parse("other").value();
  const Actor actor_{"key_1"};
  bitvault::test::TemporaryFolder folder_;
  bitvault::test::SingleThread thread_;
  bitvault::test::TestWorld world_;
  test::TestOutgoing outgoing_;
  test::TestAttemptLog attempts_;
  std::vector<std::string> changed_;
  std::unique_ptr<SqliteStore> sqlite_;
  std::optional<bitvault::test::FaultyStore> store_;
  std::optional<Webhooks> webhooks_;

  // What happens to the store's calls.
  using Fault = bitvault::test::FaultyStore::Fault;
  std::function<Fault(bitvault::test::FaultyStore::Call)> before_;
};

}  // namespace bitvault::webhooks
