#include "store/sqlite/job_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <future>

namespace bitvault {
namespace {

TEST(JobGate, KeepsJobsOutOnceItIsClosed) {
  JobGate gate;
  EXPECT_TRUE(gate.enter());
  gate.leave();
  gate.close();
  EXPECT_FALSE(gate.enter());
}

TEST(JobGate, WaitsForTheJobsInside) {
  boost::asio::thread_pool pool(1);
  JobGate gate;
  std::promise<void> inside;
  std::promise<void> go_on;
  std::atomic<bool> ended{false};
  boost::asio::post(pool, [&] {
    EXPECT_TRUE(gate.enter());
    inside.set_value();
    go_on.get_future().wait();
    ended = true;
    gate.leave();
  });
  inside.get_future().wait();
  auto closed = std::async(std::launch::async, [&] {
    gate.close();
    return ended.load();
  });
  go_on.set_value();
  EXPECT_TRUE(closed.get());
  pool.join();
}

}  // namespace
}  // namespace bitvault
