// What the commands of `webhooks` share: the id of one, and calls to it.
#pragma once

#include <string>
#include <string_view>

#include "cli/command.h"

namespace bitvault::cli {

// Adds them to the group.
void add_webhook_deliveries(CommandTree& tree, CLI::App& group);

class WebhookCommand : public Command {
 protected:
  explicit WebhookCommand(CLI::App& app);

  // `rest` begins with '/' or is empty; an empty body is none.
  [[nodiscard]] std::expected<net::HttpAnswer, Failure> call(Session& session, std::string method,
                                                             std::string_view rest,
                                                             std::string_view body = {}) const;
  [[nodiscard]] std::string path(const Session& session, std::string_view rest) const;
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  std::string id_;
};

}  // namespace bitvault::cli
