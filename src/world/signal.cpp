#include "world/signal.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace bitvault {

// A wait while it lasts. A coroutine that is destroyed in it leaves the signal as well.
class Signal::Waiting {
 public:
  explicit Waiting(Signal& signal) : signal_(signal), channel_(signal.executor_, 1) {
    const std::scoped_lock lock(signal_.mutex_);
    signal_.waiter_ = &channel_;
    if (signal_.notified_) {
      channel_.try_send(boost::system::error_code{});
    }
  }
  ~Waiting() {
    const std::scoped_lock lock(signal_.mutex_);
    signal_.waiter_ = nullptr;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  // Ends with a notification or with the caller's cancellation.
  [[nodiscard]] Task<> notified() {
    const auto [error] =
        co_await channel_.async_receive(boost::asio::as_tuple(boost::asio::use_awaitable));
    static_cast<void>(error);
  }

 private:
  Signal& signal_;
  Channel channel_;
};

void Signal::notify() {
  const std::scoped_lock lock(mutex_);
  if (!std::exchange(notified_, true) && waiter_ != nullptr) {
    waiter_->try_send(boost::system::error_code{});
  }
}

Task<bool> Signal::wait(World& world, Duration patience) {
  using boost::asio::experimental::awaitable_operators::operator||;
  const bool cancelled = co_await is_cancelled();
  if (cancelled) {
    co_return false;
  }
  {
    Waiting waiting(*this);
    auto notified = waiting.notified();
    auto elapsed = world.sleep(patience);
    const auto first = co_await (std::move(notified) || std::move(elapsed));
    static_cast<void>(first);
  }
  const bool cancelled_meanwhile = co_await is_cancelled();
  const std::scoped_lock lock(mutex_);
  co_return !cancelled_meanwhile && std::exchange(notified_, false);
}

}  // namespace bitvault
