// `catalog`: the event types that the server knows.
#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace bitvault::cli {
namespace {

class CatalogCommand : public Command {
 public:
  Needs needs() const final { return Needs::kServer; }
};

class ListTypes final : public CatalogCommand {
 public:
  explicit ListTypes(CLI::App& /*app*/) {}

  int run(Session& session) override {
    const auto list = fetch_list(session.api, "/v1/catalog");
    if (!list) {
      return session.failed(list.error());
    }
    if (session.json) {
      return session.finish_with(list->json());
    }
    std::vector<std::vector<std::string>> rows = {{"TYPE", "PRODUCER", "DESCRIPTION"}};
    for (const Json& item : list->items()) {
      std::string description = item.text_of("description");
      description.resize(
          std::min({description.size(), description.find('.'), description.find('\n')}));
      rows.push_back({printable(item.text_of("type")), printable(item.text_of("producer")),
                      printable(description)});
    }
    return session.finish_with(table(rows));
  }
};

// What all commands about one type share.
class TypeCommand : public CatalogCommand {
 public:
  explicit TypeCommand(CLI::App& app) {
    app.add_option("type", type_, "Such as bitvault.node.created.v1")->required();
  }

 protected:
  [[nodiscard]] std::expected<net::HttpAnswer, Failure> get(Session& session,
                                                            const std::string& rest) const {
    return session.api.call({.path = "/v1/catalog/" + percent_encoded(type_) + rest});
  }

 private:
  std::string type_;
};

class ShowType final : public TypeCommand {
 public:
  using TypeCommand::TypeCommand;

  int run(Session& session) override {
    const auto answer = get(session, "");
    if (!answer) {
      return session.failed(answer.error());
    }
    if (session.json) {
      return session.finish_with(answer->body);
    }
    const auto type = Json::parse(answer->body);
    std::vector<std::vector<std::string>> rows;
    for (const char* member :
         {"type", "description", "producer", "lifecycle", "revision", "dataschema"}) {
      rows.push_back({std::string(member) + ":", type ? printable(type->text_of(member)) : ""});
    }
    const auto example = type ? type->member("example") : std::nullopt;
    return session.finish_with(table(rows) +
                               (example ? "\n" + indented(example->raw()) + "\n" : ""));
  }
};

class ShowSchema final : public TypeCommand {
 public:
  using TypeCommand::TypeCommand;

  int run(Session& session) override {
    const auto answer = get(session, "/schema.json");
    if (!answer) {
      return session.failed(answer.error());
    }
    const bool readable = !session.json && Json::parse(answer->body);
    return session.finish_with(readable ? indented(answer->body) : answer->body);
  }
};

class ShowExample final : public TypeCommand {
 public:
  using TypeCommand::TypeCommand;

  int run(Session& session) override {
    const auto answer = get(session, "");
    if (!answer) {
      return session.failed(answer.error());
    }
    const auto type = Json::parse(answer->body);
    const auto example = type ? type->member("example") : std::nullopt;
    if (!example) {
      session.console.note("error: the server's answer holds no example");
      return 1;
    }
    return session.finish_with(session.json ? example->raw() : indented(example->raw()));
  }
};

}  // namespace

void add_catalog(CommandTree& tree) {
  CLI::App& catalog = tree.group({"catalog", "The types of events there are (no key needed)",
                                  "Examples:\n"
                                  "  bitvault-events catalog list\n"
                                  "  bitvault-events catalog show bitvault.node.created.v1"});
  const std::string type = " bitvault.node.created.v1";
  tree.add<ListTypes>(catalog,
                      {"list", "List the types", "Example:\n  bitvault-events catalog list"});
  tree.add<ShowType>(catalog, {"show", "Describe a type, with an example",
                               "Example:\n  bitvault-events catalog show" + type});
  tree.add<ShowSchema>(catalog, {"schema", "Print the JSON Schema of a type's data",
                                 "Example:\n  bitvault-events catalog schema" + type});
  tree.add<ShowExample>(catalog,
                        {"example", "Print valid data of a type",
                         "Example:\n  bitvault-events catalog example" + type + " > data.json"});
}

}  // namespace bitvault::cli
