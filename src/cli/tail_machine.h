// The decisions of `tail`: what to ask next, when to try again, when to stop. No I/O, no clock.
//
// The shell asks next(), does it, and tells how it went. Positions advance only through events that
// the shell has printed: it calls page_printed() after its output was flushed, and stores cursor()
// after that, so a crash repeats events and never skips one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/backoff.h"
#include "world/world.h"

namespace bitvault::cli {

inline constexpr unsigned kTailPageEvents = 500;

enum class OnReset : std::uint8_t { kEarliest, kLatest, kFail };

struct TailPlan {
  std::string at = "latest";  // earliest, latest or a time: where to start without a cursor
  std::string cursor{};       // where to start when it is not empty
  bool follow = true;         // else: read to the head and stop
  std::uint64_t limit = 0;    // stop after so many events; 0: never
  OnReset on_reset = OnReset::kEarliest;
  bool filtered = false;  // gaps in the sequences mean nothing
};

struct TailStep {
  enum class Kind : std::uint8_t { kLocate, kRead, kFollow, kPause, kStop };
  Kind kind = Kind::kStop;
  std::uint64_t events_max = 0;  // of kRead, kFollow
  Duration pause{};              // of kPause
  int exit_code = 0;             // of kStop
};

// A page, or a piece of a stream, whose events were printed and flushed.
struct PrintedPage {
  std::string next_cursor;
  bool has_more = false;
  std::uint64_t events = 0;
  std::optional<std::uint64_t> first_sequence{};
  std::optional<std::uint64_t> last_sequence{};
};

struct CursorReset {
  std::string reason;
  std::string earliest_cursor;
  std::string latest_cursor;
};

class TailMachine {
 public:
  explicit TailMachine(TailPlan plan);

  [[nodiscard]] TailStep next() const;
  [[nodiscard]] const std::string& at() const { return plan_.at; }
  [[nodiscard]] const std::string& cursor() const { return cursor_; }

  void located(std::string cursor);
  void page_printed(PrintedPage page);
  // A stream has begun to speak, and has ended without a failure.
  void stream_begun() { succeeded(); }
  void stream_ended(Duration retry) { pause_ = retry; }
  void paused();
  void reset(const CursorReset& reset);
  // `lasting`: trying again would not help. `why` is for a person, one or more lines.
  void failed(bool lasting, std::optional<Duration> retry_after, const std::string& why,
              Random& random);
  // The user asked to stop, or the reader has gone. The first exit code stays.
  void stop(int exit_code);
  // The cursor cannot be stored: what was decided before does not matter.
  void abandon(int exit_code) { exit_code_ = exit_code; }

  // What to tell the user since the last call, for stderr.
  [[nodiscard]] std::vector<std::string> take_notes();

 private:
  void succeeded();

  TailPlan plan_;
  std::string cursor_;
  std::uint64_t printed_ = 0;
  std::optional<std::uint64_t> last_sequence_;
  bool expired_ = false;  // the next event tells how much was lost
  Backoff backoff_;
  std::optional<Duration> pause_;
  std::optional<int> exit_code_;
  std::vector<std::string> notes_;
};

}  // namespace bitvault::cli
