// For the tests of the API: all of it on the real store, in process and on one thread, and a client
// that looks at each answer before the test does.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/api.h"
#include "api/metrics.h"
#include "api/page_cache.h"
#include "api/rate_limits.h"
#include "bus/head_bus.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/store/faulty_store.h"
#include "tests/store/single_thread.h"
#include "tests/store/temporary_folder.h"
#include "tests/store/test_world.h"
#include "webhooks/test_attempt_log.h"
#include "webhooks/test_outgoing.h"
#include "webhooks/webhooks.h"

namespace bitvault::api {

// What a client sends. `key` is the token itself; empty: none.
struct Sent {
  std::string method;
  std::string target;
  std::string key = {};
  std::string body = {};
  std::string type = "application/json";  // when there is a body
  std::vector<std::pair<std::string, std::string>> headers = {};
  bool from_loopback = false;
};

struct Got {
  unsigned status = 0;
  std::string type;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  boost::json::value json;  // of the body; null when it is none

  // The header's value, "" when there is none.
  [[nodiscard]] std::string header(std::string_view name) const;
  // What stands at a JSON pointer: a string's text, other values as JSON, "" when there is nothing.
  [[nodiscard]] std::string at(std::string_view pointer) const;
  // "<status> <code>" of a problem, "<status>" of any other answer.
  [[nodiscard]] std::string outcome() const;
};

// A valid event on one line; `members` stand before its data, such as R"("id":"a",)".
[[nodiscard]] std::string node_created(const std::string& members = "",
                                       const std::string& name = "a.txt");

class ApiTest : public testing::Test {
 protected:
  using Fault = test::FaultyStore::Fault;

  ApiTest();
  void SetUp() override;  // the tenants acme and other, and an operator

  // Sends it as the server would, and checks what every answer must have.
  Got send(const Sent& sent);
  Got get(const std::string& target) { return send({"GET", target, operator_}); }
  Got post(const std::string& target, const std::string& body) {
    return send({"POST", target, operator_, body});
  }
  Got publish(const std::string& body, const std::string& type = "application/cloudevents+json") {
    return send({"POST", "/v1/tenants/acme/events", operator_, body, type});
  }
  std::string key(const std::string& tenant, const std::vector<std::string>& scopes);
  static std::vector<std::string> all_scopes();  // but inbox:read, which belongs to a user
  void make_tenant(const std::string& name);
  void begin_deleting(const std::string& name);
  void purge();  // ends it

  // A webhook of acme's with a dead letter and a replay that runs, as an engine leaves them.
  void make_webhook(const std::string& id, const std::string& event_id, Sequence sequence);

  // Changes the store's file while no store has it open.
  void by_hand(const std::string& sql);
  template <class T>
  T run(Task<T> task) {
    return thread_.run(std::move(task));
  }

  test::TemporaryFolder folder_;
  test::SingleThread thread_;
  test::TestWorld world_;
  test::FaultyStore::Decide fault_;  // empty: none
  const CursorCodec cursors_;
  Metrics metrics_;
  HeadBus bus_;
  webhooks::test::TestOutgoing outgoing_;
  webhooks::test::TestAttemptLog attempts_;
  std::string operator_;    // its key
  int tenant_changes_ = 0;  // that the API told of

  // All that stands on the store.
  std::unique_ptr<SqliteStore> sqlite_;
  std::optional<test::FaultyStore> store_;
  std::optional<Keys> keys_;
  std::optional<Feed> feed_;
  std::optional<LiveFeed> live_;
  std::optional<RateLimits> limits_;
  std::optional<PageCache> pages_;
  std::optional<webhooks::Webhooks> webhooks_;
  std::optional<Api> api_;

 private:
  void open();
  void close();
};

}  // namespace bitvault::api
