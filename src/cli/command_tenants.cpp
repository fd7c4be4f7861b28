// `tenants`: list, show, put, rm.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/amount.h"
#include "cli/command.h"

namespace bitvault::cli {
namespace {

Call tenant_call(std::string method, const std::string& name) {
  return {.method = std::move(method), .path = "/v1/tenants/" + percent_encoded(name)};
}

// Commands about tenants name them: they need a server only.
class TenantsCommand : public Command {
 public:
  Needs needs() const final { return Needs::kServer; }
};

class ListTenants final : public TenantsCommand {
 public:
  explicit ListTenants(CLI::App& /*app*/) {}

  int run(Session& session) override {
    const auto list = fetch_list(session.api, "/v1/tenants");
    if (!list) {
      return session.failed(list.error());
    }
    if (session.json) {
      return session.finish_with(list->json());
    }
    std::vector<std::vector<std::string>> rows = {
        {"NAME", "STATE", "HEAD", "FLOOR", "CREATED", "DISPLAY NAME"}};
    for (const Json& item : list->items()) {
      auto& row = rows.emplace_back();
      for (const char* member : {"name", "state", "head", "floor", "created_at", "display_name"}) {
        row.push_back(printable(item.text_of(member)));
      }
    }
    return session.finish_with(table(rows));
  }
};

class ShowTenant final : public TenantsCommand {
 public:
  explicit ShowTenant(CLI::App& app) { app.add_option("name", name_, "The tenant")->required(); }

  int run(Session& session) override {
    const auto answer = session.api.call(tenant_call("GET", name_));
    return answer ? session.finish_with(session.json ? answer->body : describe(answer->body))
                  : session.failed(answer.error());
  }

 private:
  std::string name_;
};

class PutTenant final : public TenantsCommand {
 public:
  explicit PutTenant(CLI::App& app) {
    app.add_option("name", name_, "The tenant: [a-z0-9][a-z0-9-]{0,62}")->required();
    app.add_option("--display-name", display_name_, "The name to show to people");
    app.add_option("--retention-age", retention_age_,
                   "Keep events so long: seconds, or 90m, 12h, 30d; none: the default")
        ->type_name("AGE");
    app.add_option("--retention-events", retention_events_,
                   "Keep so many events; none: the default")
        ->type_name("N");
    app.add_option("--rate-limit", rate_limit_,
                   "Events a second that may be published; none: the default")
        ->type_name("N");
    app.add_option("--operational-events", operational_events_,
                   "Whether the tenant's journal tells of its webhooks")
        ->check(CLI::IsMember({"on", "off"}).description(""))
        ->type_name("on|off");
  }

  int run(Session& session) override {
    const auto body = make_body();
    if (!body) {
      return session.usage(body.error().detail);
    }
    Call call = tenant_call("PUT", name_);
    call.body = *body;
    call.content_type = "application/json";
    const auto answer = session.api.call(call);
    if (!answer) {
      return session.failed(answer.error());
    }
    return session.finish_with(
        session.json ? answer->body
                     : fmt::format("{} {}", answer->status == 201 ? "created" : "changed", name_));
  }

 private:
  Result<std::string> make_body() const {
    std::vector<std::string> members;
    if (display_name_) {
      if (!is_valid_utf8(*display_name_)) {
        return fail(Code::kInvalid, "--display-name is not UTF-8");
      }
      members.push_back("\"display_name\":" + json_string(*display_name_));
    }
    std::vector<std::string> retention;
    Status added =
        append(retention, "max_age_seconds", "--retention-age", retention_age_, parse_age);
    if (added) {
      added =
          append(retention, "max_events", "--retention-events", retention_events_, parse_amount);
    }
    if (!retention.empty()) {
      members.push_back(fmt::format("\"retention\":{{{}}}", fmt::join(retention, ",")));
    }
    if (added) {
      added = append(members, "rate_limit", "--rate-limit", rate_limit_, parse_amount);
    }
    if (!added) {
      return fail(std::move(added.error()));
    }
    if (!operational_events_.empty()) {
      members.push_back(fmt::format("\"operational_events\":{}", operational_events_ == "on"));
    }
    return fmt::format("{{{}}}", fmt::join(members, ","));
  }

  static Status append(std::vector<std::string>& members, std::string_view member,
                       std::string_view flag, const std::optional<std::string>& text,
                       std::optional<std::uint64_t> (*parse)(std::string_view)) {
    if (!text) {
      return {};
    }
    const auto value = parse(*text);
    if (!value && *text != "none") {
      return fail(Code::kInvalid, fmt::format("{} must be a positive number or none", flag));
    }
    members.push_back(fmt::format("\"{}\":{}", member, value ? std::to_string(*value) : "null"));
    return {};
  }

  std::string name_;
  std::optional<std::string> display_name_;
  std::optional<std::string> retention_age_;
  std::optional<std::string> retention_events_;
  std::optional<std::string> rate_limit_;
  std::string operational_events_;
};

class RemoveTenant final : public TenantsCommand {
 public:
  explicit RemoveTenant(CLI::App& app) {
    app.add_option("name", name_, "The tenant")->required();
    app.add_flag("-y,--yes", yes_, "Do not ask");
  }

  int run(Session& session) override {
    if (!yes_ && !confirmed(session)) {
      return session.usage("nothing was removed; --yes removes without asking");
    }
    const auto answer = session.api.call(tenant_call("DELETE", name_));
    if (!answer) {
      return session.failed(answer.error());
    }
    return session.finish_with(
        session.json
            ? answer->body
            : fmt::format("{} is being deleted; its name is free when that has ended", name_));
  }

 private:
  bool confirmed(Session& session) const {
    if (isatty(session.in_fd) != 1) {
      return false;
    }
    session.console.note(fmt::format(
        "This deletes the tenant {} with every event it has. Type its name to go on:", name_));
    std::string typed(name_.size() + 2, '\0');
    if (session.stop.wait_for_input(session.in_fd, nullptr) != StopSignal::Ready::kInput) {
      return false;
    }
    const ssize_t bytes = read(session.in_fd, typed.data(), typed.size());
    typed.resize(bytes < 0 ? 0 : static_cast<std::size_t>(bytes));
    return typed == name_ + "\n";
  }

  std::string name_;
  bool yes_ = false;
};

}  // namespace

void add_tenants(CommandTree& tree) {
  CLI::App& tenants = tree.group(
      {"tenants", "Tenants (with the operator's key)",
       "Examples:\n"
       "  bitvault-events tenants put acme --display-name 'Acme Ltd' --retention-age 90d\n"
       "  bitvault-events tenants list\n"
       "  bitvault-events tenants rm acme"});
  tree.add<ListTenants>(tenants, {"list", "List all tenants",
                                  "Example:\n  bitvault-events tenants list --json | jq .items"});
  tree.add<ShowTenant>(tenants, {"show", "Show a tenant's settings and its journal",
                                 "Example:\n  bitvault-events tenants show acme"});
  tree.add<PutTenant>(tenants, {"put", "Create a tenant, or change the settings given",
                                "Examples:\n"
                                "  bitvault-events tenants put acme\n"
                                "  bitvault-events tenants put acme --retention-events none"});
  tree.add<RemoveTenant>(tenants, {"rm", "Delete a tenant and all its events",
                                   "Example:\n  bitvault-events tenants rm acme --yes"});
}

}  // namespace bitvault::cli
