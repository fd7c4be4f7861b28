#include "cli/cli.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli/test_cli.h"
#include "net/http_client_test_server.h"

namespace bitvault::cli {
namespace {

using net::TestServer;
using Reply = TestServer::Reply;

TEST(Cli, UsageErrorsAreOneLineAndExitTwo) {
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {"nonsense"},
                                                       {"tail", "extra"},
                                                       {"tail", "--nonsense"},
                                                       {"tail", "--limit", "0"},
                                                       {"tail", "--limit", "many"},
                                                       {"tail", "--on-reset", "maybe"},
                                                       {"tenants"},
                                                       {"tenants", "nonsense"},
                                                       {"tenants", "show"},
                                                       {"keys", "create", "--name", "x"},
                                                       {"catalog", "show"},
                                                       {"pattern"},
                                                       {"pattern", "test", "/none"},
                                                       {"pattern", "test", "/none", "/none"},
                                                       {"completion", "tcsh"},
                                                       {"--url", "http://h", "serve"},
                                                       {"serve", "--threads", "many"},
                                                       {"tail"},  // no tenant
                                                       {"tail", "--tenant", "NOT"},
                                                       {"catalog", "list", "--url", "x"},
                                                       {"catalog", "list", "--config", "/none"}};
  for (const auto& arguments : wrong) {
    const CliResult result = run_cli_for_test(arguments);
    const std::string shown = arguments.empty() ? "" : arguments.back();
    EXPECT_EQ(result.exit_code, 2) << shown;
    EXPECT_EQ(result.out, "") << shown;
    EXPECT_TRUE(result.err.starts_with("error: ")) << shown << result.err;
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
  }
}

TEST(Cli, UsageErrorsShowNoSecret) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"tail", "--kee", "bvk_a_b_c"},
                                             {"tail", "--kee=hunter2"},
                                             {"tail", "--kee", "hunter2"},
                                             {"tail", "bvk_hunter2"},
                                             {"keys", "rm", "--tenant", "t", "bvk_a_b_hunter2"}}) {
    const CliResult result = run_cli_for_test(arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.err.find("hunter2"), std::string::npos) << result.err;
    EXPECT_EQ(result.err.find("bvk_a_b"), std::string::npos) << result.err;
  }
}

TEST(Cli, EveryCommandHasHelpWithAnExampleAndTakesJson) {
  for (const char* path :
       {"serve", "publish", "tail", "tenants list", "tenants show", "tenants put", "tenants rm",
        "keys list", "keys create", "keys rm", "catalog list", "catalog show", "catalog schema",
        "catalog example", "pattern test", "version", "completion"}) {
    std::vector<std::string> arguments;
    std::istringstream words(path);
    for (std::string word; words >> word;) {
      arguments.push_back(word);
    }
    arguments.emplace_back("--help");
    const CliResult result = run_cli_for_test(arguments);
    EXPECT_EQ(result.exit_code, 0) << path;
    EXPECT_NE(result.out.find("Example"), std::string::npos) << path;
    EXPECT_NE(result.out.find(std::string("bitvault-events ") + path), std::string::npos) << path;
    EXPECT_NE(result.out.find("--json"), std::string::npos) << path;
  }
}

TEST(Cli, ServeIsHandedItsOptions) {
  EXPECT_EQ(run_cli_for_test({"serve", "--listen", "127.0.0.1:0", "--roles", "api,drain", "--watch",
                              "acme=/tmp", "--watch", "b=/", "--allow-private-targets"})
                .exit_code,
            0);
  ASSERT_TRUE(served());
  EXPECT_EQ(served()->listen_port, 0);
  EXPECT_EQ(served()->roles.size(), 2u);
  EXPECT_EQ(served()->watches.size(), 2u);
  EXPECT_TRUE(served()->targets.allow_private);
  EXPECT_EQ(run_cli_for_test({"serve", "--listen", "nowhere"}).exit_code, 2);
  EXPECT_FALSE(served());
}

TEST(Cli, ServerThatIsNotThere) {
  std::string gone;
  {
    TestServer server([](const TestServer::Request&) { return Reply{}; });
    gone = server.url();
  }
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"catalog", "list"},
           {"tail", "--tenant", "t"},
           {"publish", "--tenant", "t", "--type", "x", "--data", "{}"}}) {
    auto arguments = command;
    arguments.insert(arguments.end(), {"--url", gone});
    const CliResult result = run_cli_for_test(arguments);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_NE(result.err.find("bitvault-events serve"), std::string::npos) << result.err;
  }
}

TEST(Cli, RequestsCarryTheKeyAndTheTenantOfTheKey) {
  TestServer server(
      [](const TestServer::Request&) { return Reply{.body = R"({"items":[],"next_page":null})"}; });
  const CliResult result = run_cli_for_test(
      {"keys", "list"},
      {.environment = {{"BITVAULT_URL", server.url()}, {"BITVAULT_KEY", "bvk_acme_k1_secret"}}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].target, "/v1/tenants/acme/keys");
  EXPECT_NE(requests[0].head.find("Authorization: Bearer bvk_acme_k1_secret\r\n"),
            std::string::npos);
}

TEST(Cli, ProblemsAreRenderedOrPassedOn) {
  const std::string problem =
      R"({"title":"No valid API key was given","status":401,"detail":"d","code":"unauthenticated"})";
  TestServer server(
      [&](const TestServer::Request&) { return Reply{.status = 401, .body = problem + "\n"}; });
  const CliInput input{.environment = {{"BITVAULT_URL", server.url()}}};
  const CliResult text = run_cli_for_test({"tenants", "list"}, input);
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_TRUE(
      text.err.starts_with("error: No valid API key was given: d (unauthenticated)\nhint: "))
      << text.err;
  const CliResult json = run_cli_for_test({"tenants", "list", "--json"}, input);
  EXPECT_EQ(json.err, problem + "\n");
  EXPECT_EQ(json.out, "");
}

TEST(Cli, ListsFollowThePages) {
  TestServer server([](const TestServer::Request& request) {
    return request.target == "/v1/tenants"
               ? Reply{.body = R"({"items":[{"name":"a","state":"active"}],"next_page":"p 2"})"}
               : Reply{.body = R"({"items":[{"name":"b"}],"next_page":null})"};
  });
  const CliInput input{.environment = {{"BITVAULT_URL", server.url()}}};
  EXPECT_EQ(run_cli_for_test({"tenants", "list", "--json"}, input).out,
            "{\"items\":[{\"name\":\"a\",\"state\":\"active\"},{\"name\":\"b\"}],"
            "\"next_page\":null}\n");
  EXPECT_EQ(server.requests()[1].target, "/v1/tenants?page=p%202");
  const std::string table = run_cli_for_test({"tenants", "list"}, input).out;
  EXPECT_EQ(std::ranges::count(table, '\n'), 3) << table;
}

TEST(Cli, TenantsPutSendsOnlyWhatWasGiven) {
  TestServer server([](const TestServer::Request&) { return Reply{.status = 201, .body = "{}"}; });
  const CliInput input{.environment = {{"BITVAULT_URL", server.url()}}};
  EXPECT_EQ(run_cli_for_test({"tenants", "put", "acme"}, input).out, "created acme\n");
  static_cast<void>(run_cli_for_test(
      {"tenants", "put", "acme", "--display-name", "A \"B\"", "--retention-age", "30d",
       "--retention-events", "none", "--rate-limit", "5", "--operational-events", "on"},
      input));
  EXPECT_EQ(run_cli_for_test({"tenants", "put", "acme", "--retention-age", "0"}, input).exit_code,
            2);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].method, "PUT");
  EXPECT_EQ(requests[0].target, "/v1/tenants/acme");
  EXPECT_EQ(requests[0].body, "{}");
  EXPECT_EQ(
      requests[1].body,
      R"({"display_name":"A \"B\"","retention":{"max_age_seconds":2592000,"max_events":null},)"
      R"("rate_limit":5,"operational_events":true})");
}

TEST(Cli, NothingIsRemovedUnasked) {
  TestServer server([](const TestServer::Request&) { return Reply{.status = 202, .body = "{}"}; });
  const CliInput input{.environment = {{"BITVAULT_URL", server.url()}}, .in = "acme\n"};
  EXPECT_EQ(run_cli_for_test({"tenants", "rm", "acme"}, input).exit_code, 2);  // no terminal
  EXPECT_TRUE(server.requests().empty());
  EXPECT_EQ(run_cli_for_test({"tenants", "rm", "acme", "--yes"}, input).exit_code, 0);
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(server.requests()[0].method, "DELETE");
}

TEST(Cli, ANewKeyStandsAloneOnStandardOutput) {
  TestServer server([](const TestServer::Request&) {
    return Reply{.status = 201, .body = R"({"id":"key_1","name":"ci","key":"bvk_acme_1_s"})"};
  });
  const CliResult result =
      run_cli_for_test({"keys", "create", "--tenant", "acme", "--name", "ci", "--scope",
                        "events:read,events:write", "--scope", "log:read"},
                       {.environment = {{"BITVAULT_URL", server.url()}}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "bvk_acme_1_s\n");
  EXPECT_EQ(result.err.find("bvk_acme"), std::string::npos);
  EXPECT_EQ(server.requests()[0].body,
            R"({"name":"ci","scopes":["events:read","events:write","log:read"]})");
}

TEST(Cli, CatalogShowsExamplesThatPublishTakes) {
  TestServer server([](const TestServer::Request& request) {
    return request.target.ends_with("schema.json")
               ? Reply{.body = R"({"type":"object"})"}
               : Reply{.body = R"({"type":"t","description":"D.","example":{"a":[1]}})"};
  });
  const CliInput input{.environment = {{"BITVAULT_URL", server.url()}}};
  EXPECT_EQ(run_cli_for_test({"catalog", "example", "t"}, input).out,
            "{\n  \"a\": [\n    1\n  ]\n}\n");
  EXPECT_EQ(run_cli_for_test({"catalog", "example", "t", "--json"}, input).out, "{\"a\":[1]}\n");
  EXPECT_EQ(run_cli_for_test({"catalog", "schema", "t", "--json"}, input).out,
            "{\"type\":\"object\"}\n");
  EXPECT_NE(run_cli_for_test({"catalog", "show", "t"}, input).out.find("D."), std::string::npos);
}

TEST(Cli, AnswersThatAreNoJsonAreFailures) {
  TestServer server([](const TestServer::Request&) { return Reply{.body = "<html>"}; });
  for (const char* command : {"catalog", "tenants"}) {
    const CliResult result = run_cli_for_test({command, "list", "--url", server.url(), "--json"});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find("is not JSON"), std::string::npos) << result.err;
  }
}

TEST(Cli, OptionsMayStandBeforeTheCommand) {
  TestServer server([](const TestServer::Request&) { return Reply{.body = R"({"items":[]})"}; });
  EXPECT_EQ(run_cli_for_test({"--url", server.url(), "tenants", "--json", "list"}).out,
            "{\"items\":[]}\n");
}

}  // namespace
}  // namespace bitvault::cli
