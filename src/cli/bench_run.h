// One run of `bench`: sends what is due, hears what comes, counts. One thread.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/bench_load.h"
#include "cli/command.h"
#include "cli/event_stream.h"
#include "cli/pacer.h"
#include "net/http_lines.h"

namespace bitvault::cli {

class BenchRun {
 public:
  BenchRun(Session& session, const BenchPlan& plan, const BenchEvents& events);

  // A failure when the run is pointless: nothing was ever answered, and nothing would be.
  [[nodiscard]] std::expected<BenchTally, Failure> run();

 private:
  struct Line {
    MonotonicTime due{};
    std::optional<MonotonicTime> rests_until{};  // after a failure
  };

  [[nodiscard]] MonotonicTime now() const { return session_.world.clock().monotonic(); }
  [[nodiscard]] std::optional<Failure> open_stream();
  [[nodiscard]] bool read_stream(std::string_view piece);
  void drive();
  void wake_rested(MonotonicTime now);
  void send_due(MonotonicTime now);
  void take(const net::HttpLines::Ended& ended);
  void take_failure(std::size_t line, const Failure& failure);
  void take_stream_end(const net::HttpLines::Ended& ended);
  [[nodiscard]] bool is_over(MonotonicTime now) const;
  [[nodiscard]] Duration patience(MonotonicTime now) const;
  void show_progress(MonotonicTime now);
  void finish(MonotonicTime now);

  Session& session_;
  const BenchPlan& plan_;
  const BenchEvents& events_;
  Unseen unseen_;
  std::unique_ptr<BenchLoad> load_;
  net::HttpClient::Sink sink_;
  EventStream stream_;
  bool stream_begun_ = false;
  bool stream_ended_ = false;
  net::HttpLines http_;  // the stream's line is the last
  Pacer pacer_;
  std::vector<Line> lines_;
  std::vector<std::size_t> free_;  // lines that neither ask nor rest
  std::size_t busy_ = 0;
  MonotonicTime last_{};  // when something last succeeded
  MonotonicTime progress_shown_{};
  std::optional<Failure> fatal_;
  BenchTally tally_;
};

}  // namespace bitvault::cli
