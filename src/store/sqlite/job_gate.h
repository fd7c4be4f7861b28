// A JobGate stands between a store and the jobs that it posted on executors which outlive it.
//
// Each job holds the gate and enters through it. close() waits for the jobs that are inside and
// keeps out all others, also those that an executor only runs later: from then on nothing touches
// the store any more. With a single thread nothing is inside while close() runs, so nothing waits.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace bitvault {

class JobGate {
 public:
  [[nodiscard]] bool enter() {
    const std::scoped_lock lock(mutex_);
    inside_ += closed_ ? 0 : 1;
    return !closed_;
  }
  void leave() {
    const std::scoped_lock lock(mutex_);
    if (--inside_ == 0) {
      empty_.notify_all();
    }
  }
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    empty_.wait(lock, [this] { return inside_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable empty_;
  std::size_t inside_ = 0;  // guarded by mutex_
  bool closed_ = false;     // guarded by mutex_
};

}  // namespace bitvault
