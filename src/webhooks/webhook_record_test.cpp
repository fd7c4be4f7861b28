#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/store/test_world.h"
#include "webhooks/webhook.h"

namespace bitvault::webhooks {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kSecrets[] = {"hunter2", "pass-word", "PEM-CA", "PEM-CERT", "PEM-KEY"};

Sealer sealer(std::string_view tenant = "acme") {
  const Digest master = sha256("master");
  return {SecretKey{std::span<const std::byte, 32>(master)}, TenantName::parse(tenant).value()};
}

Webhook full(Random& random) {
  const WallTime created{1'795'406'522'123'456us};
  Webhook webhook{
      .id = "whk_1",
      .settings = {.url = "https://example.com/hook?q=\"",
                   .types = {"bitvault.node.*", "bitvault.share.created.v1"},
                   .pattern = R"({"data":{"node":{"size":[{"numeric":[">",5]}]}}})",
                   .description = "für \"alle\"",
                   .headers = {{"X-Api-Key", SecretText("hunter2")}, {"X-B", SecretText("b")}},
                   .basic_auth = BasicAuth{"user", SecretText("pass-word")},
                   .tls = {SecretText("PEM-CA"), SecretText("PEM-CERT"), SecretText("PEM-KEY")},
                   .policy = {.ordering = delivery::Ordering::kPartitionKey,
                              .concurrency = 7,
                              .rate_per_second = 50,
                              .timeout = 13s,
                              .schedule = {0s, 9s, 604800s}},
                   .signatures = {SignatureKind::kEd25519, SignatureKind::kHmac},
                   .own_events = true},
      .enabled = false,
      .disabled_reason = "gone",
      .disabled_at = created + 5s,
      .created = created,
      .updated = created + 9s,
      .filter_revision = 17};
  complete_secrets(webhook, {}, created, random);
  EXPECT_TRUE(rotate_secrets(webhook, {}, 60s, created + 1s, random));
  return webhook;
}

TEST(WebhookRecord, ComesBackAsItWas) {
  test::TestWorld world;
  const Webhook webhook = full(world.random());
  const std::string record = to_record(webhook, sealer(), world.random());
  const auto back = from_record({"whk_1", record}, sealer());
  ASSERT_TRUE(back) << back.error().detail;
  const WebhookSettings& was = webhook.settings;
  const WebhookSettings& is = back->settings;
  EXPECT_EQ(back->id, "whk_1");
  EXPECT_EQ(is.url, was.url);
  EXPECT_TRUE(same_filter(is, was));
  EXPECT_EQ(is.description, was.description);
  ASSERT_EQ(is.headers.size(), 2u);
  EXPECT_EQ(is.headers[0].name, "X-Api-Key");
  EXPECT_EQ(is.headers[0].value.reveal(), "hunter2");
  EXPECT_EQ(is.basic_auth->user, "user");
  EXPECT_EQ(is.basic_auth->password.reveal(), "pass-word");
  EXPECT_EQ(is.tls.ca.reveal(), "PEM-CA");
  EXPECT_EQ(is.tls.client_certificate.reveal(), "PEM-CERT");
  EXPECT_EQ(is.tls.client_key.reveal(), "PEM-KEY");
  EXPECT_EQ(is.policy, was.policy);
  EXPECT_EQ(is.signatures, was.signatures);
  ASSERT_EQ(back->secrets.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(back->secrets[i].secret.text().same_as(webhook.secrets[i].secret.text()));
    EXPECT_EQ(back->secrets[i].created, webhook.secrets[i].created);
    EXPECT_EQ(back->secrets[i].expires, webhook.secrets[i].expires);
  }
  EXPECT_FALSE(back->enabled);
  EXPECT_EQ(back->disabled_reason, "gone");
  EXPECT_EQ(back->disabled_at, webhook.disabled_at);
  EXPECT_EQ(back->created, webhook.created);
  EXPECT_EQ(back->updated, webhook.updated);
  EXPECT_EQ(back->filter_revision, 17u);
}

TEST(WebhookRecord, TheLeastComesBack) {
  test::TestWorld world;
  Webhook webhook{.id = "whk_2", .settings = {.url = "https://a.b"}};
  complete_secrets(webhook, {}, {}, world.random());
  const auto back = from_record({"whk_2", to_record(webhook, sealer(), world.random())}, sealer());
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_TRUE(back->enabled);
  EXPECT_EQ(back->settings.policy, delivery::Policy{});
  EXPECT_FALSE(back->settings.basic_auth);
  EXPECT_TRUE(back->settings.tls.empty());
  EXPECT_FALSE(back->disabled_at);
}

TEST(WebhookRecord, HoldsNoSecretInClear) {
  test::TestWorld world;
  const Webhook webhook = full(world.random());
  const std::string record = to_record(webhook, sealer(), world.random());
  for (const std::string_view secret : kSecrets) {
    EXPECT_FALSE(record.contains(secret)) << secret;
  }
  for (const WebhookSecret& secret : webhook.secrets) {
    EXPECT_FALSE(record.contains(secret.secret.text().reveal().substr(6)));
  }
  EXPECT_NE(record, to_record(webhook, sealer(), world.random())) << "no nonce comes twice";
}

TEST(WebhookRecord, IsNobodyElses) {
  test::TestWorld world;
  const std::string record = to_record(full(world.random()), sealer(), world.random());
  const auto refused = [](const std::string& id, const std::string& value, const Sealer& by) {
    const auto read = from_record({id, value}, by);
    return !read && read.error().code == Code::kInternal;
  };
  EXPECT_FALSE(refused("whk_1", record, sealer()));
  EXPECT_TRUE(refused("whk_2", record, sealer())) << "secrets do not move between webhooks";
  EXPECT_TRUE(refused("whk_1", record, sealer("other")));
  for (const std::string& broken :
       {std::string(), std::string("{}"), std::string("[]"), std::string("null"),
        record.substr(0, record.size() / 2),
        std::string(record).replace(record.find("bitvault.node.*"), 15, "bitvault_node.*"),
        std::string(record).replace(record.find("\"v1a\""), 5, "\"v9a\"")}) {
    EXPECT_TRUE(refused("whk_1", broken, sealer())) << broken;
  }
}

}  // namespace
}  // namespace bitvault::webhooks
