#include "cli/command_listen.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <fstream>

#include "cli/listen_address.h"
#include "cli/receiver.h"
#include "cli/stop_signal.h"
#include "http/server.h"

namespace bitvault::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  bitvault-events listen --secret-file webhook.secret
  BITVAULT_WEBHOOK_SECRET=whsec_... bitvault-events listen --listen 127.0.0.1:9000
  bitvault-events listen --status 503            # to see what retries look like
  bitvault-events listen --json --count 1 | jq .event

What is not signed with one of the secrets is answered 401. An event that came before is
marked `again`; where one is missing, `gap` names it.)";

constexpr double kDelayMax = 3'600;

// Secrets stand one a line.
std::optional<std::vector<std::string>> read_lines(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return std::nullopt;
  }
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) {
      lines.push_back(line);
    }
  }
  return lines;
}

}  // namespace

ListenCommand::ListenCommand(CommandTree& tree, Console& console, World& world,
                             const Environment& environment)
    : tree_(tree), console_(console), world_(world), environment_(environment) {
  CLI::App& app = tree.add_local({"listen", "Receive webhooks, verify and print them", kExamples},
                                 [this] { return listen(); });
  app.add_option("--listen", address_, "Where to listen (default 127.0.0.1:8090)")
      ->type_name("ADDRESS:PORT");
  app.add_option("--secret", secrets_,
                 "A webhook's secret (whsec_...) or public key (whpk_...); repeatable. Others on "
                 "this machine can read it: better --secret-file or BITVAULT_WEBHOOK_SECRET")
      ->type_name("SECRET")
      ->take_all()
      ->expected(1);
  app.add_option("--secret-file", secret_file_, "A file with secrets, one a line")
      ->type_name("FILE");
  app.add_option("--status", status_, "Answer with this status (default 200)")
      ->check(CLI::Range(200, 599).description(""))
      ->type_name("CODE");
  app.add_option("--delay", delay_seconds_, "Answer only after so many seconds")
      ->check(CLI::Range(0.0, kDelayMax).description(""))
      ->type_name("SECONDS");
  app.add_option("--count", count_, "End after so many deliveries")->type_name("N");
  tree.add_json_option(app);
}

std::string ListenCommand::add_secrets(ReceiverOptions& options) const {
  std::vector<std::string> secrets = secrets_;
  if (const auto named = environment_("BITVAULT_WEBHOOK_SECRET"); named && !named->empty()) {
    secrets.push_back(*named);
  }
  if (secret_file_) {
    const auto lines = read_lines(*secret_file_);
    if (!lines || lines->empty()) {
      return "--secret-file: " + printable(*secret_file_) +
             (lines ? " holds no secret" : " cannot be read");
    }
    secrets.insert(secrets.end(), lines->begin(), lines->end());
  }
  for (const std::string& secret : secrets) {
    if (const Status added = options.verifier.add(secret); !added) {
      return added.error().detail;
    }
  }
  options.verifies = !secrets.empty();
  return {};
}

int ListenCommand::listen() {
  ReceiverOptions options{
      .verifier = {},
      .status = status_,
      .delay = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(delay_seconds_)),
      .count = count_,
      .json = tree_.json()};
  const auto address = parse_listen_address(address_);
  const std::string wrong = address ? add_secrets(options) : address.error().detail;
  if (!wrong.empty()) {
    console_.note("error: " + wrong);
    return 2;
  }
  const bool verifies = options.verifies;
  const StopSignal stop;
  std::atomic<bool> enough = false;
  Receiver receiver(world_, console_, std::move(options), [&enough] {
    enough = true;
    enough.notify_all();
  });
  auto server = http::Server::start({.address = address->address,
                                     .port = address->port,
                                     .threads = 1,
                                     .stream_threads = 0,
                                     .drain = std::chrono::seconds(1)},
                                    receiver, world_);
  if (!server) {
    console_.note("error: " + printable(server.error().detail));
    return 2;
  }
  const bool v6 = address->address.contains(':');
  receiver.note(fmt::format("listening on http://{}{}{}:{}", v6 ? "[" : "", address->address,
                            v6 ? "]" : "", (*server)->port()));
  if (!verifies) {
    receiver.note("no secret was given: nothing is verified (see --secret-file)");
  }
  constexpr Duration kLook = std::chrono::milliseconds(50);
  bool gone = false;
  while (!enough && !gone && !stop.stopped_within(kLook)) {
    gone = receiver.flush() != Console::Outcome::kWritten;
  }
  (*server)->stop();
  return receiver.flush() == Console::Outcome::kFailed ? 1 : 0;
}

}  // namespace bitvault::cli
