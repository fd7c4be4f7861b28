#include "bus/head_bus.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "net/real_world.h"

namespace bitvault {
namespace {

const TenantName kAcme = *TenantName::parse("acme");
const TenantName kOther = *TenantName::parse("other");

// What one wait of `signal` says, with no patience at all: only a notification that came before.
bool notified(boost::asio::io_context& context, Signal& signal) {
  RealWorld world;
  bool came = false;
  boost::asio::co_spawn(
      context, [&]() -> Task<> { came = co_await signal.wait(world, Duration{0}); },
      [](std::exception_ptr) {});
  context.restart();
  context.run();
  return came;
}

TEST(HeadBus, WakesOnlyTheTenantsOwnListeners) {
  boost::asio::io_context context;
  HeadBus bus;
  Signal mine(context.get_executor());
  Signal also_mine(context.get_executor());
  Signal theirs(context.get_executor());
  const HeadBus::Listening a(bus, kAcme, mine);
  const HeadBus::Listening b(bus, kAcme, also_mine);
  const HeadBus::Listening c(bus, kOther, theirs);
  EXPECT_EQ(bus.listeners(), 3u);
  bus.announce(kAcme);
  EXPECT_TRUE(notified(context, mine));
  EXPECT_TRUE(notified(context, also_mine));
  EXPECT_FALSE(notified(context, theirs));
}

TEST(HeadBus, ForgetsWhoLeft) {
  boost::asio::io_context context;
  HeadBus bus;
  Signal signal(context.get_executor());
  {
    const HeadBus::Listening listening(bus, kAcme, signal);
  }
  bus.announce(kAcme);
  EXPECT_FALSE(notified(context, signal));
  EXPECT_EQ(bus.listeners(), 0u);
}

}  // namespace
}  // namespace bitvault
