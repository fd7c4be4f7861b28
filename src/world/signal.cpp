#include "world/signal.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace bitvault {

Task<bool> Signal::wait(World& world, Duration patience) {
  using boost::asio::experimental::awaitable_operators::operator||;
  const bool cancelled = co_await is_cancelled();
  if (cancelled) {
    co_return false;
  }
  auto notified = channel_.async_receive(boost::asio::as_tuple(boost::asio::use_awaitable));
  auto elapsed = world.sleep(patience);
  const auto first = co_await (std::move(notified) || std::move(elapsed));
  if (first.index() != 0) {
    co_return false;
  }
  const auto [error] = std::get<0>(first);
  co_return !error;
}

}  // namespace bitvault
