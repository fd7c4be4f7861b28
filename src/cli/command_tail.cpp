// `tail`: the change feed, live, printed and remembered.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>

#include "base/time.h"
#include "cli/command.h"
#include "cli/config_file.h"
#include "cli/event_line.h"
#include "cli/event_stream.h"
#include "cli/state_file.h"
#include "cli/tail_machine.h"
#include "pattern/pattern.h"

namespace bitvault::cli {
namespace {

using Kind = net::HttpFailure::Kind;

// The server sends a comment at least every 15 s: a connection this silent is dead.
constexpr Duration kSilenceMax = std::chrono::seconds(45);
constexpr Duration kRetry = std::chrono::seconds(1);

struct TailFlags {
  std::string from = "latest";
  std::vector<std::string> types;
  std::optional<std::string> subject_prefix;
  std::optional<std::string> partitionkey;
  std::optional<std::string> pattern;  // its JSON, or @ and a file's name
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
        case TailStep::Kind::kFollow:
          follow(step);
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
      settle();
    }
  }

 private:
  void settle() {
    remember();
    for (const std::string& note : machine_.take_notes()) {
      session_.console.note(note);
    }
  }

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

  Call events_call() const {
    Call call{.path = session_.api.tenant_path("/events"),
              .query = {{"cursor", machine_.cursor()}}};
    for (const std::string& type : flags_.types) {
      call.query.emplace_back("type", type);
    }
    const std::pair<const char*, const std::optional<std::string>&> once[] = {
        {"subject_prefix", flags_.subject_prefix},
        {"partitionkey", flags_.partitionkey},
        {"pattern", flags_.pattern}};
    for (const auto& [name, value] : once) {
      if (value) {
        call.query.emplace_back(name, *value);
      }
    }
    return call;
  }

  void read(const TailStep& step) {
    Call call = events_call();
    call.query.emplace_back("limit", std::to_string(step.events_max));
    const auto answer = session_.api.call(call);
    if (!answer) {
      failed(answer.error());
      return;
    }
    const auto document = Json::parse(answer->body);
    const auto events = document ? document->member("events") : std::nullopt;
    PrintedPage page{.next_cursor = document ? document->text_of("next_cursor") : "",
                     .has_more = document && document->text_of("has_more") == "true"};
    if (!events || page.next_cursor.empty()) {
      strange_answer();
      return;
    }
    for (const Json& event : events->elements()) {
      print(event.raw(), page);
    }
    if (const auto erased = document->member("erased"); erased && !erased->elements().empty()) {
      note_erased(*erased);
    }
    printed(std::move(page));
  }

  // Prints what the server sends for as long as it does.
  void follow(const TailStep& step) {
    Call call = events_call();
    call.timeout = kSilenceMax;
    EventStream stream;
    bool enough = false;
    std::uint64_t left = step.events_max;
    const auto answer = session_.api.stream(call, [&](std::string_view piece) {
      machine_.stream_begun();
      PrintedPage page;
      std::optional<CursorReset> reset;
      bool readable = true;
      const bool short_enough = stream.read(piece, [&](const StreamMessage& message) {
        if (readable && left > page.events && !reset) {
          readable = message.data.empty() || Json::parse(message.data);
          reset = readable ? take(message, page) : std::nullopt;
        }
      });
      left -= page.events;
      if (!page.next_cursor.empty()) {
        printed(std::move(page));
      }
      if (reset) {
        machine_.reset(*reset);
      } else if (!readable || !short_enough) {
        strange_answer();
      }
      settle();
      enough = reset || machine_.next().kind != TailStep::Kind::kFollow;
      return !enough;
    });
    if (enough) {
      return;
    }
    if (!answer) {
      failed(answer.error());
    } else if (!answer->header("content-type").starts_with("text/event-stream")) {
      strange_answer();
    } else {
      machine_.stream_ended(stream.retry().value_or(kRetry));
    }
  }

  // Prints what a message tells, whose data is JSON or nothing; gives the reset that it is.
  std::optional<CursorReset> take(const StreamMessage& message, PrintedPage& page) {
    const auto told = Json::parse(message.data);
    if (told && message.event == "reset") {
      return CursorReset{.reason = told->text_of("reason"),
                         .earliest_cursor = told->text_of("earliest_cursor"),
                         .latest_cursor = told->text_of("latest_cursor")};
    }
    if (told && message.event == "erased") {
      note_erased(told->member("erased").value_or(*told));
    } else if (told) {
      print(told->raw(), page);
    }
    page.next_cursor = message.id;
    return std::nullopt;
  }

  void print(std::string_view event, PrintedPage& page) {
    session_.console.print_line(
        session_.json ? event : render_event(event, session_.console.out_colours()));
    const auto sequence = sequence_of(event);
    page.first_sequence = page.events == 0 ? sequence : page.first_sequence;
    page.last_sequence = sequence;
    ++page.events;
  }

  void note_erased(const Json& sequences) {
    session_.console.note(fmt::format("erased: sequences {}", printable(sequences.raw())));
  }

  // Events count as done when they were written.
  void printed(PrintedPage page) {
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
    app.add_option("--pattern", flags_.pattern,
                   "Only events that match this event pattern (docs/patterns.md), or the one in a "
                   "file: @FILE")
        ->type_name("JSON|@FILE");
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
                              flags_.partitionkey.has_value() || flags_.pattern.has_value()};
    if (auto pattern = read_pattern(); !pattern) {
      return session.usage(pattern.error().detail);
    }
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
  // Takes the pattern out of its file, and refuses one that is none before the server is asked.
  Status read_pattern() {
    if (flags_.pattern && flags_.pattern->starts_with('@')) {
      auto text = read_file(flags_.pattern->substr(1));
      if (!text) {
        return fail(std::move(text.error()));
      }
      flags_.pattern = *std::move(text);
    }
    if (flags_.pattern) {
      if (const auto compiled = Pattern::compile(*flags_.pattern); !compiled) {
        return fail(compiled.error().code, "--pattern: " + compiled.error().detail);
      }
    }
    return {};
  }

  TailFlags flags_;
};

constexpr const char* kExamples = R"(Examples:
  bitvault-events tail
  bitvault-events tail --from earliest --once --json > all.ndjson
  bitvault-events tail --type 'bitvault.node.*' --subject-prefix /reports/
  bitvault-events tail --pattern '{"data": {"node": {"name": [{"suffix": ".pdf"}]}}}'
  bitvault-events tail --state mirror.cursor --from earliest --json | ./mirror

With --json each line is an event's exact bytes. With --state the cursor is stored after
the events were printed: after a crash the last ones may come again, none is skipped.
tail follows by server-sent events and waits for a server that has gone away; Ctrl-C ends it with exit code 0.)";

}  // namespace

void add_tail(CommandTree& tree) {
  tree.add<TailCommand>(tree.root(), {"tail", "Print events as they are committed", kExamples});
}

}  // namespace bitvault::cli
