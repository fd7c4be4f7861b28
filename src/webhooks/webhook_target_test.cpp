#include "webhooks/webhook_target.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "event/event.h"
#include "tests/store/make_event.h"
#include "tests/store/single_thread.h"
#include "tests/store/test_world.h"
#include "webhooks/test_outgoing.h"
#include "webhooks/test_pem.h"
#include "webhooks/verifier.h"

namespace bitvault::webhooks {
namespace {

using namespace std::chrono_literals;
using bitvault::test::SingleThread;
using bitvault::test::TestWorld;
using delivery::Outcome;
using delivery::Verdict;
using test::TestOutgoing;

constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kEpoch = "abcdefghij01";
const WallTime kNow{1'795'406'522s};  // 2026-11-23T04:02:02Z

SharedBytes event() {
  EncodedEvent made =
      bitvault::test::given_event(TenantName::parse("acme").value(), "evt:1", "note");
  const Epoch epoch = Epoch::parse(kEpoch).value();
  stamp(made, {.epoch = epoch, .sequence = {42}, .recordedtime = kNow, .salt = {}});
  return SharedBytes(made.bytes);
}

class WebhookTargetTest : public testing::Test {
 protected:
  WebhookTargetTest() { webhook_.secrets.push_back({SigningSecret::parse(kSecret).value(), kNow}); }

  Outcome attempt(delivery::Delivery delivery) {
    const WebhookTarget target(webhook_, world_, outgoing_, "1.2.3");
    return thread_.run(target.attempt(std::move(delivery)));
  }
  Outcome attempt() { return attempt({.event = event(), .sequence = {42}, .previous = {17}}); }
  std::string sent(std::string_view header) const {
    return TestOutgoing::header(outgoing_.sent.back(), header);
  }

  SingleThread thread_;
  TestWorld world_;
  TestOutgoing outgoing_;
  Webhook webhook_{.id = "whk_1", .settings = {.url = "https://example.com/hook"}};
};

TEST_F(WebhookTargetTest, SendsTheEventsBytesWithTheseHeaders) {
  webhook_.settings.headers = {{"X-Api-Key", SecretText("hunter2")}};
  webhook_.settings.policy.timeout = 7s;
  EXPECT_EQ(attempt().verdict, Verdict::kDelivered);
  const OutgoingRequest& request = outgoing_.sent.back();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://example.com/hook");
  EXPECT_EQ(request.body, event());
  EXPECT_EQ(request.timeout, 7s);
  EXPECT_EQ(request.connect_timeout, 7s);
  EXPECT_EQ(request.identity, nullptr);
  using Headers = std::vector<std::pair<std::string, std::string>>;
  const std::string signature = sent("webhook-signature");
  EXPECT_EQ(request.headers, (Headers{{"content-type", "application/cloudevents+json"},
                                      {"webhook-id", "evt:1"},
                                      {"webhook-timestamp", "1795406522"},
                                      {"webhook-signature", signature},
                                      {"bitvault-epoch", std::string(kEpoch)},
                                      {"bitvault-sequence", "42"},
                                      {"bitvault-previous-sequence", "17"},
                                      {"bitvault-attempt", "1"},
                                      {"user-agent", "BitVault-Events/1.2.3"},
                                      {"X-Api-Key", "hunter2"}}));
}

TEST_F(WebhookTargetTest, ItsSignatureIsOfThisAttempt) {
  Verifier verifier;
  ASSERT_TRUE(verifier.add(kSecret));
  for (unsigned number = 1; number <= 3; ++number) {
    static_cast<void>(
        attempt({.event = event(), .sequence = {42}, .previous = {}, .attempt = number}));
    EXPECT_EQ(sent("bitvault-attempt"), std::to_string(number));
    EXPECT_EQ(verifier.verify({sent("webhook-id"), sent("webhook-timestamp"),
                               sent("webhook-signature"), outgoing_.sent.back().body},
                              world_.clock().wall()),
              Verification::kValid);
    world_.manual_clock().advance(1h);
  }
  EXPECT_NE(TestOutgoing::header(outgoing_.sent[0], "webhook-signature"),
            TestOutgoing::header(outgoing_.sent[1], "webhook-signature"));
}

TEST_F(WebhookTargetTest, SaysOfWhichReplayItIs) {
  static_cast<void>(
      attempt({.event = event(), .sequence = {42}, .previous = {}, .replay = "rpl_1"}));
  EXPECT_EQ(sent("bitvault-replay"), "rpl_1");
  EXPECT_EQ(sent("bitvault-previous-sequence"), "0");
  static_cast<void>(attempt());
  EXPECT_EQ(sent("bitvault-replay"), "");
}

TEST_F(WebhookTargetTest, UsesItsCredentials) {
  const test::TestKey key;
  webhook_.settings.basic_auth = {"Aladdin", SecretText("open sesame")};  // RFC 7617
  webhook_.settings.tls = {SecretText("CA"), SecretText("CERT"), SecretText("KEY")};
  const WebhookTarget target(webhook_, world_, outgoing_, "1.2.3");
  for (int i = 0; i < 2; ++i) {
    static_cast<void>(
        thread_.run(target.attempt({.event = event(), .sequence = {42}, .previous = {}})));
  }
  EXPECT_EQ(sent("authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  ASSERT_NE(outgoing_.sent[0].identity, nullptr);
  EXPECT_EQ(outgoing_.sent[0].identity->ca, "CA");
  EXPECT_EQ(outgoing_.sent[0].identity->certificate, "CERT");
  EXPECT_EQ(outgoing_.sent[0].identity->private_key, "KEY");
  EXPECT_EQ(outgoing_.sent[0].identity, outgoing_.sent[1].identity) << "connections are shared";
}

TEST_F(WebhookTargetTest, ShowsNoCredentialThatComesBack) {
  webhook_.settings.headers = {{"Authorization", SecretText("Bearer hunter2-token")},
                               {"X-Short", SecretText("abc")},
                               {"X-Long", SecretText("hunter2-token-longer")}};
  const std::pair<std::string, std::string> cases[] = {
      {"you sent Bearer hunter2-token!", "you sent [redacted]!"},
      {"token=hunter2-token", "token=[redacted]"},
      {"hunter2-token-longer", "[redacted]"},
      {"hunter2-tokenhunter2-token.", "[redacted][redacted]."},
      {"abc", "abc"},  // too short to be told from other text
      {"cut off: hunter2-to", "cut off: "},
      {"nothing of it", "nothing of it"},
  };
  for (const auto& [came, kept] : cases) {
    outgoing_.answers = {TestOutgoing::answer(500, came)};
    EXPECT_EQ(attempt().answer, kept);
    outgoing_.answers = {TestOutgoing::failure(OutgoingFailure::kBroken, came)};
    EXPECT_EQ(attempt().detail, kept);
  }
  webhook_.settings.headers.clear();
  webhook_.settings.basic_auth = {"Aladdin", SecretText("open sesame")};
  outgoing_.answers = {
      TestOutgoing::answer(500, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==, open sesame, Aladdin")};
  EXPECT_EQ(attempt().answer, "Basic [redacted], [redacted], Aladdin");
}

TEST_F(WebhookTargetTest, KeepsTheHeadOfAFailuresAnswer) {
  outgoing_.answers = {TestOutgoing::answer(500, std::string(4'096, 'x'))};
  EXPECT_EQ(attempt().answer, std::string(delivery::kAnswerHeadBytesMax, 'x'));
  outgoing_.answers = {TestOutgoing::answer(200, "thanks")};
  EXPECT_EQ(attempt().answer, "");
}

TEST(WebhookClassify, SaysWhatAnAnswerMeans) {
  struct Case {
    unsigned status;
    Verdict verdict;
    const char* reason;
    bool slow_down;
    std::optional<Duration> retry_after;  // the answer says: in 120 s
  };
  const Case cases[] = {
      {100, Verdict::kRetry, "http_100", false, {}},
      {199, Verdict::kRetry, "http_199", false, {}},
      {200, Verdict::kDelivered, "", false, {}},
      {204, Verdict::kDelivered, "", false, {}},
      {299, Verdict::kDelivered, "", false, {}},
      {300, Verdict::kRetry, "http_300", false, {}},
      {301, Verdict::kRetry, "http_301", false, {}},
      {302, Verdict::kRetry, "http_302", false, {}},
      {308, Verdict::kRetry, "http_308", false, {}},
      {400, Verdict::kRetry, "http_400", false, {}},
      {401, Verdict::kRetry, "http_401", false, {}},
      {404, Verdict::kRetry, "http_404", false, {}},
      {410, Verdict::kDisable, "http_410", false, {}},
      {429, Verdict::kRetry, "http_429", true, 120s},
      {500, Verdict::kRetry, "http_500", false, {}},
      {503, Verdict::kRetry, "http_503", false, 120s},
      {999, Verdict::kRetry, "http_999", false, {}},
  };
  for (const Case& each : cases) {
    const Outcome outcome =
        classify(TestOutgoing::answer(each.status, "", {{"retry-after", "120"}}), kNow);
    EXPECT_EQ(outcome.verdict, each.verdict) << each.status;
    EXPECT_EQ(outcome.reason, each.reason) << each.status;
    EXPECT_EQ(outcome.slow_down, each.slow_down) << each.status;
    EXPECT_EQ(outcome.retry_after, each.retry_after) << each.status;
    EXPECT_EQ(outcome.status, each.status);
    EXPECT_EQ(outcome.address, "192.0.2.7");
    EXPECT_EQ(outcome.latency, 12ms);
    EXPECT_EQ(outcome.detail.empty(), outcome.verdict == Verdict::kDelivered);
  }
}

TEST(WebhookClassify, NamesWhatKeptAnAnswerAway) {
  for (const OutgoingFailure why :
       {OutgoingFailure::kBadUrl, OutgoingFailure::kForbidden, OutgoingFailure::kNoSuchHost,
        OutgoingFailure::kRefused, OutgoingFailure::kUnreachable, OutgoingFailure::kTls,
        OutgoingFailure::kTimeout, OutgoingFailure::kBroken, OutgoingFailure::kTooLarge,
        OutgoingFailure::kCancelled}) {
    const Outcome outcome = classify(TestOutgoing::failure(why), kNow);
    EXPECT_EQ(outcome.verdict, Verdict::kRetry);
    EXPECT_EQ(outcome.reason, name_of(why));
    EXPECT_EQ(outcome.status, 0u);
    EXPECT_EQ(outcome.detail, "it failed");
    EXPECT_EQ(outcome.slow_down, why == OutgoingFailure::kTimeout);
  }
}

TEST(RetryAfter, IsSecondsOrADate) {
  const std::pair<const char*, std::optional<Duration>> cases[] = {
      {"0", 0s},
      {"120", 120s},
      {" 5 ", 5s},
      {"604800", 604'800s},
      {"604801", 604'800s},
      {"999999999", 604'800s},
      {"99999999999999999999999", 604'800s},
      {"Mon, 23 Nov 2026 04:02:32 GMT", 30s},
      {"Monday, 23-Nov-26 04:02:32 GMT", 30s},
      {"Mon Nov 23 04:02:32 2026", 30s},
      {"Mon, 23 Nov 2026 04:02:02 GMT", 0s},
      {"Mon, 23 Nov 2020 04:02:02 GMT", 0s},
      {"Mon, 23 Nov 2099 04:02:02 GMT", 604'800s},
      {"", {}},
      {"-5", {}},
      {"1.5", {}},
      {"soon", {}},
      {"2026-11-23T04:02:32Z", {}},
      {"Mon, 23 Nov 2026 04:02:32 CET", {}},
      {"Mon, 23 Nov 2026 04:02:32 GMT+1", {}},
      {"5 s", {}},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(parse_retry_after(text, kNow), expected) << text;
  }
}

TEST(PrintableHead, IsTextWhateverCame) {
  const std::tuple<std::string, std::size_t, std::string> cases[] = {
      {"", 10, ""},
      {"plain", 10, "plain"},
      {"plain", 3, "pla"},
      {"a\r\nb\tc\0d\x7f", 20, "a  b c"},  // the literal ends at its NUL
      {std::string("a\0b", 3), 20, "a b"},
      {"\x1b[31mred", 20, " [31mred"},
      {"é€😀", 20, "é€😀"},
      {"é€😀", 4, "é"},  // no half of a character
      {"\xff\xfe", 20, "\xef\xbf\xbd\xef\xbf\xbd"},
      {"a\xc3", 20, "a\xef\xbf\xbd"},
      {"\xe2\x82x", 20, "\xef\xbf\xbd\xef\xbf\xbdx"},
  };
  for (const auto& [text, bytes_max, expected] : cases) {
    EXPECT_EQ(printable_head(text, bytes_max), expected);
    EXPECT_TRUE(is_valid_utf8(printable_head(text, bytes_max)));
  }
}

}  // namespace
}  // namespace bitvault::webhooks
