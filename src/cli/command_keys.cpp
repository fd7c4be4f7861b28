// `keys`: list, create, rm.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "base/time.h"
#include "cli/command.h"

namespace bitvault::cli {
namespace {

class ListKeys final : public Command {
 public:
  explicit ListKeys(CLI::App& /*app*/) {}

  int run(Session& session) override {
    const auto list = fetch_list(session.api, session.api.tenant_path("/keys"));
    if (!list) {
      return session.failed(list.error());
    }
    if (session.json) {
      return session.finish_with(list->json());
    }
    std::vector<std::vector<std::string>> rows = {{"ID", "NAME", "CREATED", "EXPIRES", "SCOPES"}};
    for (const Json& item : list->items()) {
      std::string scopes;
      if (const auto array = item.member("scopes")) {
        for (const Json& scope : array->elements()) {
          scopes += (scopes.empty() ? "" : ",") + scope.text();
        }
      }
      const std::string expires = item.text_of("expires_at");
      rows.push_back({printable(item.text_of("id")), printable(item.text_of("name")),
                      printable(item.text_of("created_at")),
                      expires.empty() ? "never" : printable(expires), printable(scopes)});
    }
    return session.finish_with(table(rows));
  }
};

class CreateKey final : public Command {
 public:
  explicit CreateKey(CLI::App& app) {
    app.add_option("--name", name_, "What the key is for")->required();
    app.add_option("--scope", scopes_, "What the key may do, such as events:read; repeatable")
        ->required()
        ->delimiter(',')
        ->take_all()
        ->expected(1);
    app.add_option("--expires-at", expires_at_, "When it ends, RFC 3339 (default: never)")
        ->type_name("TIME");
    app.add_option("--user", user_, "The user of an inbox:read key");
  }

  int run(Session& session) override {
    if (expires_at_ && !parse_time(*expires_at_)) {
      return session.usage("--expires-at must be RFC 3339, such as 2027-01-01T00:00:00Z");
    }
    const auto body = make_body();
    if (!body) {
      return session.usage(body.error().detail);
    }
    const auto answer = session.api.call({.method = "POST",
                                          .path = session.api.tenant_path("/keys"),
                                          .body = *body,
                                          .content_type = "application/json"});
    if (!answer) {
      return session.failed(answer.error());
    }
    if (session.json) {
      return session.finish_with(answer->body);
    }
    const auto key = Json::parse(answer->body);
    if (!key || key->text_of("key").empty()) {
      session.console.note("error: the server's answer holds no key");
      return 1;
    }
    session.console.note(
        fmt::format("{}: keep this key, it is not shown again", printable(key->text_of("id"))));
    return session.finish_with(printable(key->text_of("key")));
  }

 private:
  Result<std::string> make_body() const {
    std::string body = "{";
    const auto append = [&body](std::string_view member, const std::string& json) {
      body += fmt::format("{}\"{}\":{}", body.size() > 1 ? "," : "", member, json);
    };
    std::vector<std::string> scopes;
    for (const std::string& scope : scopes_) {
      if (!is_valid_utf8(scope)) {
        return fail(Code::kInvalid, "--scope is not UTF-8");
      }
      scopes.push_back(json_string(scope));
    }
    if (!is_valid_utf8(name_) || !is_valid_utf8(user_.value_or(""))) {
      return fail(Code::kInvalid, "--name and --user must be UTF-8");
    }
    append("name", json_string(name_));
    append("scopes", fmt::format("[{}]", fmt::join(scopes, ",")));
    if (expires_at_) {
      append("expires_at", json_string(*expires_at_));
    }
    if (user_) {
      append("user", json_string(*user_));
    }
    return body + "}";
  }

  std::string name_;
  std::vector<std::string> scopes_;
  std::optional<std::string> expires_at_;
  std::optional<std::string> user_;
};

class RemoveKey final : public Command {
 public:
  explicit RemoveKey(CLI::App& app) {
    app.add_option("id", id_, "The key's id (key_...), not the key")->required();
  }

  int run(Session& session) override {
    if (id_.starts_with("bvk_")) {  // it would end in the server's access log
      return session.usage("give the key's id, not the key; ids are in: bitvault-events keys list");
    }
    const auto answer = session.api.call(
        {.method = "DELETE", .path = session.api.tenant_path("/keys/" + percent_encoded(id_))});
    if (!answer) {
      return session.failed(answer.error());
    }
    if (session.json) {
      return session.finish_with(answer->body.empty() ? "{}" : answer->body);
    }
    return session.finish_with(printable(id_) + " is revoked");
  }

 private:
  std::string id_;
};

}  // namespace

void add_keys(CommandTree& tree) {
  CLI::App& keys =
      tree.group({"keys", "A tenant's API keys",
                  "Examples:\n"
                  "  bitvault-events keys create --tenant acme --name mirror --scope events:read\n"
                  "  bitvault-events keys list --tenant acme\n"
                  "  bitvault-events keys rm --tenant acme key_1234"});
  tree.add<ListKeys>(keys, {"list", "List a tenant's keys",
                            "Example:\n  bitvault-events keys list --tenant acme"});
  tree.add<CreateKey>(keys,
                      {"create", "Make a key and print it once",
                       "Example:\n"
                       "  BITVAULT_KEY=$(bitvault-events keys create --tenant acme --name ci \\\n"
                       "      --scope events:read --scope events:write --key-file operator.key)"});
  tree.add<RemoveKey>(
      keys, {"rm", "Revoke a key", "Example:\n  bitvault-events keys rm --tenant acme key_1234"});
}

}  // namespace bitvault::cli
