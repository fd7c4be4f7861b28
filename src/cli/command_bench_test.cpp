#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>

#include "base/json.h"
#include "cli/test_cli.h"
#include "cli/test_terminal.h"
#include "net/http_client_test_server.h"

namespace bitvault::cli {
namespace {

using net::TestServer;
using Reply = TestServer::Reply;

CliInput input_for(const TestServer& server) {
  return {.environment = {{"BITVAULT_URL", server.url()}, {"BITVAULT_TENANT", "acme"}}};
}

// The clock of these tests stands still: a run ends by the signal that this sends.
Reply interrupt() {
  kill(getpid(), SIGINT);
  return {.kind = Reply::Kind::kHang};
}

CliResult bench(const TestServer& server, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"bench", "--connections", "1"});
  return run_cli_for_test(std::move(arguments), input_for(server));
}

TEST(Bench, WritesNothingUnasked) {
  TestServer server([](const TestServer::Request&) { return interrupt(); });
  for (const char* mode : {"publish", "latency"}) {
    const CliResult result = bench(server, {"--mode", mode});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find("tenant acme"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("--yes"), std::string::npos) << result.err;
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST(Bench, APersonMayAllowIt) {
  std::size_t asked = 0;
  for (const char* typed : {"\n", "n\n", "maybe yes\n", "y\n", "yes\n"}) {
    TestServer server([](const TestServer::Request&) { return interrupt(); });
    const TestTerminal terminal;
    terminal.type(typed);
    CliInput input = input_for(server);
    input.in_fd = terminal.fd();
    const CliResult result = run_cli_for_test({"bench", "--connections", "1"}, input);
    EXPECT_NE(result.err.find("real events into the tenant acme of http://127.0.0.1"),
              std::string::npos)
        << result.err;
    const bool allowed = typed[0] == 'y';
    EXPECT_EQ(result.exit_code, allowed ? 0 : 2) << typed;
    EXPECT_EQ(server.requests().size(), allowed ? 1u : 0u) << typed;
    ++asked;
  }
  EXPECT_EQ(asked, 5u);
}

TEST(Bench, PublishesAndTellsWhenInterrupted) {
  std::atomic<int> count{0};
  TestServer server([&](const TestServer::Request&) {
    return ++count <= 4 ? Reply{.status = 201, .body = "{}"} : interrupt();
  });
  const CliResult result = bench(server, {"--yes", "--batch", "3", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto json = Json::parse(result.out);
  ASSERT_TRUE(json) << result.out;
  EXPECT_EQ(json->text_of("mode"), "publish");
  EXPECT_EQ(json->text_of("interrupted"), "true");
  EXPECT_EQ(json->text_of("requests"), "4");
  EXPECT_EQ(json->text_of("events"), "12");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 5u);
  for (const auto& request : requests) {
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/v1/tenants/acme/events");
    EXPECT_EQ(std::ranges::count(request.body, '\n'), 3);
  }
  EXPECT_NE(requests[0].body, requests[1].body);
}

TEST(Bench, ReadsTheFeedWithoutAsking) {
  std::atomic<int> count{0};
  TestServer server([&](const TestServer::Request&) {
    const int number = ++count;
    return number > 3 ? interrupt()
                      : Reply{.body = "{}\n{}\n",
                              .headers = "BitVault-Next-Cursor: c\r\nBitVault-Has-More: " +
                                         std::string(number == 1 ? "true" : "false") + "\r\n"};
  });
  const CliResult result = bench(server, {"--mode", "feed"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with("feed: 0.0 s (interrupted), 1 connection, 500 events a page"))
      << result.out;
  EXPECT_NE(result.out.find("pages   3"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("events  6"), std::string::npos) << result.out;
  const auto requests = server.requests();
  EXPECT_EQ(requests.at(0).target, "/v1/tenants/acme/events?limit=500");
  EXPECT_EQ(requests.at(1).target, "/v1/tenants/acme/events?limit=500&cursor=c");
  EXPECT_EQ(requests.at(2).target, "/v1/tenants/acme/events?limit=500");
  EXPECT_NE(requests.at(0).head.find("Accept: application/x-ndjson"), std::string::npos);
}

TEST(Bench, ARefusalBeforeAnySuccessEndsIt) {
  TestServer server([](const TestServer::Request&) {
    return Reply{.status = 403, .body = R"({"title":"No","code":"forbidden"})"};
  });
  for (const char* mode : {"publish", "latency", "feed"}) {
    const CliResult result = bench(server, {"--yes", "--mode", mode});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_TRUE(result.err.starts_with("error: No")) << result.err;
    EXPECT_EQ(result.out, "");
  }
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST(Bench, CountsAStrangersAnswersAsErrors) {
  std::atomic<int> count{0};
  TestServer server([&](const TestServer::Request&) {
    return ++count <= 3 ? Reply{.status = 200, .body = "<html>"} : interrupt();
  });
  const CliResult result = bench(server, {"--yes", "--json"});
  EXPECT_EQ(result.exit_code, 1);
  const auto errors = Json::parse(result.out)->member("errors");
  EXPECT_EQ(errors->raw(), R"({"not_bitvault_events":3})");
}

TEST(Bench, LatencyNeedsAStream) {
  TestServer server([](const TestServer::Request&) {
    return Reply{.body = R"({"cursor":"c"})",
                 .headers = "Content-Type: application/json\r\nConnection: close\r\n"};
  });
  const CliResult result = bench(server, {"--yes", "--mode", "latency"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("no stream of events"), std::string::npos) << result.err;
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u) << "nothing is published";
  EXPECT_EQ(requests[0].target, "/v1/tenants/acme/cursor?at=latest");
  EXPECT_TRUE(
      requests[1].target.starts_with("/v1/tenants/acme/events?cursor=c&subject_prefix=%2Fbench%2F"))
      << requests[1].target;
}

TEST(Bench, RefusesNumbersOutOfRange) {
  TestServer server([](const TestServer::Request&) { return interrupt(); });
  for (const auto& [option, value] :
       std::vector<std::pair<std::string, std::string>>{{"--duration", "0"},
                                                        {"--duration", "soon"},
                                                        {"--duration", "2d"},
                                                        {"--batch", "0"},
                                                        {"--batch", "1001"},
                                                        {"--rate", "0"},
                                                        {"--rate", "1000001"},
                                                        {"--mode", "wild"}}) {
    const CliResult result = bench(server, {"--yes", option, value});
    EXPECT_EQ(result.exit_code, 2) << option << " " << value;
    EXPECT_TRUE(result.err.starts_with("error: ")) << result.err;
  }
  EXPECT_EQ(run_cli_for_test({"bench", "--connections", "1001"}, input_for(server)).exit_code, 2);
  EXPECT_TRUE(server.requests().empty());
}

}  // namespace
}  // namespace bitvault::cli
