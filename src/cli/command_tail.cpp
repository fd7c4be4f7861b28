// `tail`: the change feed, live, printed and remembered.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>

#include "base/time.h"
#include "cli/command.h"
#include "cli/event_line.h"
#include "cli/state_file.h"
#include "cli/tail_machine.h"

namespace bitvault::cli {
namespace {

using Kind = net::HttpFailure::Kind;

struct TailFlags {
  std::string from = "latest";
  std::vector<std::string> types;
  std::optional<std::string> subject_prefix;
  std::optional<std::string> partitionkey;
  std::optional<std::string> state;
  std::optional<std::uint64_t> limit;
  bool once = false;
  std::string on_reset = "earliest";
};

// Whether asking again cannot help. A server that was never reached is a wrong URL, not an outage.
bool is_lasting(const Failure& failure, bool reached) {
  if (failure.problem) {
    return !is_temporary(*failure.problem) && failure.problem->status < 500;
  }
  switch (*failure.transport) {
    case Kind::kRefused:
    case Kind::kUnreachable:
    case Kind::kBroken:
    case Kind::kTimeout:
      return !reached;
    case Kind::kStopped:
    case Kind::kTls:
    case Kind::kTooLarge:
    case Kind::kBadUrl:
      return true;
  }
  return true;
}

// One run of the command: does what the machine asks.
class Tail {
 public:
  Tail(Session& session, const TailFlags& flags, TailPlan plan)
      : session_(session), flags_(flags), machine_(std::move(plan)) {}

  int run() {
    while (true) {
      const TailStep step = machine_.next();
      switch (step.kind) {
        case TailStep::Kind::kLocate:
          locate();
          break;
        case TailStep::Kind::kRead:
          read(step);
          break;
        case TailStep::Kind::kPause:
          if (session_.stop.stopped_within(step.pause)) {
            machine_.stop(0);
          }
          machine_.paused();
          break;
        case TailStep::Kind::kStop:
          return step.exit_code;
      }
      if (session_.stop.stopped()) {
        machine_.stop(0);
      }
      remember();
      for (const std::string& note : machine_.take_notes()) {
        session_.console.note(note);
      }
    }
  }

 private:
  void locate() {
    const auto answer = session_.api.call(
        {.path = session_.api.tenant_path("/cursor"), .query = {{"at", machine_.at()}}});
    if (!answer) {
      failed(answer.error());
      return;
    }
    const auto document = Json::parse(answer->body);
    const std::string cursor = document ? document->text_of("cursor") : "";
    if (cursor.empty()) {
      strange_answer();
      return;
    }
    machine_.located(cursor);
  }

  void read(const TailStep& step) {
    Call call{.path = session_.api.tenant_path("/events"),
              .query = {{"cursor", machine_.cursor()},
                        {"limit", std::to_string(step.events_max)},
                        {"wait", std::to_string(step.wait_seconds)}},
              .timeout = std::chrono::seconds(step.wait_seconds) + std::chrono::seconds(30)};
    for (const std::string& type : flags_.types) {
      call.query.emplace_back("type", type);
    }
    if (flags_.subject_prefix) {
      call.query.emplace_back("subject_prefix", *flags_.subject_prefix);
    }
    if (flags_.partitionkey) {
      call.query.emplace_back("partitionkey", *flags_.partitionkey);
    }
    const MonotonicTime asked = session_.world.clock().monotonic();
    const auto answer = session_.api.call(call);
    if (!answer) {
      failed(answer.error());
      return;
    }
    print(answer->body, session_.world.clock().monotonic() - asked);
  }

  void print(const std::string& body, Duration took) {
    const auto document = Json::parse(body);
    const auto events = document ? document->member("events") : std::nullopt;
    PrintedPage page{.next_cursor = document ? document->text_of("next_cursor") : "",
                     .has_more = document && document->text_of("has_more") == "true",
                     .events = 0,
                     .took = took};
    if (!events || page.next_cursor.empty()) {
      strange_answer();
      return;
    }
    const std::vector<Json> elements = events->elements();
    for (const Json& event : elements) {
      session_.console.print_line(
          session_.json ? event.raw() : render_event(event.raw(), session_.console.out_colours()));
    }
    if (!elements.empty()) {
      page.events = elements.size();
      page.first_sequence = sequence_of(elements.front().raw());
      page.last_sequence = sequence_of(elements.back().raw());
    }
    if (const auto erased = document->member("erased"); erased && !erased->elements().empty()) {
      session_.console.note(fmt::format("erased: sequences {}", printable(erased->raw())));
    }
    switch (session_.console.flush()) {
      case Console::Outcome::kWritten:
        machine_.page_printed(std::move(page));
        return;
      case Console::Outcome::kReaderGone:
        machine_.stop(0);
        return;
      case Console::Outcome::kFailed:
        session_.console.note("error: " + session_.console.failure());
        machine_.stop(1);
        return;
    }
  }

  void failed(const Failure& failure) {
    if (failure.stopped()) {
      machine_.stop(0);
    } else if (failure.problem && failure.problem->code == "cursor_reset") {
      machine_.reset({.reason = failure.problem->reason,
                      .earliest_cursor = failure.problem->earliest_cursor,
                      .latest_cursor = failure.problem->latest_cursor});
    } else {
      machine_.failed(is_lasting(failure, session_.api.reached()),
                      failure.problem ? failure.problem->retry_after : std::nullopt,
                      session_.json ? failure.json : failure.text, session_.world.random());
    }
  }

  void strange_answer() {
    session_.console.note("error: the server's answer is not one of BitVault Events");
    machine_.stop(1);
  }

  // Stores the machine's cursor when it has moved.
  void remember() {
    if (!flags_.state || machine_.cursor().empty() || machine_.cursor() == remembered_) {
      return;
    }
    if (auto saved = save_cursor(*flags_.state, machine_.cursor()); !saved) {
      session_.console.note("error: " + saved.error().detail);
      machine_.abandon(1);
    }
    remembered_ = machine_.cursor();
  }

  Session& session_;
  const TailFlags& flags_;
  TailMachine machine_;
  std::string remembered_;
};

class TailCommand final : public Command {
 public:
  explicit TailCommand(CLI::App& app) {
    app.add_option("--from", flags_.from,
                   "Where to start: earliest, latest (default), a time (RFC 3339) or a cursor")
        ->type_name("earliest|latest|TIME|CURSOR");
    app.add_option("--state", flags_.state,
                   "Keep the cursor in this file and go on from it next time; --from counts only "
                   "while the file does not exist")
        ->type_name("FILE");
    app.add_option("--type", flags_.types,
                   "Only this type, or all that begin so: bitvault.node.*; repeatable")
        ->take_all()
        ->expected(1);
    app.add_option("--subject-prefix", flags_.subject_prefix,
                   "Only events whose subject begins so");
    app.add_option("--partitionkey", flags_.partitionkey, "Only events of this partition key");
    app.add_option("--limit", flags_.limit, "Stop after so many events")
        ->check(
            CLI::Range(std::uint64_t{1}, std::numeric_limits<std::uint64_t>::max()).description(""))
        ->type_name("N");
    app.add_flag("--once,--no-follow", flags_.once, "Read to the head and exit");
    app.add_option("--on-reset", flags_.on_reset,
                   "When retention or a restored backup has overtaken the cursor: go on from the "
                   "earliest (default) or latest event, or fail with exit code 1")
        ->check(CLI::IsMember({"earliest", "latest", "fail"}).description(""))
        ->type_name("earliest|latest|fail");
  }

  int run(Session& session) override {
    TailPlan plan{.at = flags_.from,
                  .cursor = {},
                  .follow = !flags_.once,
                  .limit = flags_.limit.value_or(0),
                  .on_reset = flags_.on_reset == "fail"     ? OnReset::kFail
                              : flags_.on_reset == "latest" ? OnReset::kLatest
                                                            : OnReset::kEarliest,
                  .filtered = !flags_.types.empty() || flags_.subject_prefix.has_value() ||
                              flags_.partitionkey.has_value()};
    const bool is_place = plan.at == "earliest" || plan.at == "latest" || parse_time(plan.at);
    if (!is_place) {
      if (!looks_like_cursor(plan.at)) {
        return session.usage(
            "--from must be earliest, latest, a time such as "
            "2026-11-23T04:22:02Z, or a cursor");
      }
      plan.cursor = plan.at;
    }
    if (flags_.state) {
      const auto kept = load_cursor(*flags_.state);
      if (!kept) {
        return session.usage(kept.error().detail);
      }
      plan.cursor = kept->value_or(plan.cursor);
    }
    return Tail(session, flags_, std::move(plan)).run();
  }

 private:
  TailFlags flags_;
};

constexpr const char* kExamples = R"(Examples:
  bitvault-events tail
  bitvault-events tail --from earliest --once --json > all.ndjson
  bitvault-events tail --type 'bitvault.node.*' --subject-prefix /reports/
  bitvault-events tail --state mirror.cursor --from earliest --json | ./mirror

With --json each line is an event's exact bytes. With --state the cursor is stored after
the events were printed: after a crash the last ones may come again, none is skipped.
tail waits for a server that has gone away; Ctrl-C ends it with exit code 0.)";

}  // namespace

void add_tail(CommandTree& tree) {
  tree.add<TailCommand>(tree.root(), {"tail", "Print events as they are committed", kExamples});
}

}  // namespace bitvault::cli
