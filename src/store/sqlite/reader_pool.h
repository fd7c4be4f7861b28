// The ReaderPool runs reads on connections of their own, as jobs on the readers' executor.
//
// Each read is one short run of statements, so that no reader holds the WAL for long. At most
// connections_max reads run at once; those that must wait are kept in order, at most waiting_max of
// them, and what comes then is refused with kUnavailable. A connection that failed is replaced.
//
// Thread-safe.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <type_traits>
#include <vector>

#include "store/sqlite/jobs.h"
#include "store/sqlite/reads.h"

namespace bitvault {

struct ReaderLimits {
  std::size_t connections_max;
  std::size_t waiting_max;
};

class ReaderPool {
 public:
  ReaderPool(std::string file, std::string vfs, ReaderLimits limits, JobPoster jobs);

  // Opens the first connection, to find out early that it can be.
  [[nodiscard]] Status open();

  // Runs `work` on a connection and resumes with what it returned, some Result. A failure of SQLite
  // becomes its error.
  template <class Work>
  [[nodiscard]] Task<std::invoke_result_t<Work, Reads&>> run(Work work);

 private:
  class Request {
   public:
    virtual ~Request() = default;
    virtual void run(Reads& reads) = 0;
    virtual void complete() = 0;
    virtual void refuse(const Error& error) = 0;
  };
  template <class Work, class Handler>
  class RequestOf;

  void start(std::unique_ptr<Request> request);
  void post(std::unique_ptr<Request> request);
  void serve(Request& request);
  [[nodiscard]] std::unique_ptr<Reads> borrow();
  void give_back(std::unique_ptr<Reads> reads);

  const std::string file_;
  const std::string vfs_;
  const ReaderLimits limits_;
  const JobPoster jobs_;

  std::mutex mutex_;
  std::vector<std::unique_ptr<Reads>> idle_;  // this and the following: guarded by mutex_
  std::deque<std::unique_ptr<Request>> waiting_;
  std::size_t running_ = 0;
};

template <class Work, class Handler>
class ReaderPool::RequestOf final : public Request {
 public:
  using Answer = std::invoke_result_t<Work, Reads&>;

  RequestOf(Work work, Handler handler) : work_(std::move(work)), caller_(std::move(handler)) {}

  void run(Reads& reads) override { answer_.emplace(work_(reads)); }
  void complete() override { caller_.resume(std::move(*answer_)); }
  void refuse(const Error& error) override { caller_.resume(fail(error)); }

 private:
  Work work_;
  Caller<Answer, Handler> caller_;
  std::optional<Answer> answer_;
};

template <class Work>
Task<std::invoke_result_t<Work, Reads&>> ReaderPool::run(Work work) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                     void(std::invoke_result_t<Work, Reads&>)>(
      [this](auto handler, Work queued) {
        using Handler = decltype(handler);
        start(std::make_unique<RequestOf<Work, Handler>>(std::move(queued), std::move(handler)));
      },
      boost::asio::use_awaitable, std::move(work));
}

}  // namespace bitvault
