#include "net/real_world.h"

#include <openssl/rand.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/check.h"

namespace bitvault {
namespace {

class RealClock final : public Clock {
 public:
  WallTime wall() const override {
    return std::chrono::floor<Duration>(std::chrono::system_clock::now());
  }
  MonotonicTime monotonic() const override {
    return std::chrono::floor<Duration>(std::chrono::steady_clock::now());
  }
};

class RealRandom final : public Random {
 public:
  void fill(std::span<std::byte> bytes) override {
    check(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()),
                     static_cast<int>(bytes.size())) == 1,
          "the operating system gives random bytes");
  }
};

}  // namespace

RealWorld::RealWorld()
    : clock_(std::make_unique<RealClock>()), random_(std::make_unique<RealRandom>()) {}

RealWorld::~RealWorld() = default;

const Clock& RealWorld::clock() const { return *clock_; }

Random& RealWorld::random() { return *random_; }

Task<> RealWorld::sleep(Duration delay) {
  const bool cancelled = co_await is_cancelled();
  if (cancelled) {
    co_return;
  }
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, delay);
  const auto [error] = co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  static_cast<void>(error);  // a cancelled wait only ends early
}

}  // namespace bitvault
