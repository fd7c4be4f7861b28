// Limits by tenant, from the outside: what goes through, what is told to come back, and when.
#include "api/rate_limits.h"

#include "api/api_fixture.h"

namespace bitvault::api {
namespace {

using namespace std::chrono_literals;

class RateLimitsTest : public ApiTest {
 protected:
  void limit(const std::string& tenant, const std::string& per_second) {
    const Got put =
        send({"PUT", "/v1/tenants/" + tenant, operator_, R"({"rate_limit":)" + per_second + "}"});
    EXPECT_EQ(put.outcome(), "200");
  }
  Got ask(const std::string& tenant = "acme", const std::string& key = "") {
    return send(
        {"GET", "/v1/tenants/" + tenant + "/cursor?at=latest", key.empty() ? operator_ : key});
  }
  // How many go through before one is refused.
  int pass(int most, const std::string& tenant = "acme") {
    int passed = 0;
    while (passed < most && ask(tenant).status == 200) {
      ++passed;
    }
    return passed;
  }
  Got publish_many(std::size_t count) {
    std::string events;
    for (std::size_t i = 0; i < count; ++i) {
      events += (i == 0 ? "[" : ",") + node_created();
    }
    return publish(events + "]", "application/cloudevents-batch+json");
  }
  void pass_time(Duration time) { world_.manual_clock().advance(time); }
};

TEST_F(RateLimitsTest, NoneUnlessSet) { EXPECT_EQ(pass(500), 500); }

TEST_F(RateLimitsTest, ABurstPassesAndThenTheRate) {
  limit("acme", "2");
  EXPECT_EQ(pass(100), 20) << "ten seconds' worth";
  const Got refused = ask();
  EXPECT_EQ(refused.outcome(), "429 rate_limited");
  EXPECT_EQ(refused.header("Retry-After"), "1") << "half a second, rounded up";
  EXPECT_NE(refused.at("/detail").find("requests"), std::string::npos);
  pass_time(500ms);
  EXPECT_EQ(pass(100), 1);
  pass_time(1h);
  EXPECT_EQ(pass(100), 20);
}

TEST_F(RateLimitsTest, AnotherTenantIsNotAffected) {
  limit("acme", "1");
  EXPECT_EQ(pass(100), 10);
  EXPECT_EQ(pass(100, "other"), 100);
}

TEST_F(RateLimitsTest, EveryKeyOfATenantDrawsOnTheSame) {
  limit("acme", "1");
  const std::string mine = key("acme", {"events:read"});
  pass_time(1h);
  EXPECT_EQ(pass(100), 10) << "the operator's key is not exempt";
  EXPECT_EQ(ask("acme", mine).outcome(), "429 rate_limited");
}

TEST_F(RateLimitsTest, ReadsPayForWhatTheyLookAt) {
  for (int i = 0; i < 15; ++i) {
    ASSERT_EQ(publish_many(1'000).outcome(), "201");
  }
  limit("acme", "1");
  pass_time(RateLimits::kSettingTime);
  const std::string feed = "/v1/tenants/acme/events";
  const auto read = [&](const std::string& query) { return get(feed + query); };
  EXPECT_EQ(read("?type=bitvault.share.*").outcome(), "200") << "15,000 of a burst of 10,000";
  const Got refused = read("?limit=1");
  EXPECT_EQ(refused.outcome(), "429 rate_limited");
  EXPECT_EQ(refused.header("Retry-After"), "5");
  EXPECT_NE(refused.at("/detail").find("scanned events"), std::string::npos);
  EXPECT_EQ(post("/v1/tenants/acme/patterns/test", R"({"pattern":{"a":[1]},"since":1})").outcome(),
            "429 rate_limited");
  EXPECT_EQ(ask().outcome(), "200") << "a request is not a read";
  pass_time(4s);
  EXPECT_EQ(read("?limit=1").outcome(), "429 rate_limited");
  pass_time(1s);
  EXPECT_EQ(read("?limit=1").outcome(), "200");
}

TEST_F(RateLimitsTest, PlainReadsOfAllowedRequestsAreNotRefused) {
  ASSERT_EQ(publish_many(1'000).outcome(), "201");
  limit("acme", "1");
  pass_time(RateLimits::kSettingTime);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(get("/v1/tenants/acme/events?limit=1000").outcome(), "200") << i;
  }
}

TEST_F(RateLimitsTest, IsRefusedBeforeItsBodyComes) {
  limit("acme", "1");
  http::Request head;
  head.method = "POST";
  head.path = "/v1/tenants/acme/events";
  const std::string bearer = "Bearer " + operator_;
  head.headers = {{"authorization", bearer}};
  const auto admit = [&] {
    const http::Admission admission = run(api_->admit(head));
    return admission.refusal ? admission.refusal->status : 0;
  };
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(admit(), 0u) << "a look takes nothing";
  }
  EXPECT_EQ(pass(100), 10);
  EXPECT_EQ(admit(), 429u);
  pass_time(1s);
  EXPECT_EQ(admit(), 0u);
}

TEST_F(RateLimitsTest, TheOperatorMayAlwaysChangeTheLimit) {
  limit("acme", "1");
  EXPECT_EQ(pass(100), 10);
  limit("acme", "1000");
  pass_time(RateLimits::kSettingTime);
  EXPECT_EQ(pass(300), 300);
  limit("acme", "null");
  pass_time(RateLimits::kSettingTime);
  EXPECT_EQ(pass(20'000 / 40), 500);
}

TEST_F(RateLimitsTest, ALowerLimitCountsInTime) {
  EXPECT_EQ(pass(50), 50);
  limit("acme", "1");
  pass_time(RateLimits::kSettingTime);
  EXPECT_EQ(pass(100), 10);
}

TEST_F(RateLimitsTest, PublishedEventsCountEach) {
  limit("acme", "5");
  EXPECT_EQ(publish_many(40).status, 201u);
  const Got refused = publish_many(20);
  EXPECT_EQ(refused.outcome(), "429 rate_limited");
  EXPECT_EQ(refused.header("Retry-After"), "2") << "ten events are missing";
  EXPECT_NE(refused.at("/detail").find("published events"), std::string::npos);
  EXPECT_EQ(publish_many(10).status, 201u) << "so many are left";
  pass_time(2s);
  EXPECT_EQ(publish_many(10).status, 201u);
  EXPECT_EQ(get("/v1/tenants/acme").at("/head"), "60") << "nothing of what was refused";
}

TEST_F(RateLimitsTest, ABatchLargerThanABurstPassesWhenNothingIsOwed) {
  limit("acme", "1");
  EXPECT_EQ(publish_many(30).status, 201u);
  EXPECT_EQ(publish_many(1).header("Retry-After"), "21");
  pass_time(21s);
  EXPECT_EQ(publish_many(1).status, 201u);
}

TEST_F(RateLimitsTest, ATenantThatIsNotThereIsNotRemembered) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(ask("nobody-" + std::to_string(i)).outcome(), "404 not_found");
  }
  EXPECT_EQ(limits_->tenants(), 0u);
  EXPECT_EQ(ask().status, 200u);
  EXPECT_EQ(limits_->tenants(), 1u);
}

TEST_F(RateLimitsTest, TheInstallationsLimitIsOfThoseWithoutTheirOwn) {
  RateLimits limits(world_, *store_, {.requests_per_second = 1, .events_per_second = 2});
  const auto waits = [&](const std::string& tenant, RateLimits::Kind kind, std::uint64_t count) {
    const auto answer = run(limits.take(*TenantName::parse(tenant), kind, count, "req_1"));
    return answer ? answer->status : 0;
  };
  limit("other", "100");
  EXPECT_EQ(waits("acme", RateLimits::Kind::kRequests, 10), 0u);
  EXPECT_EQ(waits("acme", RateLimits::Kind::kRequests, 1), 429u);
  EXPECT_EQ(waits("acme", RateLimits::Kind::kEvents, 20), 0u) << "a bucket of its own";
  EXPECT_EQ(waits("acme", RateLimits::Kind::kEvents, 1), 429u);
  EXPECT_EQ(waits("other", RateLimits::Kind::kRequests, 1000), 0u);
  EXPECT_EQ(waits("other", RateLimits::Kind::kRequests, 1), 429u);
}

}  // namespace
}  // namespace bitvault::api
