#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "cli/ndjson.h"
#include "cli/test_cli.h"
#include "net/http_client_test_server.h"

namespace bitvault::cli {
namespace {

using net::TestServer;
using Reply = TestServer::Reply;

// Answers a publish of NDJSON or of one event as the server does.
Reply accept(const TestServer::Request& request, bool duplicate = false) {
  std::string events;
  std::istringstream lines(request.body);
  std::size_t sequence = 0;
  for (std::string line; std::getline(lines, line);) {
    events +=
        fmt::format(R"({}{{"id":"{}","sequence":{},"duplicate":{}}})", events.empty() ? "" : ",",
                    Json::parse(line)->text_of("id"), ++sequence, duplicate);
  }
  return {.status = 201, .body = fmt::format(R"({{"events":[{}],"cursor":"cur"}})", events) + "\n"};
}

CliInput input_for(const TestServer& server, std::string in = "") {
  return {.environment = {{"BITVAULT_URL", server.url()}, {"BITVAULT_TENANT", "acme"}},
          .in = std::move(in)};
}

TEST(Publish, OneEventFromFlags) {
  TestServer server([](const TestServer::Request& request) { return accept(request); });
  const CliResult result =
      run_cli_for_test({"publish", "--type", "t", "--data", "{\"a\":1}", "--subject", "/s", "--ext",
                        "x=y", "--ext", "z=1", "--id", "e1"},
                       input_for(server));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "published e1, sequence 1, cursor cur\n");
  const auto request = server.requests().at(0);
  EXPECT_EQ(request.target, "/v1/tenants/acme/events");
  EXPECT_NE(request.head.find("Content-Type: application/cloudevents+json\r\n"), std::string::npos);
  EXPECT_EQ(request.body,
            R"({"specversion":"1.0","id":"e1","type":"t","subject":"/s","x":"y","z":"1",)"
            R"("data":{"a":1}})");
}

TEST(Publish, DataFromAFileAndFromStandardInput) {
  TestServer server([](const TestServer::Request& request) { return accept(request); });
  const std::string path = testing::TempDir() + "publish_data.json";
  std::ofstream(path) << "{\"from\":\"file\"}\n";
  EXPECT_EQ(run_cli_for_test({"publish", "--type", "t", "--data", "@" + path}, input_for(server))
                .exit_code,
            0);
  EXPECT_EQ(run_cli_for_test({"publish", "--type", "t", "--data", "-"},
                             input_for(server, "{\"from\":\"stdin\"}"))
                .exit_code,
            0);
  std::filesystem::remove(path);
  EXPECT_NE(server.requests().at(0).body.find("\"data\":{\"from\":\"file\"}}"), std::string::npos);
  EXPECT_NE(server.requests().at(1).body.find("\"data\":{\"from\":\"stdin\"}}"), std::string::npos);
}

TEST(Publish, WrongUseIsTold) {
  TestServer server([](const TestServer::Request& request) { return accept(request); });
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"publish"},
                                             {"publish", "--type", "t"},
                                             {"publish", "--type", "t", "--data", "no json"},
                                             {"publish", "--type", "t", "--data", "@/nonexistent"},
                                             {"publish", "--type", "t", "--ndjson", "-"},
                                             {"publish", "--ndjson", "/nonexistent"}}) {
    EXPECT_EQ(run_cli_for_test(arguments, input_for(server)).exit_code, 2);
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST(Publish, TriesAgainWithTheSameId) {
  std::atomic<int> count{0};
  TestServer server([&](const TestServer::Request& request) {
    switch (++count) {
      case 1:
        return Reply{.status = 503, .body = "{}", .headers = "Retry-After: 0\r\n"};
      case 2:
        return Reply{.kind = Reply::Kind::kHangUp};
      default:
        return accept(request, true);
    }
  });
  const CliResult result =
      run_cli_for_test({"publish", "--type", "t", "--data", "{}"}, input_for(server));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with("was there already: ")) << result.out;
  const auto requests = server.requests();
  ASSERT_GE(requests.size(), 3u);
  EXPECT_NE(Json::parse(requests[0].body)->text_of("id"), "");
  EXPECT_EQ(requests[0].body, requests[1].body);
  EXPECT_EQ(requests[0].body, requests.back().body);
}

TEST(Publish, DoesNotTryAgainWhatCannotSucceed) {
  TestServer server([](const TestServer::Request&) {
    return Reply{.status = 422, .body = R"({"title":"t","code":"type_unknown"})"};
  });
  EXPECT_EQ(
      run_cli_for_test({"publish", "--type", "t", "--data", "{}"}, input_for(server)).exit_code, 1);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(PublishNdjson, SendsBatchesAndSumsUp) {
  TestServer server([](const TestServer::Request& request) { return accept(request); });
  std::string lines;
  for (int i = 0; i < 1'201; ++i) {
    lines += "{\"type\":\"t\",\"data\":{}}\n";
  }
  const CliResult result = run_cli_for_test({"publish", "--ndjson", "-"}, input_for(server, lines));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "published 1201 (0 duplicates), cursor cur\n");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(std::ranges::count(requests[0].body, '\n'), 500);
  EXPECT_EQ(std::ranges::count(requests[2].body, '\n'), 201);
  EXPECT_EQ(requests[2].connection, 1u);
  EXPECT_NE(requests[0].head.find("Content-Type: application/x-ndjson\r\n"), std::string::npos);
}

TEST(PublishNdjson, JsonIsTheServersAnswersOneALine) {
  TestServer server([](const TestServer::Request& request) { return accept(request); });
  const CliResult result = run_cli_for_test({"publish", "--json", "--ndjson"},
                                            input_for(server, "{\"id\":\"a\"}\n{\"id\":\"b\"}"));
  EXPECT_EQ(result.out,
            "{\"events\":[{\"id\":\"a\",\"sequence\":1,\"duplicate\":false},"
            "{\"id\":\"b\",\"sequence\":2,\"duplicate\":false}],\"cursor\":\"cur\"}\n");
}

TEST(PublishNdjson, NamesTheLineThatTheServerRefused) {
  TestServer server([](const TestServer::Request&) {
    return Reply{.status = 422,
                 .body = R"({"title":"Not valid","code":"event_invalid","errors":[)"
                         R"({"index":1,"path":"data.x","message":"is unknown"}]})"};
  });
  const CliResult result =
      run_cli_for_test({"publish", "--ndjson"}, input_for(server, "{}\n\n\n{}\n{}\n"));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("line 4: data.x: is unknown"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("nothing from line 1 on was published"), std::string::npos)
      << result.err;
  EXPECT_EQ(result.out, "published 0 (0 duplicates), cursor unchanged\n");
}

TEST(PublishNdjson, AWrongLineStopsAfterTheOnesBefore) {
  TestServer server([](const TestServer::Request& request) { return accept(request); });
  const CliResult result =
      run_cli_for_test({"publish", "--ndjson"}, input_for(server, "{}\n{}\n{oops\n{}\n"));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("line 3: not JSON"), std::string::npos) << result.err;
  EXPECT_EQ(result.out, "published 2 (0 duplicates), cursor cur\n");
}

TEST(PublishNdjson, ASignalEndsItAndTellsHowFarItCame) {
  std::atomic<int> count{0};
  TestServer server([&](const TestServer::Request& request) {
    if (++count == 1) {
      return accept(request);
    }
    kill(getpid(), SIGTERM);
    return Reply{.kind = Reply::Kind::kHang};
  });
  std::string lines;
  for (std::size_t i = 0; i < kBatchEventsMax + 1; ++i) {
    lines += "{}\n";
  }
  const CliResult result = run_cli_for_test({"publish", "--ndjson"}, input_for(server, lines));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("lines 501 to 501"), std::string::npos) << result.err;
  EXPECT_EQ(result.out, "published 500 (0 duplicates), cursor cur\n");
}

}  // namespace
}  // namespace bitvault::cli
