#include "net/real_world.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
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

void fill_from_system(std::span<std::byte> bytes) {
  check(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()),
                   static_cast<int>(bytes.size())) == 1,
        "the operating system gives random bytes");
}

// Random bytes in advance: OpenSSL takes as long for a kilobyte as for an id. What was given out is
// wiped. For one thread.
class RandomPool {
 public:
  static constexpr std::size_t kBytes = 1'024;

  void take(std::span<std::byte> bytes) {
    if (bytes.size() > kBytes - used_) {
      fill_from_system(pool_);
      used_ = 0;
    }
    const auto taken = std::span(pool_).subspan(used_, bytes.size());
    std::ranges::copy(taken, bytes.begin());
    OPENSSL_cleanse(taken.data(), taken.size());
    used_ += bytes.size();
  }

 private:
  std::array<std::byte, kBytes> pool_{};
  std::size_t used_ = kBytes;
};

class RealRandom final : public Random {
 public:
  void fill(std::span<std::byte> bytes) override {
    thread_local RandomPool pool;
    if (bytes.size() > RandomPool::kBytes) {
      fill_from_system(bytes);
    } else {
      pool.take(bytes);
    }
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
