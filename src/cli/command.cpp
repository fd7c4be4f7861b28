#include "cli/command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <utility>

namespace bitvault::cli {
namespace {

constexpr std::string_view kNextPage = "next_page";
constexpr std::string_view kConnection = "Connection";

void append_members(std::vector<std::vector<std::string>>& rows, const Json& object,
                    const std::string& prefix) {
  for (const auto& [name, value] : object.members()) {
    const std::string path = prefix + printable(name);
    if (value.is_object()) {
      append_members(rows, value, path + ".");
    } else if (!value.is_array()) {
      rows.push_back({path + ":", value.is_null() ? "-" : printable(value.text())});
    } else {
      std::string list;
      for (const Json& element : value.elements()) {
        list += (list.empty() ? "" : ", ") + printable(element.text());
      }
      rows.push_back({path + ":", list});
    }
  }
}

}  // namespace

int Session::failed(const Failure& failure) {
  if (failure.stopped()) {
    console.note("interrupted");
  } else {
    console.note(json ? failure.json : failure.text);
  }
  return 1;
}

int Session::usage(std::string_view what) {
  console.note(fmt::format("error: {}", what));
  return 2;
}

int Session::finish() {
  switch (console.flush()) {
    case Console::Outcome::kWritten:
    case Console::Outcome::kReaderGone:
      return 0;
    case Console::Outcome::kFailed:
      console.note("error: " + console.failure());
      return 1;
  }
  return 1;
}

int Session::finish_with(std::string_view text) {
  console.print(text);
  if (!text.ends_with('\n')) {
    console.print("\n");
  }
  return finish();
}

CommandTree::CommandTree()
    : root_(std::make_unique<CLI::App>(
          "BitVault Events: every change of a tenant's files as a typed event",
          "bitvault-events")) {
  root_->require_subcommand(1);
  root_->set_help_flag("-h,--help", "Show this help and exit");
  add_connection_options(*root_);
}

CommandTree::~CommandTree() = default;

CLI::App& CommandTree::leaf(CLI::App& parent, const CommandText& text) {
  CLI::App& app = *parent.add_subcommand(text.name, text.description);
  app.footer(text.footer);
  return app;
}

CLI::App& CommandTree::group(const CommandText& text) {
  CLI::App& app = local_group(text);
  add_connection_options(app);
  return app;
}

CLI::App& CommandTree::local_group(const CommandText& text) {
  CLI::App& app = leaf(*root_, text);
  app.require_subcommand(1);
  return app;
}

CLI::App& CommandTree::add_local(const CommandText& text, std::function<int()> action) {
  return add_local(*root_, text, std::move(action));
}

CLI::App& CommandTree::add_local(CLI::App& parent, const CommandText& text,
                                 std::function<int()> action) {
  CLI::App& app = leaf(parent, text);
  app.callback([this, run = std::move(action)] { local_action_ = run; });
  return app;
}

void CommandTree::when_chosen(CLI::App& app, Command* command) {
  app.callback([this, command] { chosen_ = command; });
}

void CommandTree::add_json_option(CLI::App& app) {
  app.add_flag("--json", json_, "Machine-readable output: the server's JSON as it is");
}

void CommandTree::add_connection_options(CLI::App& app) {
  add_json_option(app);
  const auto add = [&](const char* name, std::optional<std::string>& value, const char* type,
                       const std::string& description) {
    app.add_option(name, value, description)->type_name(type)->group(std::string(kConnection));
  };
  add("--url", flags_.layer.url, "URL",
      fmt::format("The server's URL (BITVAULT_URL; default {})", kDefaultUrl));
  add("--tenant", flags_.layer.tenant, "NAME",
      "The tenant (BITVAULT_TENANT; default: the one that the key names)");
  add("--key-file", flags_.layer.key_file, "FILE", "A file that holds the API key");
  add("--key", flags_.layer.key, "KEY",
      "The API key. Other users of this machine can see it: prefer BITVAULT_KEY or --key-file");
  add("--ca-file", flags_.layer.ca_file, "FILE",
      "Certificate authorities to trust instead of the system's, in PEM (BITVAULT_CA_FILE)");
  add("--config", flags_.config, "FILE",
      "TOML with url, key or key_file, tenant, ca_file (default ~/.config/bitvault/config.toml)");
}

std::vector<Json> List::items() const {
  std::vector<Json> all;
  for (const std::string& body : bodies) {
    const auto page = Json::parse(body);
    const auto items = page ? page->member("items") : std::nullopt;
    if (items) {
      const auto elements = items->elements();
      all.insert(all.end(), elements.begin(), elements.end());
    }
  }
  return all;
}

std::string List::json() const {
  if (bodies.size() == 1) {
    return bodies.front();
  }
  std::string out = "{\"items\":[";
  for (const Json& item : items()) {
    if (!out.ends_with('[')) {
      out += ',';
    }
    out += item.raw();
  }
  return out + "],\"next_page\":null}";
}

std::expected<List, Failure> fetch_list(ApiClient& api, const std::string& path) {
  List list;
  std::string page;
  do {
    Call call{.path = path};
    if (!page.empty()) {
      call.query.emplace_back("page", page);
    }
    auto answer = api.call(call);
    if (!answer) {
      return std::unexpected(std::move(answer.error()));
    }
    const auto document = Json::parse(answer->body);
    const std::string asked = std::exchange(page, document ? document->text_of(kNextPage) : "");
    if (!page.empty() && page == asked) {
      return std::unexpected(
          Failure{.text = "error: the server's list does not end: its next page is the same again",
                  .json = R"({"title":"The server's list does not end"})"});
    }
    list.bodies.push_back(std::move(answer->body));
  } while (!page.empty());
  return list;
}

std::string describe(std::string_view document) {
  const auto json = Json::parse(document);
  std::vector<std::vector<std::string>> rows;
  if (json) {
    append_members(rows, *json, "");
  }
  return table(rows);
}

}  // namespace bitvault::cli
