#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "cli/state_file.h"
#include "cli/test_cli.h"
#include "net/http_client_test_server.h"

namespace bitvault::cli {
namespace {

using net::TestServer;
using Reply = TestServer::Reply;

constexpr std::string_view kStart = "cursor_at_the_start_";

std::string event(int sequence) {
  return fmt::format(R"({{"type":"t","subject":"/s","sequence":"{:020}","data":{{"a":  1}}}})",
                     sequence);
}

std::string cursor(int sequence) { return fmt::format("cursor_after_{:08}", sequence); }

Reply page(int first, int last, bool more = false) {
  std::string events;
  for (int i = first; i <= last; ++i) {
    events += (events.empty() ? "" : " , ") + event(i);
  }
  return {.body = fmt::format(R"({{"events":[{}],"next_cursor":"{}","has_more":{}}})", events,
                              cursor(last), more) +
                  "\n"};
}

std::string block(int sequence) {
  return fmt::format("id: {}\nevent: t\ndata: {}\n\n", cursor(sequence), event(sequence));
}

Reply stream_of(const std::string& text) {
  return {.kind = Reply::Kind::kStream,
          .body = "retry: 1\n\n:\n\n" + text,
          .headers = "Content-Type: text/event-stream\r\n"};
}

Reply stream(int first, int last) {
  std::string text;
  for (int i = first; i <= last; ++i) {
    text += block(i);
  }
  return stream_of(text);
}

// One that the server ends.
Reply ended(Reply reply) {
  reply.kind = Reply::Kind::kAnswer;
  return reply;
}

bool is_locate(const TestServer::Request& request) {
  return request.target.starts_with("/v1/tenants/acme/cursor?");
}

Reply located() { return {.body = fmt::format(R"({{"cursor":"{}"}})", kStart)}; }

class Tail : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "tailXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    state_ = pattern + "/state";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static CliInput input_for(const TestServer& server) {
    return {.environment = {{"BITVAULT_URL", server.url()}, {"BITVAULT_TENANT", "acme"}}};
  }

  std::filesystem::path folder_;
  std::string state_;
};

TEST_F(Tail, PrintsExactBytesUpToTheHead) {
  TestServer server([](const TestServer::Request& request) {
    return is_locate(request)                                      ? located()
           : request.target.find("cursor_at") != std::string::npos ? page(1, 2, true)
                                                                   : page(3, 3);
  });
  const CliResult result =
      run_cli_for_test({"tail", "--from", "earliest", "--once", "--json"}, input_for(server));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, event(1) + "\n" + event(2) + "\n" + event(3) + "\n");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].target, "/v1/tenants/acme/cursor?at=earliest");
  EXPECT_NE(requests[2].target.find("cursor=" + cursor(2)), std::string::npos);
}

TEST_F(Tail, AsksForWhatTheFlagsSay) {
  TestServer server([](const TestServer::Request&) { return page(1, 1); });
  static_cast<void>(run_cli_for_test(
      {"tail", "--from", std::string(kStart), "--once", "--type", "bitvault.node.*", "--type", "b",
       "--subject-prefix", "/a b/&", "--partitionkey", "k", "--limit", "7"},
      input_for(server)));
  EXPECT_EQ(server.requests().at(0).target,
            "/v1/tenants/acme/events?cursor=cursor_at_the_start_&type=bitvault.node.%2A&type=b&"
            "subject_prefix=%2Fa%20b%2F%26&partitionkey=k&limit=7");
}

TEST_F(Tail, FollowsByServerSentEvents) {
  TestServer server([](const TestServer::Request&) {
    return stream_of(block(1) + ":\nid: " + cursor(5) + "\n\n" + block(6) + block(7));
  });
  const CliResult result = run_cli_for_test({"tail", "--from", std::string(kStart), "--type", "t",
                                             "--state", state_, "--limit", "2", "--json"},
                                            input_for(server));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, event(1) + "\n" + event(6) + "\n");
  EXPECT_EQ(load_cursor(state_)->value(), cursor(6)) << "not of what was not printed";
  ASSERT_EQ(server.requests().size(), 1u);
  const auto request = server.requests()[0];
  EXPECT_EQ(request.target, "/v1/tenants/acme/events?cursor=cursor_at_the_start_&type=t");
  EXPECT_NE(request.head.find("Accept: text/event-stream"), std::string::npos);
}

TEST_F(Tail, ABookmarkMovesItsPlace) {
  TestServer server([](const TestServer::Request& request) {
    if (request.target.find(cursor(9)) == std::string::npos) {
      return ended(stream_of(":\nid: " + cursor(9) + "\n\n"));
    }
    kill(getpid(), SIGINT);
    return Reply{.kind = Reply::Kind::kHang};
  });
  const CliResult result = run_cli_for_test(
      {"tail", "--from", std::string(kStart), "--state", state_}, input_for(server));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "") << "a stream that ends is nothing to tell";
  EXPECT_EQ(load_cursor(state_)->value(), cursor(9));
}

TEST_F(Tail, AsksWithItsPattern) {
  TestServer server([](const TestServer::Request&) { return stream(1, 1); });
  const std::string pattern = R"({"a":[{"prefix":"x"}]})";
  const std::string file = (folder_ / "pattern").string();
  std::ofstream(file) << pattern;
  for (const std::string& given : {pattern, "@" + file}) {
    const CliResult result = run_cli_for_test(
        {"tail", "--from", std::string(kStart), "--limit", "1", "--pattern", given},
        input_for(server));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(server.requests().back().target.ends_with(
        "&pattern=%7B%22a%22%3A%5B%7B%22prefix%22%3A%22x%22%7D%5D%7D"))
        << server.requests().back().target;
  }
  const std::size_t asked = server.requests().size();
  for (const std::string& given : {std::string("{"), std::string(R"({"a":1})"),
                                   std::string("@") + folder_.string() + "/none"}) {
    const CliResult result = run_cli_for_test({"tail", "--pattern", given}, input_for(server));
    EXPECT_EQ(result.exit_code, 2) << given;
    EXPECT_TRUE(result.err.starts_with("error: ")) << result.err;
  }
  EXPECT_EQ(server.requests().size(), asked) << "nothing is asked with a pattern that is none";
}

TEST_F(Tail, RefusesAStartThatIsNone) {
  TestServer server([](const TestServer::Request&) { return located(); });
  EXPECT_EQ(run_cli_for_test({"tail", "--from", "yesterday"}, input_for(server)).exit_code, 2);
  std::ofstream(state_) << "not a cursor\n";
  EXPECT_EQ(run_cli_for_test({"tail", "--state", state_}, input_for(server)).exit_code, 2);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(Tail, RemembersItsPlace) {
  TestServer server([](const TestServer::Request& request) {
    return is_locate(request) ? located() : stream(1, 2);
  });
  ASSERT_EQ(
      run_cli_for_test({"tail", "--state", state_, "--limit", "2"}, input_for(server)).exit_code,
      0);
  EXPECT_EQ(load_cursor(state_)->value(), cursor(2));
  ASSERT_EQ(run_cli_for_test({"tail", "--state", state_, "--from", "earliest", "--limit", "2"},
                             input_for(server))
                .exit_code,
            0);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);  // the second time without a look-up
  EXPECT_NE(requests[2].target.find("cursor=" + cursor(2)), std::string::npos);
}

TEST_F(Tail, RemembersWhereItStartedBeforeTheFirstEvent) {
  TestServer server([](const TestServer::Request& request) {
    if (is_locate(request)) {
      return located();
    }
    kill(getpid(), SIGINT);
    return Reply{.kind = Reply::Kind::kHang};
  });
  ASSERT_EQ(run_cli_for_test({"tail", "--state", state_}, input_for(server)).exit_code, 0);
  EXPECT_EQ(load_cursor(state_)->value(), kStart);
}

TEST_F(Tail, ASignalEndsAStreamWithZero) {
  for (const int signal : {SIGINT, SIGTERM}) {
    TestServer server([&](const TestServer::Request&) {
      kill(getpid(), signal);
      return Reply{.kind = Reply::Kind::kHang};
    });
    const CliResult result =
        run_cli_for_test({"tail", "--from", std::string(kStart)}, input_for(server));
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
  }
}

TEST_F(Tail, AReaderThatLeftEndsItQuietlyAndItsEventsAreNotDone) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  close(ends[0]);
  std::FILE* const out = fdopen(ends[1], "w");
  TestServer server([](const TestServer::Request&) { return stream(1, 2); });
  ASSERT_TRUE(save_cursor(state_, kStart));
  CliInput input = input_for(server);
  input.out = out;
  const CliResult result = run_cli_for_test({"tail", "--state", state_}, input);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(load_cursor(state_)->value(), kStart);
  EXPECT_EQ(server.requests().size(), 1u);
  std::fclose(out);
}

TEST_F(Tail, AFullDiskIsAFailureAndItsEventsAreNotDone) {
  std::FILE* const out = std::fopen("/dev/full", "w");
  TestServer server([](const TestServer::Request&) { return stream(1, 2); });
  ASSERT_TRUE(save_cursor(state_, kStart));
  CliInput input = input_for(server);
  input.out = out;
  const CliResult result = run_cli_for_test({"tail", "--state", state_}, input);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(load_cursor(state_)->value(), kStart);
  std::fclose(out);
}

TEST_F(Tail, ComesBackAfterAnOutage) {
  std::atomic<int> count{0};
  TestServer server([&](const TestServer::Request&) {
    switch (++count) {
      case 1:
        return ended(stream(1, 1));
      case 2:
        return Reply{.status = 503, .body = "{}"};
      default:
        return stream(2, 2);
    }
  });
  const CliResult result = run_cli_for_test(
      {"tail", "--from", std::string(kStart), "--limit", "2", "--json"}, input_for(server));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, event(1) + "\n" + event(2) + "\n");
  EXPECT_NE(result.err.find("connected again"), std::string::npos) << result.err;
  EXPECT_NE(server.requests().at(2).target.find("cursor=" + cursor(1)), std::string::npos);
}

TEST_F(Tail, AResetIsToldAndGoesOnFromTheEarliest) {
  const Reply reset{.status = 409,
                    .body = R"({"title":"t","code":"cursor_reset","reason":"expired",)"
                            R"("earliest_cursor":"early_early_early_1","latest_cursor":"late"})"};
  std::atomic<int> count{0};
  TestServer server([&](const TestServer::Request&) {
    switch (++count) {
      case 1:
        return ended(stream(1, 2));
      case 2:
        return reset;
      default:
        return stream(6, 6);
    }
  });
  const CliResult result =
      run_cli_for_test({"tail", "--from", std::string(kStart), "--limit", "3"}, input_for(server));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.err.find("lost: 3 events, sequences 3 to 5"), std::string::npos) << result.err;
  EXPECT_NE(server.requests().at(2).target.find("cursor=early_early_early_1"), std::string::npos);

  TestServer strict([&](const TestServer::Request&) { return reset; });
  ASSERT_TRUE(save_cursor(state_, kStart));
  EXPECT_EQ(run_cli_for_test({"tail", "--state", state_, "--on-reset", "fail"}, input_for(strict))
                .exit_code,
            1);
  EXPECT_EQ(load_cursor(state_)->value(), kStart);
}

TEST_F(Tail, AResetWithinAStreamIsOneToo) {
  const std::string told =
      "id: early_early_early_1\nevent: reset\ndata: "
      R"({"code":"cursor_reset","reason":"epoch_changed","earliest_cursor":"early_early_early_1",)"
      R"("latest_cursor":"late_late_late_late"})"
      "\n\n";
  TestServer server([&](const TestServer::Request& request) {
    return request.target.find("early") == std::string::npos ? ended(stream_of(block(1) + told))
                                                             : stream(1, 1);
  });
  const CliResult result = run_cli_for_test(
      {"tail", "--from", std::string(kStart), "--limit", "2", "--json"}, input_for(server));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, event(1) + "\n" + event(1) + "\n");
  EXPECT_NE(result.err.find("replaced by another"), std::string::npos) << result.err;

  ASSERT_TRUE(save_cursor(state_, kStart));
  EXPECT_EQ(run_cli_for_test({"tail", "--state", state_, "--on-reset", "fail"}, input_for(server))
                .exit_code,
            1);
  EXPECT_EQ(load_cursor(state_)->value(), cursor(1));
}

TEST_F(Tail, RefusalsAndStrangersEndIt) {
  TestServer forbidden([](const TestServer::Request&) {
    return Reply{.status = 403, .body = R"({"title":"No","code":"forbidden"})"};
  });
  const CliResult refused = run_cli_for_test({"tail"}, input_for(forbidden));
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("error: No"), std::string::npos);
  for (const char* body : {"<html>", "{}", "[]", R"({"events":[]})"}) {
    TestServer stranger([&](const TestServer::Request&) { return Reply{.body = body}; });
    EXPECT_EQ(
        run_cli_for_test({"tail", "--once", "--from", std::string(kStart)}, input_for(stranger))
            .exit_code,
        1)
        << body;
    EXPECT_EQ(run_cli_for_test({"tail"}, input_for(stranger)).exit_code, 1) << body;
    EXPECT_EQ(
        run_cli_for_test({"tail", "--from", std::string(kStart)}, input_for(stranger)).exit_code, 1)
        << body;
  }
  for (const std::string& text :
       {std::string("data: <html>\n\n"), "data: " + std::string(2'000'000, 'x')}) {
    TestServer stranger([&](const TestServer::Request&) { return stream_of(text); });
    const CliResult result =
        run_cli_for_test({"tail", "--from", std::string(kStart)}, input_for(stranger));
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_NE(result.err.find("not one of BitVault Events"), std::string::npos) << result.err;
  }
}

TEST_F(Tail, AForeignStateIsRefusedWithAWayOutAndLeftAsItIs) {
  TestServer server([](const TestServer::Request&) {
    return Reply{.status = 400,
                 .body = R"({"title":"The cursor is not valid","code":"cursor_invalid"})"};
  });
  ASSERT_TRUE(save_cursor(state_, kStart));  // of another tenant
  const CliResult result = run_cli_for_test({"tail", "--state", state_}, input_for(server));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("hint: a cursor is of one tenant of one server"), std::string::npos)
      << result.err;
  EXPECT_EQ(load_cursor(state_)->value(), kStart);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(Tail, ATornStateIsRefusedBeforeAnythingIsAsked) {
  TestServer server([](const TestServer::Request&) { return located(); });
  for (const std::string& text : {std::string(), std::string("cursor_at"), std::string(99, '\0')}) {
    std::ofstream(state_, std::ios::trunc) << text;
    const CliResult result = run_cli_for_test({"tail", "--state", state_}, input_for(server));
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(state_ + " holds no cursor; remove it"), std::string::npos)
        << result.err;
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(Tail, AStateThatCannotBeWrittenEndsIt) {
  TestServer server([](const TestServer::Request& request) {
    return is_locate(request) ? located() : stream(1, 1);
  });
  const CliResult result = run_cli_for_test(
      {"tail", "--state", (folder_ / "no" / "state").string(), "--limit", "1"}, input_for(server));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("cannot write"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace bitvault::cli
