#include "store/sqlite/reader_pool.h"

#include <optional>

namespace bitvault {

ReaderPool::ReaderPool(std::string file, std::string vfs, ReaderLimits limits, JobPoster jobs)
    : file_(std::move(file)), vfs_(std::move(vfs)), limits_(limits), jobs_(std::move(jobs)) {}

Status ReaderPool::open() {
  try {
    give_back(borrow());
  } catch (const SqliteFailure& failure) {
    return fail(failure.error());
  }
  return {};
}

void ReaderPool::start(std::unique_ptr<Request> request) {
  bool full = false;
  {
    const std::scoped_lock lock(mutex_);
    if (running_ == limits_.connections_max) {
      full = waiting_.size() >= limits_.waiting_max;
      if (!full) {
        waiting_.push_back(std::move(request));
        return;
      }
    } else {
      ++running_;
    }
  }
  if (full) {
    request->refuse({Code::kUnavailable, "the store is busy: too many reads wait", {}});
    return;
  }
  post(std::move(request));
}

void ReaderPool::post(std::unique_ptr<Request> request) {
  jobs_.post([this, request = std::move(request)] { serve(*request); });
}

void ReaderPool::serve(Request& request) {
  std::optional<Error> error;
  try {
    auto reads = borrow();
    request.run(*reads);
    give_back(std::move(reads));
  } catch (const SqliteFailure& failure) {
    error = failure.error();
  }
  std::unique_ptr<Request> next;
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.empty()) {
      --running_;
    } else {
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
  }
  if (next) {
    post(std::move(next));
  }
  error ? request.refuse(*error) : request.complete();
}

std::unique_ptr<Reads> ReaderPool::borrow() {
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      auto reads = std::move(idle_.back());
      idle_.pop_back();
      return reads;
    }
  }
  return std::make_unique<Reads>(file_, vfs_);
}

void ReaderPool::give_back(std::unique_ptr<Reads> reads) {
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(reads));
}

}  // namespace bitvault
