// The world outside the process, as interfaces: time, randomness, waiting.
//
// Everything that is not a pure function gets a World by its constructor and nothing else: no
// now(), no timer, no random_device. net/ has the real one, tests/sim/ the simulated one, where
// time is virtual and a seed decides the order of everything.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.h"

namespace bitvault {

using Executor = boost::asio::any_io_executor;

// A coroutine that runs on the executor it was spawned on. A co_await of one is a whole statement
// or the whole initializer of a variable.
template <class T = void>
using Task = boost::asio::awaitable<T>;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime wall() const = 0;            // for records; may step
  [[nodiscard]] virtual MonotonicTime monotonic() const = 0;  // for intervals; never steps back
};

// Thread-safe. In the real world the bytes are fit for keys.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> bytes) = 0;

  // Uniform in 0 .. bound - 1; bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
};

class World {
 public:
  virtual ~World() = default;
  [[nodiscard]] virtual const Clock& clock() const = 0;
  [[nodiscard]] virtual Random& random() = 0;

  // Resumes on the caller's executor after `delay`, or at once when the caller is cancelled.
  [[nodiscard]] virtual Task<> sleep(Duration delay) = 0;
};

// Whether the calling coroutine was cancelled: a loop asks before it waits once more.
[[nodiscard]] Task<bool> is_cancelled();

}  // namespace bitvault
