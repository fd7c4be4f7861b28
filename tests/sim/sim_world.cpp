#include "sim_world.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace bitvault::sim {
namespace {

constexpr WallTime kStart = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);

}  // namespace

Duration SimClock::elapsed() const {
  return Duration(scheduler_.now().count() * (1'000'000 + options_.drift_ppm) / 1'000'000);
}

WallTime SimClock::wall() const { return kStart + options_.wall_offset + elapsed(); }

MonotonicTime SimClock::monotonic() const {
  return MonotonicTime(options_.monotonic_offset + elapsed());
}

void SimRandom::fill(std::span<std::byte> bytes) {
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(dice_.next());
  }
}

// A timer of the scheduler, as long as its owner waits for it.
class SimWorld::Alarm {
 public:
  Alarm(SimWorld& world, const Executor& executor, Duration delay)
      : scheduler_(world.scheduler_),
        rung_(executor, 1),
        timer_(scheduler_.start_timer(world.id_, delay,
                                      [this] { rung_.try_send(boost::system::error_code{}); })) {}
  ~Alarm() { scheduler_.cancel_timer(timer_); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // Also ends when the caller is cancelled.
  Task<> wait() {
    const auto [error] =
        co_await rung_.async_receive(boost::asio::as_tuple(boost::asio::use_awaitable));
    static_cast<void>(error);
  }

 private:
  Scheduler& scheduler_;
  boost::asio::experimental::concurrent_channel<void(boost::system::error_code)> rung_;
  Scheduler::TimerId timer_;
};

SimWorld::SimWorld(Scheduler& scheduler, const SimClock& clock)
    : scheduler_(scheduler),
      clock_(clock),
      id_(scheduler.new_process()),
      random_(scheduler.dice().fork()) {}

SimWorld::~SimWorld() {
  kill();
  destroy();
}

Task<> SimWorld::sleep(Duration delay) {
  const bool cancelled = co_await is_cancelled();
  if (cancelled) {
    co_return;
  }
  const auto executor = co_await boost::asio::this_coro::executor;
  Alarm alarm(*this, executor, delay);
  co_await alarm.wait();
}

void SimWorld::post(Job job) {
  if (alive_) {
    scheduler_.post(id_, std::move(job));
  }
  // Otherwise the job goes unrun, and with it the coroutine that it would have resumed.
}

void SimWorld::post_after(Duration delay, Job job) {
  if (alive_) {
    scheduler_.start_timer(id_, delay, std::move(job));
  }
}

void SimWorld::kill() {
  if (alive_) {
    alive_ = false;
    scheduler_.drop(id_);
    shutdown();
  }
}

}  // namespace bitvault::sim
