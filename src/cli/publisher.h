// Publishes request bodies, trying again where that may help.
//
// Every event in a body has its id, so sending a body again is harmless: what was committed and not
// heard of comes back as a duplicate.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "event/id.h"

namespace bitvault::cli {

struct Published {
  std::uint64_t events = 0;      // duplicates included
  std::uint64_t duplicates = 0;  // of them: the journal held them already
  std::string cursor;            // after the last one
};

class Publisher {
 public:
  static constexpr unsigned kAttemptsMax = 8;

  explicit Publisher(Session& session) : session_(session) {}

  // The server's answer. What goes wrong on the way is noted when it is tried again.
  [[nodiscard]] std::expected<std::string, Failure> send(std::string_view body,
                                                         const std::string& content_type);

 private:
  [[nodiscard]] bool may_try_again(const Failure& failure) const;

  Session& session_;
};

// Adds an answer's events to `total`; false when it is not an answer to a publish.
[[nodiscard]] bool count(std::string_view answer, Published& total);

// A fresh UUIDv7.
[[nodiscard]] std::string make_event_id(World& world);

}  // namespace bitvault::cli
