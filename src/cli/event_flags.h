// One event from the flags of `publish`, as CloudEvents JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace bitvault::cli {

struct EventFlags {
  std::string type{};
  std::optional<std::string> id{};
  std::optional<std::string> source{};
  std::optional<std::string> subject{};
  std::optional<std::string> time{};
  std::optional<std::string> partitionkey{};
  std::vector<std::string> extensions{};  // name=value
};

// The event; `id` is used when the flags give none. Only what JSON needs is checked here, the rest
// is the server's to judge. Error: kInvalid, one line, a usage error.
[[nodiscard]] Result<std::string> make_event(const EventFlags& flags, std::string_view data,
                                             std::string_view id);

}  // namespace bitvault::cli
