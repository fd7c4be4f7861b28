// `publish`: one event from flags, or many from NDJSON.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>

#include "cli/command.h"
#include "cli/config_file.h"
#include "cli/event_flags.h"
#include "cli/publish_stream.h"
#include "cli/publisher.h"

namespace bitvault::cli {
namespace {

class PublishCommand final : public Command {
 public:
  explicit PublishCommand(CLI::App& app) {
    auto* const type =
        app.add_option("--type", flags_.type, "The event's type, such as bitvault.node.created.v1");
    auto* const data =
        app.add_option("--data", data_, "The event's data: a JSON object, @FILE, or - for stdin");
    app.add_option("--id", flags_.id, "The event's id (default: a UUIDv7 made here)");
    app.add_option("--source", flags_.source, "Default: /tenants/<tenant>");
    app.add_option("--subject", flags_.subject, "Default: by the type's rule");
    app.add_option("--time", flags_.time, "When it happened, RFC 3339 (default: now)")
        ->type_name("TIME");
    app.add_option("--partitionkey", flags_.partitionkey,
                   "Events of one key stay in order (default: by the type's rule)");
    app.add_option("--ext", flags_.extensions, "A CloudEvents extension; repeatable")
        ->type_name("NAME=VALUE")
        ->take_all()
        ->expected(1);
    ndjson_option_ = app.add_option("--ndjson", ndjson_,
                                    "Publish a file of events, one JSON object a line; - or "
                                    "nothing: stdin")
                         ->type_name("FILE")
                         ->expected(0, 1);
    type->excludes(ndjson_option_);
    data->excludes(ndjson_option_);
  }

  int run(Session& session) override {
    if (ndjson_option_->count() > 0) {
      return run_stream(session);
    }
    if (flags_.type.empty() || !data_) {
      return session.usage("give --type and --data for one event, or --ndjson for many");
    }
    return run_one(session);
  }

 private:
  int run_stream(Session& session) {
    if (ndjson_.empty() || ndjson_ == "-") {
      return PublishStream(session, session.in_fd, "standard input").run();
    }
    const int fd = open(ndjson_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      return session.usage(fmt::format("cannot read {}: {}", ndjson_, std::strerror(errno)));
    }
    const int exit_code = PublishStream(session, fd, ndjson_).run();
    close(fd);
    return exit_code;
  }

  int run_one(Session& session) {
    Result<std::string> data = *data_;
    if (*data_ == "-") {
      data = read_all(session.in_fd, "standard input");
    } else if (data_->starts_with('@')) {
      data = read_file(data_->substr(1));
    }
    if (!data) {
      return session.usage(data.error().detail);
    }
    const auto event = make_event(flags_, *data, make_event_id(session.world));
    if (!event) {
      return session.usage(event.error().detail);
    }
    const auto answer = Publisher(session).send(*event, "application/cloudevents+json");
    if (!answer) {
      return session.failed(answer.error());
    }
    return session.finish_with(session.json ? *answer : confirmation(*answer));
  }

  static std::string confirmation(const std::string& answer) {
    const auto document = Json::parse(answer);
    const auto events = document ? document->member("events") : std::nullopt;
    const auto elements = events ? events->elements() : std::vector<Json>{};
    if (elements.empty()) {
      return "published";
    }
    const bool duplicate = elements.front().text_of("duplicate") == "true";
    return printable(
        fmt::format("{} {}, sequence {}, cursor {}", duplicate ? "was there already:" : "published",
                    elements.front().text_of("id"), elements.front().text_of("sequence"),
                    document->text_of("cursor")));
  }

  EventFlags flags_;
  std::optional<std::string> data_;
  std::string ndjson_;
  CLI::Option* ndjson_option_ = nullptr;
};

constexpr const char* kExamples = R"x(Examples:
  bitvault-events publish --type bitvault.node.created.v1 --data @node.json
  bitvault-events publish --type bitvault.node.created.v1 \
      --data "$(bitvault-events catalog example bitvault.node.created.v1)"
  bitvault-events publish --ndjson events.ndjson
  zcat old.ndjson.gz | bitvault-events publish --ndjson -

NDJSON goes out in batches of at most 500 events; each batch is all or nothing. Lines
without an id get one here, and a busy or lost server is asked again with the same ids, so
nothing is published twice. The count includes duplicates: events that were there already.)x";

}  // namespace

void add_publish(CommandTree& tree) {
  tree.add<PublishCommand>(tree.root(),
                           {"publish", "Publish one event, or many from NDJSON", kExamples});
}

}  // namespace bitvault::cli
