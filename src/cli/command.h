// Commands, what they share, and the tree they hang in.
//
// Each command is a class of its own file: its constructor declares its options on its CLI::App,
// run() does the work after parsing. The tree gives every command the connection flags and --json.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "cli/api_client.h"
#include "cli/cli.h"
#include "cli/console.h"
#include "cli/settings.h"
#include "cli/stop_signal.h"

namespace CLI {
class App;
}

namespace bitvault::cli {

// What a client command works with.
struct Session {
  World& world;
  const StopSignal& stop;
  Console& console;
  ApiClient& api;
  bool json;
  int in_fd;

  // Tells why a call failed; gives the exit code.
  [[nodiscard]] int failed(const Failure& failure);
  // "error: <what>", one line; gives the exit code 2.
  [[nodiscard]] int usage(std::string_view what);
  // Whether what was printed reached its reader; gives the exit code.
  [[nodiscard]] int finish();
  // Prints `text` and finishes.
  [[nodiscard]] int finish_with(std::string_view text);
};

class Command {
 public:
  enum class Needs : std::uint8_t { kServer, kTenant };

  virtual ~Command() = default;
  [[nodiscard]] virtual Needs needs() const { return Needs::kTenant; }
  [[nodiscard]] virtual int run(Session& session) = 0;
};

struct CommandText {
  std::string name;
  std::string description;
  std::string footer;  // examples
};

class CommandTree {
 public:
  CommandTree();
  ~CommandTree();

  [[nodiscard]] CLI::App& root() { return *root_; }
  // A command of commands.
  [[nodiscard]] CLI::App& group(const CommandText& text);
  // A client command below `parent`.
  template <class C>
  void add(CLI::App& parent, const CommandText& text) {
    CLI::App& app = leaf(parent, text);
    add_connection_options(app);
    commands_.push_back(std::make_unique<C>(app));
    when_chosen(app, commands_.back().get());
  }
  // A command that is no client: `action` gives the exit code. No options are added.
  [[nodiscard]] CLI::App& add_local(const CommandText& text, std::function<int()> action);
  [[nodiscard]] CLI::App& add_local(CLI::App& parent, const CommandText& text,
                                    std::function<int()> action);
  // A command of such commands.
  [[nodiscard]] CLI::App& local_group(const CommandText& text);

  [[nodiscard]] Command* chosen() const { return chosen_; }
  [[nodiscard]] const std::function<int()>& local_action() const { return local_action_; }
  [[nodiscard]] const ConnectionFlags& flags() const { return flags_; }
  [[nodiscard]] bool json() const { return json_; }
  // --json for commands that add_local() made.
  void add_json_option(CLI::App& app);

 private:
  [[nodiscard]] CLI::App& leaf(CLI::App& parent, const CommandText& text);
  void add_connection_options(CLI::App& app);
  void when_chosen(CLI::App& app, Command* command);

  std::unique_ptr<CLI::App> root_;
  std::vector<std::unique_ptr<Command>> commands_;
  Command* chosen_ = nullptr;
  std::function<int()> local_action_;
  ConnectionFlags flags_;
  bool json_ = false;
};

void add_publish(CommandTree& tree);
void add_tail(CommandTree& tree);
void add_tenants(CommandTree& tree);
void add_keys(CommandTree& tree);
void add_catalog(CommandTree& tree);
void add_webhooks(CommandTree& tree);
void add_bench(CommandTree& tree);

// Every page of a list.
struct List {
  std::vector<std::string> bodies;

  [[nodiscard]] std::vector<Json> items() const;  // views of the bodies
  // One document: the server's own when it had one page.
  [[nodiscard]] std::string json() const;
};
[[nodiscard]] std::expected<List, Failure> fetch_list(ApiClient& api, const std::string& path);

// A resource as "member: value" lines, nested members with dotted names.
[[nodiscard]] std::string describe(std::string_view document);

}  // namespace bitvault::cli
