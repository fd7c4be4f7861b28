// What a server counts, for whoever shows it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace bitvault::http {

// A number that any thread may read or change; no order with anything else is promised.
class Counter {
 public:
  void add(std::uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  void subtract(std::uint64_t count = 1) { value_.fetch_sub(count, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

struct ServerCounters {
  Counter connections_open;         // now
  Counter connections_parked;       // now: of the open ones, those that idle and have no buffer
  Counter connections_accepted;     // turned away ones not included
  Counter connections_turned_away;  // beyond connections_max
  Counter handshakes_failed;        // of TLS: broken off, too slow, or no TLS at all
  Counter accept_failures;          // such as: no descriptor left
  Counter clients_gone;             // during a request that took long, or a stream
  Counter streams_open;             // now
  Counter streams_too_slow;         // ended because the client did not take what was sent
  std::array<Counter, 5> answers;   // by class: 1xx, 2xx, ... 5xx; refusals included
  Counter bytes_received;
  Counter bytes_sent;
};

}  // namespace bitvault::http
