// `bench`: a load on a server, and how it bore it.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>

#include "base/text.h"
#include "cli/amount.h"
#include "cli/bench_run.h"
#include "cli/command.h"

namespace bitvault::cli {
namespace {

constexpr std::uint64_t kConnectionsMax = 1'000;
constexpr std::uint64_t kBatchMax = 1'000;  // of the server, for requests and for pages
constexpr std::uint64_t kRateMax = 1'000'000;
constexpr std::uint64_t kFeedBatch = 500;

// Another for each run.
std::string make_run_name(World& world) {
  std::array<std::byte, 4> random;
  world.random().fill(random);
  return hex(random);
}

class BenchCommand final : public Command {
 public:
  explicit BenchCommand(CLI::App& app) {
    app.add_option("--mode", mode_,
                   "publish (default); feed: read pages; latency: publish, and wait for each event "
                   "on a stream")
        ->check(CLI::IsMember({"publish", "feed", "latency"}).description(""))
        ->type_name("publish|feed|latency");
    app.add_option("--duration", duration_, "How long (default 10s)")->type_name("SECONDS|2m");
    add_number(app, "--connections", connections_, kConnectionsMax,
               "Connections, each with one request at a time (default 8)");
    add_number(app, "--batch", batch_, kBatchMax,
               "Events a request (default 1); of feed: events a page at most (default 500)");
    add_number(app, "--rate", rate_, kRateMax,
               "Requests a second, of all connections (default: as fast as answers come)");
    app.add_flag("-y,--yes", yes_, "Write events without asking");
  }

  int run(Session& session) override {
    const auto seconds = parse_age(duration_);
    if (!seconds || *seconds > kDurationSecondsMax) {
      return session.usage("--duration must be seconds, or as in 30s, 5m, 1h; a day at most");
    }
    BenchPlan plan{.mode = mode_ == "feed"      ? BenchMode::kFeed
                           : mode_ == "latency" ? BenchMode::kLatency
                                                : BenchMode::kPublish,
                   .duration = std::chrono::seconds(*seconds),
                   .connections = connections_,
                   .rate = rate_};
    plan.batch = batch_.value_or(plan.mode == BenchMode::kFeed ? kFeedBatch : 1);
    const BenchEvents events(make_run_name(session.world));
    if (plan.mode != BenchMode::kFeed && !yes_ && !confirmed(session, events)) {
      return session.usage(
          fmt::format("nothing was sent: bench writes events into the tenant {}, and they stay; "
                      "--yes allows it",
                      session.api.settings().tenant->str()));
    }
    const auto tally = BenchRun(session, plan, events).run();
    if (!tally) {
      return session.failed(tally.error());
    }
    const int written =
        session.finish_with(session.json ? bench_json(plan, *tally) : bench_table(plan, *tally));
    return tally->errors.empty() && tally->missing == 0 ? written : 1;
  }

 private:
  static constexpr std::uint64_t kDurationSecondsMax = 86'400;

  template <class Number>
  static void add_number(CLI::App& app, const char* name, Number& number, std::uint64_t most,
                         const char* description) {
    app.add_option(name, number, description)
        ->check(CLI::Range(std::uint64_t{1}, most).description(""))
        ->type_name("N");
  }

  static bool confirmed(Session& session, const BenchEvents& events) {
    if (isatty(session.in_fd) != 1) {
      return false;
    }
    session.console.note(fmt::format(
        "This writes real events into the tenant {} of {}, with subjects below {}.\n"
        "Its readers get them, and they stay until retention removes them. Go on? [y/N]",
        session.api.settings().tenant->str(), printable(session.api.settings().url),
        events.subject_prefix()));
    std::array<char, 16> typed{};
    if (session.stop.wait_for_input(session.in_fd, nullptr) != StopSignal::Ready::kInput) {
      return false;
    }
    const ssize_t bytes = read(session.in_fd, typed.data(), typed.size());
    const std::string_view answer(typed.data(), bytes < 0 ? 0 : static_cast<std::size_t>(bytes));
    return answer == "y\n" || answer == "Y\n" || answer == "yes\n";
  }

  std::string mode_ = "publish";
  std::string duration_ = "10s";
  std::size_t connections_ = 8;
  std::optional<std::uint64_t> batch_;
  std::uint64_t rate_ = 0;
  bool yes_ = false;
};

constexpr const char* kExamples = R"(Examples:
  bitvault-events bench --tenant scratch
  bitvault-events bench --yes --batch 100 --connections 16 --duration 1m
  bitvault-events bench --yes --mode latency --rate 200 --json
  bitvault-events bench --mode feed --batch 1000

publish and latency write real events into the tenant, with subjects below /bench/RUN/: use one
that nobody needs. With --rate a request's latency counts from when it was due, so that waiting
behind a slow one counts (an open loop); without, from when it was sent. The load comes from one
thread of this machine; beside the server on one machine both share its processors. Ctrl-C ends
the run early, with its figures. Exit code 1: a request failed, or an event was not seen.)";

}  // namespace

void add_bench(CommandTree& tree) {
  tree.add<BenchCommand>(tree.root(),
                         {"bench", "Put a load on a server, and measure it", kExamples});
}

}  // namespace bitvault::cli
