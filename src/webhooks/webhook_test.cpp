#include "webhooks/webhook.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/text.h"
#include "event/event.h"
#include "tests/store/test_world.h"
#include "webhooks/test_pem.h"

namespace bitvault::webhooks {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{1'795'406'522s};

WebhookSettings good() { return {.url = "https://example.com/hook?tenant=1"}; }

// The paths of what is wrong, a blank between.
std::string wrong_of(const std::function<void(WebhookSettings&)>& change) {
  WebhookSettings settings = good();
  change(settings);
  const Status valid = validate(settings);
  std::string paths;
  if (!valid) {
    EXPECT_EQ(valid.error().code, Code::kInvalid);
    EXPECT_FALSE(valid.error().detail.contains("hunter2"));
    for (const Violation& violation : valid.error().violations) {
      EXPECT_FALSE(violation.message.contains("hunter2"));
      paths += (paths.empty() ? "" : " ") + violation.path;
    }
  }
  return paths;
}

std::string wrong_of_header(const std::string& name, const std::string& value) {
  return wrong_of([&](WebhookSettings& s) { s.headers.push_back({name, SecretText(value)}); });
}

TEST(Webhook, TakesUrlsThatCanBeCalled) {
  for (const char* url : {"https://example.com", "http://example.com:8080/", "HTTPS://a.b/c?d=e%20",
                          "https://[2001:db8::1]/x", "https://example.com?a@b"}) {
    EXPECT_EQ(wrong_of([&](WebhookSettings& s) { s.url = url; }), "") << url;
  }
  const std::string longest = "https://example.com/" + std::string(kUrlBytesMax - 20, 'a');
  EXPECT_EQ(wrong_of([&](WebhookSettings& s) { s.url = longest; }), "");
  const std::string wrong[] = {
      "",
      "example.com",
      "ftp://example.com",
      "https:example.com",
      "https:/example.com",
      "https://",
      "https:///path",
      "https://?q",
      "https://user:hunter2@example.com/",
      "https://user@example.com",
      "https://example.com/#part",
      "https://example.com/a b",
      " https://example.com/",
      "https://example.com/\r\nHost: x",
      "https://exämple.com/",
      "javascript://x",
      longest + "a",
  };
  for (const std::string& url : wrong) {
    EXPECT_EQ(wrong_of([&](WebhookSettings& s) { s.url = url; }), "url") << url;
  }
}

TEST(Webhook, TakesHeadersThatAreNotItsOwn) {
  const std::string longest(kHeaderValueBytesMax, 'v');
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"X-Api-Key", "hunter2", ""},
      {"authorization", "Bearer hunter2", ""},
      {"Cookie", "a=b; c=d", ""},
      {"x", longest, ""},
      {"x", longest + "v", "headers.x"},
      {std::string(kHeaderNameBytesMax, 'n'), "v", ""},
      {std::string(kHeaderNameBytesMax + 1, 'n'), "v", "headers"},
      {"", "v", "headers"},
      {"a b", "v", "headers"},
      {"a:", "v", "headers"},
      {"a\r\nb", "v", "headers"},
      {"ä", "v", "headers"},
      {"x", "", "headers.x"},
      {"x", " v", "headers.x"},
      {"x", "v ", "headers.x"},
      {"x", "a\r\nb: hunter2", "headers.x"},
      {"x", "a\tb", "headers.x"},
      {"x", std::string("a\0b", 3), "headers.x"},
      {"x", "ä", "headers.x"},
      {"x", "v", ""},
      {"Content-Type", "text/plain", "headers.Content-Type"},
      {"content-length", "5", "headers.content-length"},
      {"Host", "internal", "headers.Host"},
      {"Connection", "close", "headers.Connection"},
      {"Transfer-Encoding", "chunked", "headers.Transfer-Encoding"},
      {"User-Agent", "x", "headers.User-Agent"},
      {"webhook-id", "x", "headers.webhook-id"},
      {"Webhook-Anything", "x", "headers.Webhook-Anything"},
      {"BitVault-Epoch", "x", "headers.BitVault-Epoch"},
      {"TE", "x", "headers.TE"},
      {"Upgrade", "x", "headers.Upgrade"},
      {"Expect", "x", "headers.Expect"},
      {"Trailer", "x", "headers.Trailer"},
      {"Keep-Alive", "x", "headers.Keep-Alive"},
      {"Proxy-Authorization", "x", "headers.Proxy-Authorization"},
  };
  for (const auto& [name, value, expected] : cases) {
    EXPECT_EQ(wrong_of_header(name, value), expected) << name << ": " << value;
  }
}

TEST(Webhook, BoundsItsHeadersTogether) {
  const auto with = [](std::size_t count, std::size_t bytes) {
    return wrong_of([&](WebhookSettings& s) {
      for (std::size_t i = 0; i < count; ++i) {
        s.headers.push_back({"x-" + std::to_string(i), SecretText(std::string(bytes, 'v'))});
      }
    });
  };
  EXPECT_EQ(with(kHeadersMax, 10), "");
  EXPECT_EQ(with(kHeadersMax + 1, 10), "headers");
  EXPECT_EQ(with(5, 4'096), "headers");
  EXPECT_EQ(with(3, 4'096), "");
  EXPECT_EQ(wrong_of([](WebhookSettings& s) {
              s.headers = {{"X-A", SecretText("1")}, {"x-a", SecretText("2")}};
            }),
            "headers.x-a");
}

TEST(Webhook, TakesBasicAuthOnce) {
  const auto with = [](const std::string& user, const std::string& password) {
    return wrong_of([&](WebhookSettings& s) { s.basic_auth = {user, SecretText(password)}; });
  };
  EXPECT_EQ(with("u", "hunter2"), "");
  EXPECT_EQ(with("u", ""), "");
  EXPECT_EQ(with("ü", "pä:ss"), "");
  EXPECT_EQ(with("", "p"), "basic_auth.user");
  EXPECT_EQ(with("a:b", "p"), "basic_auth.user");
  EXPECT_EQ(with("a\n", "hunter2\r"), "basic_auth.user basic_auth.password");
  EXPECT_EQ(with(std::string(kUserBytesMax + 1, 'u'), "p"), "basic_auth.user");
  EXPECT_EQ(with("u", std::string(kPasswordBytesMax + 1, 'p')), "basic_auth.password");
  EXPECT_EQ(wrong_of([](WebhookSettings& s) {
              s.basic_auth = {"u", SecretText("p")};
              s.headers = {{"Authorization", SecretText("Bearer x")}};
            }),
            "headers.Authorization");
}

TEST(Webhook, TakesCertificatesThatAreSome) {
  const test::TestKey key;
  const test::TestKey other;
  const std::string certificate = key.certificate();
  const auto with = [](const std::string& ca, const std::string& own, const std::string& secret) {
    return wrong_of(
        [&](WebhookSettings& s) { s.tls = {SecretText(ca), SecretText(own), SecretText(secret)}; });
  };
  EXPECT_EQ(with(certificate, "", ""), "");
  EXPECT_EQ(with(certificate + other.certificate(), certificate + certificate, key.pem()), "");
  EXPECT_EQ(with("hunter2", "", ""), "tls.ca");
  EXPECT_EQ(with(key.pem(), "", ""), "tls.ca");
  EXPECT_EQ(with("", certificate, ""), "tls.client_key");
  EXPECT_EQ(with("", "", key.pem()), "tls.client_certificate");
  EXPECT_EQ(with("", certificate, other.pem()), "tls.client_key");
  EXPECT_EQ(with("", certificate, key.pem("hunter2")), "tls.client_key");
  EXPECT_EQ(with("", certificate, "hunter2"), "tls.client_key");
  EXPECT_EQ(with("", "hunter2", key.pem()), "tls.client_certificate");
  EXPECT_EQ(with(certificate + std::string(kPemBytesMax, '\n'), "", ""), "tls.ca");
  EXPECT_EQ(wrong_of([&](WebhookSettings& s) {
              s.url = "http://example.com/";
              s.tls.ca = SecretText(certificate);
            }),
            "tls");
}

TEST(Webhook, NamesEverythingThatIsWrong) {
  EXPECT_EQ(wrong_of([](WebhookSettings& s) {
              s.url = "";
              s.types = {"node"};
              s.pattern = "[";
              s.description = std::string(kDescriptionBytesMax + 1, 'd');
              s.policy.concurrency = 0;
              s.policy.schedule.clear();
              s.signatures = {SignatureKind::kHmac, SignatureKind::kHmac};
            }),
            "url types pattern description concurrency retry_schedule_seconds signatures");
  EXPECT_EQ(wrong_of([](WebhookSettings& s) { s.signatures.clear(); }), "signatures");
  EXPECT_EQ(wrong_of([](WebhookSettings& s) { s.description = "\xff"; }), "description");
}

TEST(Webhook, ItsEndpointIsWithoutTheQuery) {
  EXPECT_EQ(endpoint_of("https://example.com/hook?code=hunter2"), "example.com/hook");
  EXPECT_EQ(endpoint_of("http://a.b:8080"), "a.b:8080");
  EXPECT_EQ(endpoint_of("https://a.b?x"), "a.b");
}

std::string event_about(const std::string& id) {
  EventDraft draft;
  draft.type = "bitvault.webhook.failing.v1";
  draft.data = "{}";
  return encode(draft, {.tenant = TenantName::parse("acme").value(),
                        .id = EventId::parse("e1").value(),
                        .time = WallTime{},
                        .dataschema = "urn:x",
                        .partitionkey = id,
                        .subject = id,
                        .traceparent = std::nullopt})
      ->bytes;
}

TEST(Webhook, HearsOfItselfOnlyWhenItAsks) {
  Webhook webhook{.id = "whk_1", .settings = good()};
  EXPECT_FALSE(filter_of(webhook).matches(event_about("whk_1")));
  EXPECT_TRUE(filter_of(webhook).matches(event_about("whk_2")));
  webhook.settings.own_events = true;
  EXPECT_TRUE(filter_of(webhook).matches(event_about("whk_1")));
}

TEST(Webhook, AChangeOfFilterIsNoticed) {
  const WebhookSettings base = good();
  EXPECT_TRUE(same_filter(base, good()));
  const std::function<void(WebhookSettings&)> changes[] = {
      [](WebhookSettings& s) { s.types = {"bitvault.node.*"}; },
      [](WebhookSettings& s) { s.pattern = "{}"; },
      [](WebhookSettings& s) { s.own_events = true; },
  };
  for (const auto& change : changes) {
    WebhookSettings changed = good();
    change(changed);
    EXPECT_FALSE(same_filter(base, changed));
  }
  WebhookSettings elsewhere = good();
  elsewhere.url = "https://example.org/";
  EXPECT_TRUE(same_filter(base, elsewhere));
}

class SecretsTest : public testing::Test {
 protected:
  SigningSecret given(char fill) {
    const std::string raw(24, fill);
    return SigningSecret::parse("whsec_" + base64(as_bytes(raw))).value();
  }
  // The kinds and when they expire, in seconds from now.
  std::string shape() const {
    std::string text;
    for (const WebhookSecret& secret : webhook_.secrets) {
      text += (text.empty() ? "" : " ") + std::string(name_of(secret.secret.kind()));
      if (secret.expires) {
        text += "@" + std::to_string((*secret.expires - kNow) / 1s);
      }
    }
    return text;
  }

  bitvault::test::TestWorld world_;
  Webhook webhook_{.id = "whk_1", .settings = good()};
};

TEST_F(SecretsTest, EveryKindHasACurrentOne) {
  complete_secrets(webhook_, given('a'), kNow, world_.random());
  EXPECT_EQ(shape(), "v1");
  EXPECT_TRUE(webhook_.secrets[0].secret.text().same_as(given('a').text()));
  webhook_.settings.signatures = {SignatureKind::kHmac, SignatureKind::kEd25519};
  complete_secrets(webhook_, {}, kNow, world_.random());
  EXPECT_EQ(shape(), "v1a v1");
  EXPECT_TRUE(webhook_.secrets[1].secret.text().same_as(given('a').text()));
  webhook_.settings.signatures = {SignatureKind::kEd25519};
  complete_secrets(webhook_, given('b'), kNow, world_.random());
  EXPECT_EQ(shape(), "v1a") << "a secret of another kind is not taken";
}

TEST_F(SecretsTest, RotationOverlaps) {
  complete_secrets(webhook_, given('a'), kNow, world_.random());
  ASSERT_TRUE(rotate_secrets(webhook_, given('b'), 100s, kNow, world_.random()));
  EXPECT_EQ(shape(), "v1 v1@100");
  EXPECT_TRUE(webhook_.secrets[0].secret.text().same_as(given('b').text()));
  EXPECT_TRUE(webhook_.secrets[1].secret.text().same_as(given('a').text()));
  ASSERT_TRUE(rotate_secrets(webhook_, {}, 500s, kNow, world_.random()));
  EXPECT_EQ(shape(), "v1 v1@500 v1@100") << "no expiry is put off";
  ASSERT_TRUE(rotate_secrets(webhook_, {}, 0s, kNow + 50s, world_.random()));
  EXPECT_EQ(shape(), "v1") << "without overlap the ones before are gone";
  EXPECT_EQ(active_secrets(webhook_).size(), 1u);
}

TEST_F(SecretsTest, OnlySoManySignAtOnce) {
  complete_secrets(webhook_, {}, kNow, world_.random());
  for (std::size_t i = 1; i < kSecretsMax; ++i) {
    ASSERT_TRUE(rotate_secrets(webhook_, {}, 100s, kNow, world_.random()));
  }
  const std::string before = shape();
  const Status refused = rotate_secrets(webhook_, {}, 100s, kNow, world_.random());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_EQ(shape(), before);
  EXPECT_TRUE(rotate_secrets(webhook_, {}, 100s, kNow + 100s, world_.random()));
  EXPECT_EQ(shape(), "v1 v1@200") << "all the others expired meanwhile";
}

}  // namespace
}  // namespace bitvault::webhooks
