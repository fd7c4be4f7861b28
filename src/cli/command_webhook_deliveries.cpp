// `webhooks`: deliveries, dead-letters, redeliver, discard, replay.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/json_object.h"
#include "cli/webhook_command.h"

namespace bitvault::cli {
namespace {

constexpr Duration kLookAgain = std::chrono::milliseconds(500);

class ListDeliveries final : public WebhookCommand {
 public:
  explicit ListDeliveries(CLI::App& app) : WebhookCommand(app) {
    app.add_flag("--failed", failed_, "Only attempts that failed");
    app.add_option("--event", event_, "Only attempts of this event")->type_name("ID");
    app.add_option("--limit", limit_, "At most so many (default 100)")
        ->check(CLI::Range(1, 1'000).description(""))
        ->type_name("N");
  }

  int run(Session& session) override {
    Call wanted{.path = path(session, "/deliveries")};
    wanted.query.emplace_back("limit", std::to_string(limit_));
    if (failed_) {
      wanted.query.emplace_back("status", "failed");
    }
    if (event_) {
      wanted.query.emplace_back("event_id", *event_);
    }
    const auto answer = session.api.call(wanted);
    if (!answer) {
      return session.failed(answer.error());
    }
    if (session.json) {
      return session.finish_with(answer->body);
    }
    const auto page = Json::parse(answer->body);
    const auto items = page ? page->member("items") : std::nullopt;
    std::vector<std::vector<std::string>> rows = {
        {"AT", "EVENT", "ATTEMPT", "STATUS", "CODE", "MS", "REASON", "NEXT ATTEMPT"}};
    for (const Json& item : items ? items->elements() : std::vector<Json>()) {
      auto& row = rows.emplace_back();
      for (const char* member : {"at", "event_id", "attempt", "status", "status_code", "latency_ms",
                                 "reason", "next_attempt_at"}) {
        row.push_back(printable(item.text_of(member)));
      }
    }
    return session.finish_with(table(rows));
  }

 private:
  bool failed_ = false;
  std::optional<std::string> event_;
  unsigned limit_ = 100;
};

class ListDeadLetters final : public WebhookCommand {
 public:
  explicit ListDeadLetters(CLI::App& app) : WebhookCommand(app) {}

  int run(Session& session) override {
    const auto list = fetch_list(session.api, path(session, "/dead-letters"));
    if (!list) {
      return session.failed(list.error());
    }
    if (session.json) {
      return session.finish_with(list->json());
    }
    std::vector<std::vector<std::string>> rows = {
        {"AT", "EVENT", "TYPE", "REASON", "ATTEMPTS", "LAST ANSWER"}};
    for (const Json& item : list->items()) {
      const auto last = item.member("last_answer");
      rows.push_back({printable(item.text_of("at")), printable(item.text_of("event_id")),
                      printable(item.text_of("event_type")), printable(item.text_of("reason")),
                      printable(item.text_of("attempts")),
                      last ? printable(last->text_of("reason")) : ""});
    }
    return session.finish_with(table(rows));
  }
};

// Which events or dead letters: some, or all dead letters.
class Choice {
 public:
  Choice(CLI::App& app, const char* all, const char* what) {
    app.add_option("events", events_, "The events' ids")->type_name("ID");
    app.add_flag(all, all_, what);
  }
  [[nodiscard]] bool valid() const { return all_ != !events_.empty(); }
  [[nodiscard]] bool all() const { return all_; }
  [[nodiscard]] const std::vector<std::string>& events() const { return events_; }

 private:
  std::vector<std::string> events_;
  bool all_ = false;
};

class Redeliver final : public WebhookCommand {
 public:
  explicit Redeliver(CLI::App& app)
      : WebhookCommand(app), choice_(app, "--all-dead", "All dead letters") {}

  int run(Session& session) override {
    if (!choice_.valid()) {
      return session.usage("name the events, or give --all-dead");
    }
    if (choice_.all()) {
      const auto answer = call(session, "POST", "/dead-letters/redeliver", R"({"all":true})");
      if (!answer) {
        return session.failed(answer.error());
      }
      return session.finish_with(session.json ? answer->body
                                              : "all dead letters are sent once more");
    }
    for (const std::string& event : choice_.events()) {
      const auto answer =
          call(session, "POST", fmt::format("/deliveries/{}/redeliver", percent_encoded(event)));
      if (!answer) {
        return session.failed(answer.error());
      }
      session.console.print_line(session.json ? answer->body
                                              : printable(event) + " is sent once more");
    }
    return session.finish();
  }

 private:
  Choice choice_;
};

class Discard final : public WebhookCommand {
 public:
  explicit Discard(CLI::App& app)
      : WebhookCommand(app), choice_(app, "--all", "All dead letters") {}

  int run(Session& session) override {
    if (!choice_.valid()) {
      return session.usage("name the events, or give --all");
    }
    JsonObject body;
    if (choice_.all()) {
      body.add("all", "true");
    } else {
      body.add_texts("event_ids", choice_.events());
    }
    if (!body.valid()) {
      return session.usage("an event's id is of [A-Za-z0-9_:-]");
    }
    const auto answer = call(session, "POST", "/dead-letters/discard", body.str());
    if (!answer) {
      return session.failed(answer.error());
    }
    return session.finish_with(session.json ? answer->body : "they are let go");
  }

 private:
  Choice choice_;
};

class ReplayEvents final : public WebhookCommand {
 public:
  explicit ReplayEvents(CLI::App& app) : WebhookCommand(app) {
    app.add_option("--since", since_, "From here: a time (RFC 3339) or a cursor")
        ->required()
        ->type_name("TIME|CURSOR");
    app.add_option("--until", until_, "Up to here (default: now)")->type_name("TIME|CURSOR");
    app.add_flag("--failed", failed_, "Only what became a dead letter");
    app.add_flag("--wait", wait_, "Show its progress until it has ended");
  }

  int run(Session& session) override {
    JsonObject body;
    body.add_text("since", since_);
    if (until_) {
      body.add_text("until", *until_);
    }
    body.add_text("only", failed_ ? "failed" : "all");
    if (!body.valid()) {
      return session.usage("--since and --until are a time or a cursor");
    }
    auto answer = call(session, "POST", "/replay", body.str());
    if (!answer) {
      return session.failed(answer.error());
    }
    std::string shown = answer->body;
    const auto replay = Json::parse(shown);
    const std::string id = replay ? replay->text_of("id") : "";
    bool running = wait_ && !id.empty();
    while (running && !session.stop.stopped_within(kLookAgain)) {
      answer = call(session, "GET", "/replays/" + percent_encoded(id));
      if (!answer) {
        return session.failed(answer.error());
      }
      shown = answer->body;
      const auto now = Json::parse(shown);
      running = now && now->text_of("state") == "running";
      session.console.progress(
          now ? fmt::format("{} delivered, at {} of {} to {}", now->text_of("delivered"),
                            now->text_of("position"), now->text_of("first_sequence"),
                            now->text_of("last_sequence"))
              : "");
    }
    session.console.progress("");
    return session.finish_with(session.json ? shown : describe(shown));
  }

 private:
  std::string since_;
  std::optional<std::string> until_;
  bool failed_ = false;
  bool wait_ = false;
};

}  // namespace

void add_webhook_deliveries(CommandTree& tree, CLI::App& group) {
  tree.add<ListDeliveries>(
      group, {"deliveries", "List attempts, the newest first",
              "Example:\n  bitvault-events webhooks deliveries whk_1234 --failed --limit 20"});
  tree.add<ListDeadLetters>(group, {"dead-letters", "List what was given up, and why",
                                    "Example:\n  bitvault-events webhooks dead-letters whk_1234"});
  tree.add<Redeliver>(group, {"redeliver", "Send events once more",
                              "Examples:\n"
                              "  bitvault-events webhooks redeliver whk_1234 EVENT_ID\n"
                              "  bitvault-events webhooks redeliver whk_1234 --all-dead"});
  tree.add<Discard>(group, {"discard", "Let dead letters go",
                            "Example:\n  bitvault-events webhooks discard whk_1234 EVENT_ID"});
  tree.add<ReplayEvents>(
      group, {"replay", "Send a stretch of the past again",
              "Example:\n"
              "  bitvault-events webhooks replay whk_1234 --since 2026-11-01T00:00:00Z --wait"});
}

}  // namespace bitvault::cli
