// `webhooks`: add, list, show, update, rm, enable, disable, rotate, test.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "cli/json_object.h"
#include "cli/webhook_command.h"

namespace bitvault::cli {
namespace {

// What `add` and `update` can say of a webhook.
class WebhookFlags {
 public:
  explicit WebhookFlags(CLI::App& app) {
    app.add_option("--type", types_, "A type, or a prefix such as bitvault.node.*; repeatable")
        ->take_all()
        ->delimiter(',')
        ->expected(1);
    app.add_option("--pattern", pattern_, "An event pattern: JSON, or a file that holds it")
        ->type_name("JSON|FILE");
    app.add_option("--description", description_, "What it is for");
    app.add_option("--header", headers_, "A header to send, \"Name: value\"; repeatable")
        ->type_name("HEADER")
        ->take_all()
        ->expected(1);
    app.add_option("--ordering", ordering_, "Whether events of a partition key wait for each other")
        ->check(CLI::IsMember({"none", "partitionkey"}).description(""))
        ->type_name("none|partitionkey");
    app.add_option("--concurrency", concurrency_, "Attempts at once (default 10)")->type_name("N");
    app.add_option("--rate-limit", rate_, "Attempts a second (default: no limit)")->type_name("N");
    app.add_option("--timeout", timeout_, "Of one attempt (default 20)")->type_name("SECONDS");
    app.add_option("--retry-schedule", schedule_,
                   "The delay before each attempt, the first included (default "
                   "0,5,60,300,1800,7200,86400)")
        ->type_name("SECONDS,...");
  }

  // What is wrong with them; empty: nothing.
  [[nodiscard]] std::string add_to(JsonObject& body) const {
    if (!types_.empty()) {
      body.add_texts("types", types_);
    }
    if (pattern_) {
      const auto json = read_pattern();
      if (!json) {
        return "--pattern is neither JSON nor a file that holds it";
      }
      body.add("pattern", *json);
    }
    if (description_) {
      body.add_text("description", *description_);
    }
    if (!headers_.empty()) {
      JsonObject headers;
      for (const std::string& header : headers_) {
        const std::size_t colon = header.find(':');
        if (colon == std::string::npos || !is_valid_utf8(header)) {
          return "--header is \"Name: value\"";
        }
        const std::size_t value = header.find_first_not_of(' ', colon + 1);
        headers.add_text(header.substr(0, colon),
                         value == std::string::npos ? "" : header.substr(value));
      }
      body.add("headers", headers.str());
    }
    if (ordering_) {
      body.add_text("ordering", *ordering_);
    }
    body.add_number("concurrency", concurrency_);
    body.add_number("rate_limit_per_second", rate_);
    body.add_number("timeout_seconds", timeout_);
    if (schedule_) {
      const auto list = Json::parse("[" + *schedule_ + "]");
      if (!list) {
        return "--retry-schedule is a list of seconds such as 0,5,60";
      }
      body.add("retry_schedule_seconds", "[" + *schedule_ + "]");
    }
    return body.valid() ? "" : "what is given must be UTF-8";
  }

 private:
  [[nodiscard]] std::optional<std::string> read_pattern() const {
    std::string text = *pattern_;
    if (!text.starts_with('{')) {
      std::ifstream file(text);
      std::ostringstream whole;
      whole << file.rdbuf();
      text = whole.str();
    }
    return Json::parse(text) ? std::optional(text) : std::nullopt;
  }

  std::vector<std::string> types_;
  std::optional<std::string> pattern_;
  std::optional<std::string> description_;
  std::vector<std::string> headers_;
  std::optional<std::string> ordering_;
  std::optional<unsigned> concurrency_;
  std::optional<unsigned> rate_;
  std::optional<unsigned> timeout_;
  std::optional<std::string> schedule_;
};

int finish_with_secret(Session& session, const net::HttpAnswer& answer) {
  if (session.json) {
    return session.finish_with(answer.body);
  }
  const auto webhook = Json::parse(answer.body);
  if (!webhook || webhook->text_of("secret").empty()) {
    session.console.note("error: the server's answer holds no secret");
    return 1;
  }
  session.console.note(fmt::format("{}: keep this secret, it is not shown again",
                                   printable(webhook->text_of("id"))));
  return session.finish_with(printable(webhook->text_of("secret")));
}

class AddWebhook final : public Command {
 public:
  explicit AddWebhook(CLI::App& app) : flags_(app) {
    app.add_option("endpoint", url_, "Where deliveries go: an https:// URL")->required();
    app.add_option("--start", start_, "latest (default), earliest or a cursor");
  }

  int run(Session& session) override {
    JsonObject body;
    body.add_text("url", url_);
    if (start_) {
      body.add_text("start", *start_);
    }
    if (const std::string wrong = flags_.add_to(body); !wrong.empty()) {
      return session.usage(wrong);
    }
    const std::string text = body.str();
    const auto answer = session.api.call({.method = "POST",
                                          .path = session.api.tenant_path("/webhooks"),
                                          .body = text,
                                          .content_type = "application/json"});
    return answer ? finish_with_secret(session, *answer) : session.failed(answer.error());
  }

 private:
  WebhookFlags flags_;
  std::string url_;
  std::optional<std::string> start_;
};

class ListWebhooks final : public Command {
 public:
  explicit ListWebhooks(CLI::App& /*app*/) {}

  int run(Session& session) override {
    const auto list = fetch_list(session.api, session.api.tenant_path("/webhooks"));
    if (!list) {
      return session.failed(list.error());
    }
    if (session.json) {
      return session.finish_with(list->json());
    }
    std::vector<std::vector<std::string>> rows = {{"ID", "STATE", "URL", "TYPES", "DESCRIPTION"}};
    for (const Json& item : list->items()) {
      std::string types;
      if (const auto array = item.member("types")) {
        for (const Json& type : array->elements()) {
          types += (types.empty() ? "" : ",") + type.text();
        }
      }
      const bool enabled = item.text_of("enabled") == "true";
      rows.push_back(
          {printable(item.text_of("id")),
           enabled ? "enabled" : "disabled: " + printable(item.text_of("disabled_reason")),
           printable(item.text_of("url")), types.empty() ? "all" : printable(types),
           printable(item.text_of("description"))});
    }
    return session.finish_with(table(rows));
  }
};

class ShowWebhook final : public WebhookCommand {
 public:
  explicit ShowWebhook(CLI::App& app) : WebhookCommand(app) {}

  int run(Session& session) override {
    const auto answer = call(session, "GET", "");
    return answer ? session.finish_with(session.json ? answer->body : describe(answer->body))
                  : session.failed(answer.error());
  }
};

class UpdateWebhook final : public WebhookCommand {
 public:
  explicit UpdateWebhook(CLI::App& app) : WebhookCommand(app), flags_(app) {
    app.add_option("--endpoint", url_, "Where deliveries go")->type_name("URL");
  }

  int run(Session& session) override {
    JsonObject body;
    if (url_) {
      body.add_text("url", *url_);
    }
    if (const std::string wrong = flags_.add_to(body); !wrong.empty()) {
      return session.usage(wrong);
    }
    const std::string text = body.str();
    if (text == "{}") {
      return session.usage("say what to change, such as --endpoint or --type");
    }
    const auto answer = call(session, "PATCH", "", text);
    return answer ? session.finish_with(session.json ? answer->body : describe(answer->body))
                  : session.failed(answer.error());
  }

 private:
  WebhookFlags flags_;
  std::optional<std::string> url_;
};

class RemoveWebhook final : public WebhookCommand {
 public:
  explicit RemoveWebhook(CLI::App& app) : WebhookCommand(app) {}

  int run(Session& session) override {
    const auto answer = call(session, "DELETE", "");
    if (!answer) {
      return session.failed(answer.error());
    }
    return session.finish_with(session.json ? "{}" : printable(id()) + " is gone");
  }
};

class EnableWebhook final : public WebhookCommand {
 public:
  explicit EnableWebhook(CLI::App& app) : WebhookCommand(app) {
    app.add_flag("--skip", skip_, "Go on with what comes from now on (default: catch up)");
  }

  int run(Session& session) override {
    const auto answer = call(session, "POST", "/enable",
                             skip_ ? R"({"resume":"skip"})" : R"({"resume":"catch_up"})");
    if (!answer) {
      return session.failed(answer.error());
    }
    return session.finish_with(session.json ? answer->body : printable(id()) + " is enabled");
  }

 private:
  bool skip_ = false;
};

class DisableWebhook final : public WebhookCommand {
 public:
  explicit DisableWebhook(CLI::App& app) : WebhookCommand(app) {}

  int run(Session& session) override {
    const auto answer = call(session, "POST", "/disable");
    if (!answer) {
      return session.failed(answer.error());
    }
    return session.finish_with(session.json ? answer->body : printable(id()) + " is disabled");
  }
};

class RotateSecret final : public WebhookCommand {
 public:
  explicit RotateSecret(CLI::App& app) : WebhookCommand(app) {
    app.add_option("--overlap", overlap_, "How long the old secret signs too (default 86400)")
        ->type_name("SECONDS");
  }

  int run(Session& session) override {
    JsonObject body;
    body.add_number("overlap_seconds", overlap_);
    const auto answer = call(session, "POST", "/secret/rotate", body.str());
    return answer ? finish_with_secret(session, *answer) : session.failed(answer.error());
  }

 private:
  std::optional<unsigned> overlap_;
};

class TestWebhook final : public WebhookCommand {
 public:
  explicit TestWebhook(CLI::App& app) : WebhookCommand(app) {}

  // 1 also when the endpoint did not take it.
  int run(Session& session) override {
    const auto answer = call(session, "POST", "/test");
    if (!answer) {
      return session.failed(answer.error());
    }
    const auto attempt = Json::parse(answer->body);
    const bool delivered = attempt && attempt->text_of("status") == "delivered";
    const int code = session.finish_with(session.json ? answer->body : describe(answer->body));
    return code == 0 && !delivered ? 1 : code;
  }
};

}  // namespace

WebhookCommand::WebhookCommand(CLI::App& app) {
  app.add_option("id", id_, "The webhook's id (whk_...)")->required();
}

std::string WebhookCommand::path(const Session& session, std::string_view rest) const {
  return session.api.tenant_path(fmt::format("/webhooks/{}{}", percent_encoded(id_), rest));
}

std::expected<net::HttpAnswer, Failure> WebhookCommand::call(Session& session, std::string method,
                                                             std::string_view rest,
                                                             std::string_view body) const {
  return session.api.call({.method = std::move(method),
                           .path = path(session, rest),
                           .body = body,
                           .content_type = body.empty() ? "" : "application/json"});
}

void add_webhooks(CommandTree& tree) {
  CLI::App& group =
      tree.group({"webhooks", "A tenant's webhooks, their deliveries and dead letters",
                  "Examples:\n"
                  "  bitvault-events webhooks add https://example.com/hook --type bitvault.node.*\n"
                  "  bitvault-events webhooks deliveries whk_1234 --failed\n"
                  "  bitvault-events webhooks dead-letters whk_1234\n"
                  "  bitvault-events webhooks redeliver whk_1234 --all-dead"});
  tree.add<AddWebhook>(group, {"add", "Add a webhook and print its secret once",
                               "Example:\n"
                               "  bitvault-events webhooks add https://example.com/hook \\\n"
                               "      --type bitvault.node.created.v1 > webhook.secret"});
  tree.add<ListWebhooks>(group, {"list", "List a tenant's webhooks",
                                 "Example:\n  bitvault-events webhooks list --tenant acme"});
  tree.add<ShowWebhook>(group, {"show", "Show one, and how far it has come",
                                "Example:\n  bitvault-events webhooks show whk_1234"});
  tree.add<UpdateWebhook>(
      group, {"update", "Change what is given, leave the rest",
              "Example:\n  bitvault-events webhooks update whk_1234 --concurrency 20"});
  tree.add<RemoveWebhook>(group, {"rm", "Remove a webhook and all that is owed to it",
                                  "Example:\n  bitvault-events webhooks rm whk_1234"});
  tree.add<EnableWebhook>(group, {"enable", "Deliver again, what came meanwhile first",
                                  "Example:\n  bitvault-events webhooks enable whk_1234 --skip"});
  tree.add<DisableWebhook>(group, {"disable", "Deliver nothing until it is enabled again",
                                   "Example:\n  bitvault-events webhooks disable whk_1234"});
  tree.add<RotateSecret>(group,
                         {"rotate", "Make a new secret and print it once",
                          "Example:\n  bitvault-events webhooks rotate whk_1234 --overlap 3600"});
  tree.add<TestWebhook>(group, {"test", "Send a test event now and show what came of it",
                                "Example:\n  bitvault-events webhooks test whk_1234"});
  add_webhook_deliveries(tree, group);
}

}  // namespace bitvault::cli
