#include "webhooks/webhook_events.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace bitvault::webhooks {
namespace {

using namespace std::chrono_literals;
using delivery::Notice;
namespace json = boost::json;

const TenantName kAcme = TenantName::parse("acme").value();
const WallTime kNow{1'795'406'522s};

Webhook webhook() {
  return {.id = "whk_1",
          .settings = {.url = "https://example.com/hook?code=hunter2",
                       .description = "für \"alle\"",
                       .headers = {{"X-Api-Key", SecretText("hunter2")}},
                       .basic_auth = BasicAuth{"user-hunter2", SecretText("hunter2")}},
          .disabled_reason = "asked"};
}

Notice notice(Notice::Kind kind) {
  return {.kind = kind,
          .subscription = "whk_1",
          .reason = "http_503",
          .at = kNow,
          .since = kNow - 5min,
          .sequence = {7},
          .event_id = "evt:7",
          .event_type = "bitvault.node.created.v1",
          .attempts = 4};
}

class WebhookEventsTest : public testing::Test {
 protected:
  WebhookEvents::Stub stub() const { return {EventId::parse("e1").value(), kNow}; }
  // What every event about a webhook has; its data.
  json::object data(const EncodedEvent& event, std::string_view verb) {
    const EventHead head = read_head(event.bytes);
    EXPECT_EQ(head.type, "bitvault.webhook." + std::string(verb) + ".v1");
    EXPECT_EQ(head.partitionkey, "whk_1");
    EXPECT_EQ(head.subject, "whk_1");
    EXPECT_FALSE(event.bytes.contains("hunter2")) << event.bytes;
    json::object data = json::parse(event.bytes).at("data").as_object();
    EXPECT_EQ(data.at("webhook").at("id"), "whk_1");
    EXPECT_EQ(data.at("webhook").at("endpoint"), "example.com/hook");
    EXPECT_EQ(data.at("webhook").at("description"), "für \"alle\"");
    return data;
  }

  const WebhookEvents events_{Catalog::builtin()};
  const Actor actor_{"key_1"};
};

TEST_F(WebhookEventsTest, SayWhoDidWhat) {
  json::object made = data(events_.created(kAcme, webhook(), actor_, stub()), "created");
  EXPECT_EQ(made.at("actor").at("id"), "key_1");
  EXPECT_EQ(made.at("actor").at("kind"), "ACTOR_KIND_SERVICE");
  made = data(events_.updated(kAcme, webhook(), actor_, {"url", "types"}, stub()), "updated");
  EXPECT_EQ(made.at("changed"), (json::array{"url", "types"}));
  made = data(events_.enabled(kAcme, webhook(), actor_, Resume::kCatchUp, stub()), "enabled");
  EXPECT_EQ(made.at("resume"), "WEBHOOK_RESUME_CATCH_UP");
  made = data(events_.enabled(kAcme, webhook(), actor_, Resume::kSkip, stub()), "enabled");
  EXPECT_EQ(made.at("resume"), "WEBHOOK_RESUME_SKIP");
  made = data(events_.disabled(kAcme, webhook(), actor_, stub()), "disabled");
  EXPECT_EQ(made.at("reason"), "asked");
  made = data(events_.test(kAcme, webhook(), actor_, stub()), "test");
  EXPECT_EQ(made.at("actor").at("id"), "key_1");
}

TEST_F(WebhookEventsTest, SayWhatTheEngineFound) {
  json::object made = data(events_.of(kAcme, webhook(), notice(Notice::Kind::kFailing)), "failing");
  EXPECT_EQ(made.at("since").as_string(), format_time(kNow - 5min));
  EXPECT_EQ(made.at("reason"), "http_503");
  made = data(events_.of(kAcme, webhook(), notice(Notice::Kind::kRecovered)), "recovered");
  EXPECT_EQ(made.at("since").as_string(), format_time(kNow - 5min));
  made = data(events_.of(kAcme, webhook(), notice(Notice::Kind::kDeadLettered)), "dead_lettered");
  EXPECT_EQ(
      made.at("event"),
      (json::object{{"id", "evt:7"}, {"type", "bitvault.node.created.v1"}, {"sequence", "7"}}));
  EXPECT_EQ(made.at("attempts"), 4);
  made = data(events_.of(kAcme, webhook(), notice(Notice::Kind::kDisabled)), "disabled");
  EXPECT_EQ(made.at("actor").at("kind"), "ACTOR_KIND_SYSTEM");
  EXPECT_EQ(made.at("reason"), "http_503");
}

TEST_F(WebhookEventsTest, AreTheSameForTheSameNotice) {
  const auto event = [&](const Notice& of) { return events_.of(kAcme, webhook(), of); };
  const Notice one = notice(Notice::Kind::kDeadLettered);
  EXPECT_EQ(event(one).id, event(one).id);
  EXPECT_EQ(event(one).bytes, event(one).bytes);
  Notice others[] = {one, one, one, notice(Notice::Kind::kFailing)};
  others[0].sequence = {8};
  others[1].at += 1us;
  others[2].subscription = "whk_2";
  for (const Notice& other : others) {
    EXPECT_NE(event(other).id, event(one).id);
  }
}

TEST_F(WebhookEventsTest, FitWhateverIsSaid) {
  Notice odd = notice(Notice::Kind::kDeadLettered);
  odd.reason = "";
  odd.event_id = "";
  EXPECT_EQ(data(events_.of(kAcme, webhook(), odd), "dead_lettered").at("reason"), "unknown");
  odd.reason = std::string(5'000, 'r');
  EXPECT_EQ(
      data(events_.of(kAcme, webhook(), odd), "dead_lettered").at("reason").as_string().size(),
      256u);
}

}  // namespace
}  // namespace bitvault::webhooks
