// Posting blocking work on a given executor, and resuming the coroutine that waits for it on its
// own one.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

#include "store/sqlite/job_gate.h"
#include "world/world.h"

namespace bitvault {

// Posts the jobs of one store. The gate is shared with every job that was not run yet, because such
// a job may outlive the store.
class JobPoster {
 public:
  explicit JobPoster(Executor executor, std::shared_ptr<JobGate> gate)
      : executor_(std::move(executor)), gate_(std::move(gate)) {}

  template <class Job>
  void post(Job job) const {
    boost::asio::post(executor_, [gate = gate_, job = std::move(job)]() mutable {
      if (gate->enter()) {
        job();
        gate->leave();
      }
    });
  }

 private:
  Executor executor_;
  std::shared_ptr<JobGate> gate_;
};

// A suspended coroutine that waits for an Answer. It is resumed at most once, never from within
// resume(); one that is dropped is never resumed.
template <class Answer, class Handler>
class Caller {
 public:
  explicit Caller(Handler handler)
      : work_(boost::asio::make_work_guard(handler)), handler_(std::move(handler)) {}

  void resume(Answer answer) {
    const auto executor = work_.get_executor();
    boost::asio::post(executor, [handler = std::move(handler_), work = std::move(work_),
                                 answer = std::move(answer)]() mutable {
      std::move(handler)(std::move(answer));
    });
  }

 private:
  boost::asio::executor_work_guard<boost::asio::associated_executor_t<Handler>> work_;
  Handler handler_;
};

}  // namespace bitvault
