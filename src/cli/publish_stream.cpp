#include "cli/publish_stream.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace bitvault::cli {
namespace {

constexpr std::size_t kChunkBytes = 64 * 1024;
// An input that is silent for so long has paused: what was read goes out.
constexpr Duration kPatience = std::chrono::milliseconds(50);

std::string lines(const Batch& batch) {
  return fmt::format("lines {} to {}", batch.line_numbers.front(), batch.line_numbers.back());
}

}  // namespace

PublishStream::PublishStream(Session& session, int fd, std::string name)
    : session_(session),
      fd_(fd),
      name_(std::move(name)),
      batcher_([&session] { return make_event_id(session.world); }),
      publisher_(session),
      started_(session.world.clock().monotonic()) {}

int PublishStream::run() {
  while (true) {
    switch (batcher_.fill()) {
      case NdjsonBatcher::State::kFull:
        if (!send_batch()) {
          return finish();
        }
        break;
      case NdjsonBatcher::State::kHungry:
        switch (read_some()) {
          case Input::kSome:
            break;
          case Input::kPause:
            if (!send_batch()) {
              return finish();
            }
            break;
          case Input::kEnd:
            batcher_.end();
            break;
          case Input::kStopped:
            session_.console.note("interrupted");
            exit_code_ = 1;
            return finish();
          case Input::kFailed:
            exit_code_ = 1;
            return finish();
        }
        break;
      case NdjsonBatcher::State::kDone:
        static_cast<void>(send_batch());
        return finish();
      case NdjsonBatcher::State::kBroken:
        if (send_batch()) {
          session_.console.note(
              fmt::format("error: {}, line {}: {}\nhint: nothing from line {} on was published",
                          printable(name_), batcher_.error().line, batcher_.error().message,
                          batcher_.error().line));
          exit_code_ = 1;
        }
        return finish();
    }
  }
}

PublishStream::Input PublishStream::read_some() {
  const Duration* const patience = batcher_.batch().empty() ? nullptr : &kPatience;
  switch (session_.stop.wait_for_input(fd_, patience)) {
    case StopSignal::Ready::kStopped:
      return Input::kStopped;
    case StopSignal::Ready::kTimeout:
      return Input::kPause;
    case StopSignal::Ready::kInput:
      break;
  }
  std::array<char, kChunkBytes> chunk;
  const ssize_t bytes = read(fd_, chunk.data(), chunk.size());
  if (bytes < 0) {
    if (errno == EINTR || errno == EAGAIN) {
      return Input::kSome;
    }
    session_.console.note(
        fmt::format("error: cannot read {}: {}", printable(name_), std::strerror(errno)));
    return Input::kFailed;
  }
  batcher_.push({chunk.data(), static_cast<std::size_t>(bytes)});
  return bytes == 0 ? Input::kEnd : Input::kSome;
}

bool PublishStream::send_batch() {
  const Batch batch = batcher_.take();
  if (batch.empty()) {
    return true;
  }
  const auto answer = publisher_.send(batch.body, "application/x-ndjson");
  if (!answer) {
    explain(answer.error(), batch);
    exit_code_ = 1;
    return false;
  }
  if (!count(*answer, total_)) {
    session_.console.note("error: the server's answer is not one to a publish");
    exit_code_ = 1;
    return false;
  }
  if (session_.json) {
    session_.console.print_line(*answer);
  }
  show_progress();
  return true;
}

void PublishStream::explain(const Failure& failure, const Batch& batch) {
  if (session_.json) {
    static_cast<void>(session_.failed(failure));
  } else if (failure.stopped()) {
    session_.console.note("interrupted");
  } else if (failure.problem) {
    Problem problem = *failure.problem;
    const bool some_line = !problem.violations.empty();
    for (Violation& violation : problem.violations) {
      const std::size_t index = std::min(violation.index, batch.line_numbers.size() - 1);
      violation.path = fmt::format("line {}{}{}", batch.line_numbers[index],
                                   violation.path.empty() ? "" : ": ", violation.path);
    }
    session_.console.note(render(problem));
    if (const auto what_to_do = hint(problem, !session_.api.settings().key.empty());
        !what_to_do.empty()) {
      session_.console.note(what_to_do);
    }
    if (!some_line) {
      session_.console.note(fmt::format("  in {} of {}", lines(batch), printable(name_)));
    }
  } else {
    session_.console.note(failure.text);
  }
  const bool told = failure.problem && !is_temporary(*failure.problem);
  session_.console.note(
      told ? fmt::format("hint: nothing from line {} on was published", batch.line_numbers.front())
           : fmt::format("hint: whether {} were published is not known; nothing "
                         "after them was",
                         lines(batch)));
}

void PublishStream::show_progress() {
  const auto seconds =
      std::chrono::duration<double>(session_.world.clock().monotonic() - started_).count();
  session_.console.progress(
      fmt::format("published {} ({} duplicates), {:.0f} a second", total_.events, total_.duplicates,
                  static_cast<double>(total_.events) / std::max(seconds, 0.001)));
}

int PublishStream::finish() {
  if (!session_.json) {
    session_.console.print_line(
        fmt::format("published {} ({} duplicates), cursor {}", total_.events, total_.duplicates,
                    total_.cursor.empty() ? "unchanged" : printable(total_.cursor)));
  }
  const int written = session_.finish();
  return exit_code_ != 0 ? exit_code_ : written;
}

}  // namespace bitvault::cli
