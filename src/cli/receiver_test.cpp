#include "cli/receiver.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/json.h"
#include "cli/test_world.h"
#include "webhooks/signature.h"

namespace bitvault::cli {
namespace {

constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kEvent =
    R"({"specversion":"1.0","id":"e-1","type":"bitvault.node.created.v1","subject":"/a",)"
    R"("sequence":"00000000000000000007","data":{"name":"x"}})";

class ReceiverTest : public testing::Test {
 protected:
  ~ReceiverTest() override { std::fclose(out_); }

  // A delivery as the server makes it.
  struct Sent {
    std::string id = "e-1";
    std::string body{kEvent};
    std::uint64_t sequence = 7;
    std::uint64_t previous = 0;
    std::string attempt = "1";
    std::string replay{};
    std::string_view secret = kSecret;
    std::string_view method = "POST";
  };

  void start(bool verifies, bool json, std::uint64_t count = 0, unsigned status = 200) {
    ReceiverOptions options{
        .verifier = {}, .verifies = verifies, .status = status, .count = count, .json = json};
    ASSERT_TRUE(options.verifier.add(kSecret));
    receiver_.emplace(world_, console_, std::move(options), [this] { ++enough_; });
  }

  unsigned send(const Sent& sent) {
    const WallTime now = world_.clock().wall();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
    const webhooks::Signer signer({{webhooks::SigningSecret::parse(sent.secret).value()}});
    const std::string timestamp = std::to_string(seconds);
    const std::string signature = signer.sign(sent.id, seconds, sent.body, now);
    const std::string sequence = std::to_string(sent.sequence);
    const std::string previous = std::to_string(sent.previous);
    http::Request request{.method = sent.method,
                          .path = "/",
                          .query = {},
                          .headers = {{"webhook-id", sent.id},
                                      {"webhook-timestamp", timestamp},
                                      {"webhook-signature", signature},
                                      {"bitvault-sequence", sequence},
                                      {"bitvault-previous-sequence", previous},
                                      {"bitvault-attempt", sent.attempt},
                                      {"bitvault-replay", sent.replay}},
                          .body = sent.body,
                          .request_id = {}};
    unsigned status = 0;
    boost::asio::io_context context;
    boost::asio::co_spawn(
        context, receiver_->handle(request),
        [&](const std::exception_ptr&, http::Response response) { status = response.status; });
    context.run();
    return status;
  }

  std::string printed() {
    std::fflush(out_);
    std::rewind(out_);
    std::string text(64 * 1024, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), out_));
    return text;
  }

  TestWorld world_;
  std::FILE* out_ = std::tmpfile();
  Console console_{out_, out_, false};
  int enough_ = 0;
  std::optional<Receiver> receiver_;
};

TEST_F(ReceiverTest, PrintsWhatIsGenuine) {
  start(true, false);
  EXPECT_EQ(send({}), 200u);
  const std::string line = printed();
  EXPECT_TRUE(line.starts_with("verified  ")) << line;
  EXPECT_NE(line.find("bitvault.node.created.v1"), std::string::npos) << line;
}

TEST_F(ReceiverTest, RefusesWhatIsNot) {
  start(true, false);
  EXPECT_EQ(send({.secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}), 401u);
  EXPECT_TRUE(printed().starts_with("REFUSED  ")) << printed();
  EXPECT_EQ(send({.method = "GET"}), 405u);
}

TEST_F(ReceiverTest, WithoutASecretNothingIsVerified) {
  start(false, false);
  EXPECT_EQ(send({.secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}), 200u);
  EXPECT_TRUE(printed().starts_with("unverified  ")) << printed();
}

TEST_F(ReceiverTest, NoticesRepeatsAndGaps) {
  start(true, false);
  send({});
  send({});
  send({.id = "e-2", .sequence = 9, .previous = 8});
  send({.id = "e-3", .sequence = 10, .previous = 9, .attempt = "3"});
  send({.id = "e-4", .sequence = 2, .previous = 0, .replay = "rpl_1"});
  const std::string lines = printed();
  EXPECT_NE(lines.find("again"), std::string::npos) << lines;
  EXPECT_NE(lines.find("gap: 8 should have come before"), std::string::npos) << lines;
  EXPECT_NE(lines.find("attempt 3"), std::string::npos) << lines;
  EXPECT_NE(lines.find("replay rpl_1"), std::string::npos) << lines;
  EXPECT_EQ(lines.find("gap"), lines.rfind("gap")) << lines;
}

TEST_F(ReceiverTest, AnswersAsItWasToldAndHasEnoughAfterACount) {
  start(true, false, 2, 503);
  EXPECT_EQ(send({.id = "a"}), 503u);
  EXPECT_EQ(enough_, 0);
  EXPECT_EQ(send({.id = "b"}), 503u);
  EXPECT_EQ(send({.id = "c"}), 503u);
  EXPECT_EQ(enough_, 1);
}

TEST_F(ReceiverTest, PrintsJson) {
  start(true, true);
  send({.previous = 3});
  const std::string line = printed();
  const auto json = Json::parse(line);
  ASSERT_TRUE(json) << line;
  EXPECT_EQ(json->text_of("webhook_id"), "e-1");
  EXPECT_EQ(json->member("event")->text_of("type"), "bitvault.node.created.v1");
  EXPECT_EQ(json->member("previous_sequence")->raw(), "3");
}

TEST_F(ReceiverTest, ABodyThatIsNoJsonHarmsNothing) {
  start(true, true);
  EXPECT_EQ(send({.body = "\x1b[31m\"not\xff"}), 200u);
  EXPECT_TRUE(Json::parse(printed())) << printed();
}

}  // namespace
}  // namespace bitvault::cli
