#include "cli/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "base/text.h"
#include "cli/command.h"
#include "cli/command_listen.h"
#include "cli/command_pattern.h"
#include "cli/completion.h"

namespace bitvault::cli {
namespace {

constexpr const char* kServeExamples = R"(Examples:
  bitvault-events serve
  bitvault-events serve --data /var/lib/bitvault --listen 0.0.0.0:8080
  bitvault-events serve --watch acme=/srv/files/acme
  bitvault-events serve --listen 0.0.0.0:8443 --tls-cert server.pem --tls-key server.key

On its first start it makes the data folder and writes the operator's key there. SIGTERM
lets requests in flight end, then exits with 0. --config FILE is TOML with the same names:
  data = "/var/lib/bitvault"
  listen = "127.0.0.1:8080"
  log_level = "info"
  [watch]
  acme = "/srv/files/acme")";

constexpr const char* kCompletionExamples = R"(Examples:
  source <(bitvault-events completion bash)
  bitvault-events completion zsh > "${fpath[1]}/_bitvault-events"
  bitvault-events completion fish > ~/.config/fish/completions/bitvault-events.fish)";

struct ServeFlags {
  ServeLayer layer;
  std::optional<std::string> config;
};

void add_serve_options(CLI::App& app, ServeFlags& flags) {
  ServeLayer& layer = flags.layer;
  app.add_option("--config", flags.config, "Read settings from this TOML file; flags win")
      ->type_name("FILE");
  app.add_option("--data", layer.data, "The data folder (default ./bitvault-data)")
      ->type_name("DIR");
  app.add_option("--listen", layer.listen, "Where to listen (default 127.0.0.1:8080)")
      ->type_name("ADDRESS:PORT");
  app.add_option("--tls-cert", layer.tls_cert,
                 "Speak HTTPS with this certificate and its chain; read again at SIGHUP (PEM)")
      ->type_name("FILE");
  app.add_option("--tls-key", layer.tls_key, "The certificate's key, without a passphrase (PEM)")
      ->type_name("FILE");
  app.add_option("--store", layer.store, "A postgres:// URL (default: SQLite in the data folder)")
      ->type_name("URL");
  app.add_option("--bus", layer.bus, "A nats:// URL (default: within the process)")
      ->type_name("URL");
  app.add_option("--roles", layer.roles,
                 "What this process does, of api, drain, deliver, audit "
                 "(default: all)")
      ->delimiter(',')
      ->type_name("LIST");
  app.add_option("--watch", layer.watches,
                 "Publish the changes of a directory as a tenant's events; repeatable")
      ->type_name("TENANT=DIR")
      ->take_all()
      ->expected(1);
  app.add_flag_callback(
      "--allow-private-targets", [&layer] { layer.allow_private_targets = true; },
      "Let tenants' targets be loopback and private addresses, and plain http");
  app.add_option("--allow-target", layer.allow_targets,
                 "Let tenants' targets be in this range of addresses; repeatable")
      ->type_name("CIDR")
      ->take_all()
      ->expected(1);
  app.add_option("--log-level", layer.log_level, "How much to log (default info)")
      ->type_name("debug|info|warn|error");
  app.add_flag_callback(
      "--log-json,--json", [&layer] { layer.log_json = true; }, "Log JSON, an object a line");
  app.add_option("--new-epoch", layer.new_epochs,
                 "Begin a new epoch of a tenant (* for all of them), after a restored backup; with "
                 "a label only once under it (repeatable)")
      ->type_name("TENANT[=LABEL]")
      ->expected(1);
  app.add_option("--retention-max-age", layer.retention_max_age,
                 "Let go of events that are older, unless a tenant says otherwise (default: never)")
      ->type_name("SECONDS|12h|30d");
  app.add_option("--retention-max-events", layer.retention_max_events,
                 "Keep so many events of a tenant, unless it says otherwise (default: all)")
      ->type_name("N");
  app.add_option("--rate-limit-requests", layer.rate_limit_requests,
                 "Requests a second of a tenant, unless it says otherwise (default: no limit)")
      ->type_name("N");
  app.add_option("--rate-limit-events", layer.rate_limit_events,
                 "Events a second that a tenant may publish, likewise (default: no limit)")
      ->type_name("N");
  app.add_option("--rate-limit-scanned", layer.rate_limit_scanned,
                 "Events a second that a tenant's reads may look at, likewise (default: no limit)")
      ->type_name("N");
  app.add_option("--threads", layer.threads, "Threads that serve requests (default: one a core)")
      ->type_name("N");
}

bool any(const ConnectionFlags& flags) {
  const SettingsLayer& layer = flags.layer;
  return layer.url || layer.key || layer.key_file || layer.tenant || layer.ca_file || flags.config;
}

// The command that the arguments got to.
const CLI::App& deepest(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().back();
  }
  return *app;
}

std::string command_line(const CLI::App& app) {
  const CLI::App* const parent = app.get_parent();
  return parent == nullptr ? app.get_name() : command_line(*parent) + " " + app.get_name();
}

// What is wrong with the arguments. Of words that nobody expected only options are named when there
// are any, without their values: what follows an unknown option may be a secret.
std::string complaint(const CLI::App& root, const CLI::ParseError& error) {
  const std::vector<std::string> extras = root.remaining(true);
  const auto option = std::ranges::find_if(
      extras, [](const std::string& word) { return word.size() > 1 && word.front() == '-'; });
  if (option != extras.end()) {
    return fmt::format("unknown option {}", option->substr(0, option->find('=')));
  }
  if (!extras.empty()) {
    const bool is_command =
        !deepest(root).get_subcommands([](const CLI::App*) { return true; }).empty();
    return fmt::format("{} `{}`",
                       is_command ? "unknown command" : "one argument too many:", extras.front());
  }
  if (error.get_name() == "RequiredError" &&
      error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) &&
      &deepest(root) == &root) {
    return "which command?";
  }
  return error.what();
}

int report(const CLI::App& root, const CLI::ParseError& error, Console& console) {
  if (error.get_exit_code() == 0) {  // --help
    std::ostringstream help;
    root.exit(error, help, help);
    console.print(help.str());
    return console.flush() == Console::Outcome::kFailed ? 1 : 0;
  }
  std::string line = complaint(root, error);
  std::ranges::replace(line, '\n', ' ');
  console.note(
      fmt::format("error: {} (see: {} --help)", printable(line), command_line(deepest(root))));
  return 2;
}

int run_client(const CommandTree& tree, const Surroundings& surroundings, Console& console) {
  Command& command = *tree.chosen();
  auto settings = load_settings(tree.flags(), surroundings.environment);
  if (!settings) {
    console.note("error: " + printable(settings.error().detail));
    return 2;
  }
  if (command.needs() == Command::Needs::kTenant && !settings->tenant) {
    console.note(
        "error: which tenant? Give --tenant, BITVAULT_TENANT or `tenant` in the "
        "configuration file");
    return 2;
  }
  const StopSignal stop;
  ApiClient api(*std::move(settings), stop.fd());
  Session session{.world = surroundings.world,
                  .stop = stop,
                  .console = console,
                  .api = api,
                  .json = tree.json(),
                  .in_fd = surroundings.in_fd};
  return command.run(session);
}

// The commands that need no server, and what they print.
class LocalCommands {
 public:
  LocalCommands(CommandTree& tree, Console& console, const ServeCommand& serve)
      : tree_(tree), console_(console), serve_(serve) {}

  void add_serve() {
    add_serve_options(tree_.add_local({"serve", "Run the server", kServeExamples},
                                      [this] { return run_serve(); }),
                      serve_flags_);
  }

  void add_rest() {
    tree_.add_json_option(tree_.add_local(
        {"version", "Print the version", "Example:\n  bitvault-events version --json"}, [this] {
          return print(tree_.json() ? R"({"version":")" BITVAULT_VERSION R"("})"
                                    : "bitvault-events " BITVAULT_VERSION);
        }));
    CLI::App& completion =
        tree_.add_local({"completion", "Print a shell's tab completion", kCompletionExamples},
                        [this] { return run_completion(); });
    completion.add_option("shell", shell_, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
        ->type_name("bash|zsh|fish");
    tree_.add_json_option(completion);
  }

 private:
  int print(const std::string& text) {
    console_.print_line(text);
    return console_.flush() == Console::Outcome::kFailed ? 1 : 0;
  }

  int run_serve() {
    if (any(tree_.flags())) {
      console_.note(
          "error: the options of clients (--url, --key, ... before the command) are not "
          "for serve");
      return 2;
    }
    const auto options = load_serve_options(serve_flags_.layer, serve_flags_.config);
    if (!options) {
      console_.note("error: " + printable(options.error().detail));
      return 2;
    }
    return serve_(*options);
  }

  int run_completion() {
    const Shell shell = shell_ == "bash"  ? Shell::kBash
                        : shell_ == "zsh" ? Shell::kZsh
                                          : Shell::kFish;
    const std::string script = completion_script(tree_.root(), shell);
    return print(tree_.json()
                     ? fmt::format(R"({{"shell":"{}","script":{}}})", shell_, json_string(script))
                     : script);
  }

  CommandTree& tree_;
  Console& console_;
  const ServeCommand& serve_;
  ServeFlags serve_flags_;
  std::string shell_;
};

}  // namespace

int run_cli(int argc, const char* const* argv, const Surroundings& surroundings,
            const ServeCommand& serve) {
  const auto no_color = surroundings.environment("NO_COLOR");
  Console console(surroundings.out, surroundings.err, !no_color || no_color->empty());
  CommandTree tree;
  LocalCommands local(tree, console, serve);
  local.add_serve();
  add_publish(tree);
  add_tail(tree);
  add_tenants(tree);
  add_keys(tree);
  add_webhooks(tree);
  add_catalog(tree);
  PatternCommands patterns(tree, console, surroundings.in_fd);
  ListenCommand listen(tree, console, surroundings.world, surroundings.environment);
  add_bench(tree);
  local.add_rest();
  try {
    tree.root().parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report(tree.root(), error, console);
  }
  return tree.chosen() != nullptr ? run_client(tree, surroundings, console) : tree.local_action()();
}

}  // namespace bitvault::cli
