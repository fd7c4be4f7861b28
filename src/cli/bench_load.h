// What a run of `bench` asks the server for, connection by connection ("line"). No I/O.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cli/api_client.h"
#include "cli/bench_events.h"
#include "cli/bench_report.h"

namespace bitvault::cli {

// The events that were published and not yet seen, and when their publish was due.
class Unseen {
 public:
  void expect(std::uint64_t first, std::uint64_t count, MonotonicTime due);
  // The publish of these failed: nobody knows whether they will be seen.
  void forget(std::uint64_t first, std::uint64_t count);
  // When the event was due; nothing when it is not expected (any more).
  [[nodiscard]] std::optional<MonotonicTime> take(std::uint64_t number);
  [[nodiscard]] std::uint64_t count() const { return due_.size(); }

 private:
  std::unordered_map<std::uint64_t, MonotonicTime> due_;
};

class BenchLoad {
 public:
  virtual ~BenchLoad() = default;
  [[nodiscard]] virtual std::string_view accept() const = 0;
  // The line's next request; its body lives until the one after.
  [[nodiscard]] virtual Call next(std::size_t line, MonotonicTime due) = 0;
  // It was answered with 2xx: counts its events and bytes. False: not by BitVault Events.
  [[nodiscard]] virtual bool answered(std::size_t line, const net::HttpAnswer& answer,
                                      BenchTally& tally) = 0;
  virtual void failed(std::size_t line) = 0;
};

// Publishes; what it published is expected in `unseen`, when given.
class PublishLoad final : public BenchLoad {
 public:
  PublishLoad(const BenchPlan& plan, std::string path, const BenchEvents& events, Unseen* unseen);

  [[nodiscard]] std::string_view accept() const override { return "application/json"; }
  [[nodiscard]] Call next(std::size_t line, MonotonicTime due) override;
  [[nodiscard]] bool answered(std::size_t line, const net::HttpAnswer& answer,
                              BenchTally& tally) override;
  void failed(std::size_t line) override;

 private:
  struct Request {
    std::uint64_t first = 0;
    std::string body;
  };

  std::uint64_t batch_;
  std::string path_;
  const BenchEvents& events_;
  Unseen* unseen_;
  std::uint64_t next_ = 0;
  std::vector<Request> requests_;  // by line
};

// Reads pages from the oldest event to the head, and begins anew.
class FeedLoad final : public BenchLoad {
 public:
  FeedLoad(const BenchPlan& plan, std::string path);

  [[nodiscard]] std::string_view accept() const override { return "application/x-ndjson"; }
  [[nodiscard]] Call next(std::size_t line, MonotonicTime due) override;
  [[nodiscard]] bool answered(std::size_t line, const net::HttpAnswer& answer,
                              BenchTally& tally) override;
  void failed(std::size_t line) override { cursors_.at(line).clear(); }

 private:
  std::uint64_t batch_;
  std::string path_;
  std::vector<std::string> cursors_;  // by line; empty: from the oldest event
};

}  // namespace bitvault::cli
