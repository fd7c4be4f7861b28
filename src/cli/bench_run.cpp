#include "cli/bench_run.h"

#include <algorithm>
#include <chrono>

namespace bitvault::cli {
namespace {

using Kind = net::HttpFailure::Kind;

constexpr std::string_view kEventStream = "text/event-stream";
constexpr Duration kStreamPatience = std::chrono::seconds(10);
constexpr Duration kStreamSilenceMax = std::chrono::seconds(45);
// How long the last answers and events may take after the run's end.
constexpr Duration kGrace = std::chrono::seconds(10);
constexpr Duration kProgressPeriod = std::chrono::milliseconds(250);
// In a closed loop a line rests after a failure, or a server that is gone would be asked as fast as
// it refuses.
constexpr Duration kRest = std::chrono::milliseconds(100);

// Whether asking again cannot help a run that nobody has answered yet.
bool is_lasting(const Failure& failure) {
  if (failure.problem) {
    return !is_temporary(*failure.problem) && failure.problem->status < 500;
  }
  switch (failure.transport.value_or(Kind::kBroken)) {
    case Kind::kRefused:
    case Kind::kUnreachable:
    case Kind::kTls:
    case Kind::kTooLarge:
    case Kind::kBadUrl:
      return true;
    case Kind::kStopped:
    case Kind::kTimeout:
    case Kind::kBroken:
      return false;
  }
  return false;
}

Failure strange_stream() {
  return {.text = "error: the server gave no stream of events",
          .json = R"({"title":"The server gave no stream of events"})"};
}

std::unique_ptr<BenchLoad> make_load(const BenchPlan& plan, const std::string& path,
                                     const BenchEvents& events, Unseen& unseen) {
  switch (plan.mode) {
    case BenchMode::kPublish:
      return std::make_unique<PublishLoad>(plan, path, events, nullptr);
    case BenchMode::kFeed:
      return std::make_unique<FeedLoad>(plan, path);
    case BenchMode::kLatency:
      return std::make_unique<PublishLoad>(plan, path, events, &unseen);
  }
  return nullptr;
}

}  // namespace

BenchRun::BenchRun(Session& session, const BenchPlan& plan, const BenchEvents& events)
    : session_(session),
      plan_(plan),
      events_(events),
      load_(make_load(plan, session.api.tenant_path("/events"), events, unseen_)),
      sink_([this](std::string_view piece) { return read_stream(piece); }),
      http_(session.api.options(), plan.connections + 1),
      pacer_({}, {}, plan.rate),
      lines_(plan.connections) {
  for (std::size_t line = plan.connections; line > 0; --line) {
    free_.push_back(line - 1);
  }
}

std::expected<BenchTally, Failure> BenchRun::run() {
  if (plan_.mode == BenchMode::kLatency) {
    if (auto failure = open_stream()) {
      return std::unexpected(*std::move(failure));
    }
  }
  pacer_ = Pacer(now(), plan_.duration, plan_.rate);
  last_ = pacer_.start();
  drive();
  if (fatal_) {
    return std::unexpected(*std::move(fatal_));
  }
  finish(now());
  return std::move(tally_);
}

// Opens it at the journal's head, and waits until it speaks: what is published then is on it.
std::optional<Failure> BenchRun::open_stream() {
  const auto located =
      session_.api.call({.path = session_.api.tenant_path("/cursor"), .query = {{"at", "latest"}}});
  if (!located) {
    return located.error();
  }
  const auto document = Json::parse(located->body);
  const Call call{.path = session_.api.tenant_path("/events"),
                  .query = {{"cursor", document ? document->text_of("cursor") : ""},
                            {"subject_prefix", events_.subject_prefix()}},
                  .timeout = kStreamSilenceMax};
  http_.stream(plan_.connections, session_.api.make_request(call, kEventStream), kEventStream,
               sink_);
  const MonotonicTime begun = now();
  while (!stream_begun_ && !session_.stop.stopped()) {
    const auto ended = http_.work(kProgressPeriod);
    if (!ended.empty()) {
      auto failure = session_.api.failure_of(ended.front().answer);
      return failure ? std::move(*failure) : strange_stream();
    }
    if (now() - begun > kStreamPatience) {
      return strange_stream();
    }
  }
  return std::nullopt;
}

bool BenchRun::read_stream(std::string_view piece) {
  stream_begun_ = true;
  const MonotonicTime came = now();
  return stream_.read(piece, [&](const StreamMessage& message) {
    const auto number = events_.number_of(message.data);
    const auto due = number ? unseen_.take(*number) : std::nullopt;
    if (due) {
      tally_.seen.record(came - *due);
      last_ = came;
    }
  });
}

void BenchRun::drive() {
  while (true) {
    const MonotonicTime time = now();
    if (session_.stop.stopped()) {
      tally_.interrupted = true;
      return;
    }
    wake_rested(time);
    send_due(time);
    if (fatal_ || stream_ended_ || is_over(time)) {
      return;
    }
    for (const auto& ended : http_.work(patience(time))) {
      take(ended);
    }
    show_progress(time);
  }
}

void BenchRun::wake_rested(MonotonicTime now) {
  for (std::size_t line = 0; line < lines_.size(); ++line) {
    if (lines_[line].rests_until && *lines_[line].rests_until <= now) {
      lines_[line].rests_until.reset();
      free_.push_back(line);
    }
  }
}

void BenchRun::send_due(MonotonicTime now) {
  while (!free_.empty()) {
    const auto due = pacer_.take(now);
    if (!due) {
      return;
    }
    const std::size_t line = free_.back();
    free_.pop_back();
    lines_[line].due = *due;
    ++busy_;
    http_.send(line, session_.api.make_request(load_->next(line, *due), load_->accept()));
  }
}

void BenchRun::take(const net::HttpLines::Ended& ended) {
  if (ended.line == plan_.connections) {
    take_stream_end(ended);
    return;
  }
  --busy_;
  if (const auto failure = session_.api.failure_of(ended.answer)) {
    load_->failed(ended.line);
    take_failure(ended.line, *failure);
    return;
  }
  free_.push_back(ended.line);
  if (!load_->answered(ended.line, *ended.answer, tally_)) {
    ++tally_.errors["not_bitvault_events"];
    return;
  }
  last_ = now();
  tally_.answered.record(last_ - lines_[ended.line].due);
}

void BenchRun::take_failure(std::size_t line, const Failure& failure) {
  ++tally_.errors[failure.code()];
  if (tally_.answered.count() == 0 && is_lasting(failure)) {
    fatal_ = failure;
  }
  if (plan_.rate > 0) {
    free_.push_back(line);
    return;
  }
  const auto retry_after = failure.problem ? failure.problem->retry_after : std::nullopt;
  lines_[line].rests_until = now() + std::max(kRest, retry_after.value_or(Duration::zero()));
}

void BenchRun::take_stream_end(const net::HttpLines::Ended& ended) {
  const auto failure = session_.api.failure_of(ended.answer);
  session_.console.note(failure ? failure->text : "error: the stream has ended");
  ++tally_.errors["stream_ended"];
  stream_ended_ = true;
}

bool BenchRun::is_over(MonotonicTime now) const {
  const bool all_came = busy_ == 0 && unseen_.count() == 0;
  return now >= pacer_.end() && (all_came || now >= pacer_.end() + kGrace);
}

Duration BenchRun::patience(MonotonicTime now) const {
  Duration most = kProgressPeriod;
  const auto next = free_.empty() ? std::nullopt : pacer_.until_next(now);
  most = std::min(most, next.value_or(most));
  if (now < pacer_.end()) {
    most = std::min(most, pacer_.end() - now);
  }
  for (const Line& line : lines_) {
    most = line.rests_until ? std::min(most, *line.rests_until - now) : most;
  }
  return most;
}

void BenchRun::show_progress(MonotonicTime now) {
  if (session_.console.err_is_terminal() && now >= progress_shown_ + kProgressPeriod) {
    progress_shown_ = now;
    tally_.elapsed = now - pacer_.start();
    session_.console.progress(bench_progress(plan_, tally_));
  }
}

void BenchRun::finish(MonotonicTime now) {
  const bool cut = tally_.interrupted || stream_ended_;
  tally_.elapsed = cut ? now - pacer_.start() : std::max(plan_.duration, last_ - pacer_.start());
  tally_.overdue = pacer_.overdue(now);
  if (!cut) {
    tally_.missing = unseen_.count();
    if (busy_ > 0) {
      tally_.errors["unfinished"] += busy_;
    }
  }
}

}  // namespace bitvault::cli
