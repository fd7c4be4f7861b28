#include "cli/publisher.h"

#include <fmt/format.h>

#include <array>
#include <chrono>

#include "base/json.h"
#include "cli/backoff.h"

namespace bitvault::cli {
namespace {

using Kind = net::HttpFailure::Kind;

constexpr Duration kTimeout = std::chrono::seconds(120);

// A failure's first line, as something that is not the end yet.
std::string warning(std::string_view text) {
  constexpr std::string_view kError = "error: ";
  text = text.substr(0, text.find('\n'));
  text.remove_prefix(text.starts_with(kError) ? kError.size() : 0);
  return fmt::format("warning: {}", text);
}

}  // namespace

bool Publisher::may_try_again(const Failure& failure) const {
  if (failure.problem) {
    return is_temporary(*failure.problem);
  }
  switch (*failure.transport) {
    case Kind::kRefused:  // never reached: more likely a wrong URL than a restart
    case Kind::kUnreachable:
      return session_.api.reached();
    case Kind::kTimeout:
    case Kind::kBroken:
      return true;
    case Kind::kStopped:
    case Kind::kTls:
    case Kind::kTooLarge:
    case Kind::kBadUrl:
      return false;
  }
  return false;
}

std::expected<std::string, Failure> Publisher::send(std::string_view body,
                                                    const std::string& content_type) {
  Backoff backoff;
  while (true) {
    auto answer = session_.api.call({.method = "POST",
                                     .path = session_.api.tenant_path("/events"),
                                     .body = body,
                                     .content_type = content_type,
                                     .timeout = kTimeout});
    if (answer) {
      return std::move(answer->body);
    }
    Failure& failure = answer.error();
    if (!may_try_again(failure) || backoff.attempts() + 1 >= kAttemptsMax) {
      return std::unexpected(std::move(failure));
    }
    const auto retry_after = failure.problem ? failure.problem->retry_after : std::nullopt;
    const Duration pause = backoff.next(session_.world.random(), retry_after);
    session_.console.note(fmt::format(
        "{}; trying again in {:.1f} s ({} of {})", warning(failure.text),
        std::chrono::duration<double>(pause).count(), backoff.attempts(), kAttemptsMax - 1));
    if (session_.stop.stopped_within(pause)) {
      failure.transport = Kind::kStopped;
      return std::unexpected(std::move(failure));
    }
  }
}

bool count(std::string_view answer, Published& total) {
  const auto document = Json::parse(answer);
  const auto events = document ? document->member("events") : std::nullopt;
  if (!events || !events->is_array()) {
    return false;
  }
  for (const Json& event : events->elements()) {
    ++total.events;
    total.duplicates += event.text_of("duplicate") == "true" ? 1 : 0;
  }
  total.cursor = document->text_of("cursor");
  return true;
}

std::string make_event_id(World& world) {
  std::array<std::byte, 10> random;
  world.random().fill(random);
  return EventId::make(world.clock().wall(), random).str();
}

}  // namespace bitvault::cli
