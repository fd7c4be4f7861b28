// `listen`: a receiver of webhooks to try things with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/settings.h"

namespace bitvault::cli {

// Adds its command to the tree; it and what it is given outlive it.
class ListenCommand {
 public:
  ListenCommand(CommandTree& tree, Console& console, World& world, const Environment& environment);

 private:
  [[nodiscard]] int listen();
  // Why they cannot be used; empty: they can.
  [[nodiscard]] std::string add_secrets(struct ReceiverOptions& options) const;

  CommandTree& tree_;
  Console& console_;
  World& world_;
  const Environment& environment_;
  std::string address_ = "127.0.0.1:8090";
  std::vector<std::string> secrets_;
  std::optional<std::string> secret_file_;
  unsigned status_ = 200;
  double delay_seconds_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace bitvault::cli
