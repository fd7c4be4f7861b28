// The Writer commits. Requests wait in a bounded queue in which tenants take turns; a job on the
// writer's executor takes what waits into one transaction of the database, while the next ones
// gather: one fsync for them all. A tenant's requests are done in the order in which they came.
//
// Each request of a batch is answered for itself: a refused one affects no other. When storage
// fails before the COMMIT, nothing was committed and all get kUnavailable. When the COMMIT itself
// fails, the writer stops, opens the database anew and finds out (see recover()); requests whose
// fate that does not tell get kOutcomeUnknown. While it is stopped it tries again with the next
// request or health(), at most once per kRecoverEvery.
//
// submit() and health() are thread-safe; the rest runs on the writer's executor.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/fair_queue.h"
#include "store/sqlite/batch.h"
#include "store/sqlite/checkpointer.h"
#include "store/sqlite/jobs.h"

namespace bitvault {

struct WriterLimits {
  std::size_t queue_requests_max = 8'192;
  std::size_t queue_bytes_max = 64 * 1024 * 1024;
  std::size_t tenant_requests_max = 2'048;  // of one tenant in the queue
  std::size_t tenant_bytes_max = 16 * 1024 * 1024;
  std::size_t batch_requests_max = 512;
  std::size_t batch_events_max = 1'000;  // this and the next: more only as a single request
  std::size_t batch_bytes_max = 16 * 1024 * 1024;
  std::size_t tenants_max = 100'000;
  // The checkpointer copies the WAL each time that it has grown by so much.
  std::int64_t checkpoint_bytes = 96 * 1024 * 1024;
  // Beyond this the writer copies all that the checkpointer has left, and waits for the readers.
  std::int64_t wal_bytes_max = 256 * 1024 * 1024;
};

// What a request counts against the limits, and whose it is.
struct RequestCost {
  std::string tenant = {};  // empty: of the installation
  std::size_t events = 0;
  std::size_t bytes = 0;
};

class WriteRequest {
 public:
  explicit WriteRequest(RequestCost request_cost) : cost(std::move(request_cost)) {}
  virtual ~WriteRequest() = default;
  WriteRequest(const WriteRequest&) = delete;
  WriteRequest& operator=(const WriteRequest&) = delete;

  // Does it inside a batch and keeps the answer; may be done again in another batch.
  virtual void apply(Batch& batch) = 0;
  // Resumes the caller: with the answer of the last apply(), or with an error.
  virtual void complete() = 0;
  virtual void refuse(const Error& error) = 0;

  const RequestCost cost;
};

class Writer {
 public:
  static constexpr Duration kRecoverEvery = std::chrono::milliseconds(100);

  Writer(std::string file, std::string vfs, WriterLimits limits, World& world, Directory& directory,
         Checkpointer& checkpointer, HeadListener listener, JobPoster jobs);

  // Opens the database and fills the directory, before the first submit().
  [[nodiscard]] Status open();

  template <class Operation>
  [[nodiscard]] Task<typename Operation::Answer> submit(Operation operation, RequestCost cost);

  [[nodiscard]] Status health();

 private:
  using Requests = std::vector<std::unique_ptr<WriteRequest>>;

  template <class Operation, class Handler>
  class Request;

  void push(std::unique_ptr<WriteRequest> request);
  [[nodiscard]] bool has_room(const RequestCost& cost) const;
  void post_drain();
  void drain();
  [[nodiscard]] bool runs();
  [[nodiscard]] Requests take();
  void refuse_queue();

  void commit(Requests requests, Batch::LookUp look_up);
  [[nodiscard]] std::optional<SqliteFailure> build(Batch& batch, const Requests& requests);
  void commit_alone(Requests requests);
  void roll_back();
  void settle(const Batch& batch, const Requests& requests, const Error& error);
  [[nodiscard]] std::optional<Directory::Changes::value_type> witness(const Batch& batch) const;
  void bound_wal();

  void connect();
  void prove();
  [[nodiscard]] bool recover();
  void announce(const Directory::Moved& moved) const;
  void set_trouble(std::optional<Error> trouble);

  const std::string file_;
  const std::string vfs_;
  const WriterLimits limits_;
  World& world_;
  Directory& directory_;
  Checkpointer& checkpointer_;
  const HeadListener listener_;
  const JobPoster jobs_;

  // Used on the writer's executor alone.
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<WriteStatements> sql_;
  std::int64_t restart_at_;
  bool stopped_ = false;

  std::mutex mutex_;
  // By tenant. This and the following: guarded by mutex_.
  FairQueue<std::unique_ptr<WriteRequest>> queue_;
  bool drain_posted_ = false;
  bool trial_wanted_ = false;
  std::optional<Error> trouble_;
  MonotonicTime last_trial_;
};

template <class Operation, class Handler>
class Writer::Request final : public WriteRequest {
 public:
  using Answer = typename Operation::Answer;

  Request(Operation operation, RequestCost cost, Handler handler)
      : WriteRequest(std::move(cost)),
        operation_(std::move(operation)),
        caller_(std::move(handler)) {}

  void apply(Batch& batch) override { answer_.emplace(batch.apply(operation_)); }
  void complete() override { caller_.resume(std::move(*answer_)); }
  void refuse(const Error& error) override { caller_.resume(fail(error)); }

 private:
  Operation operation_;
  Caller<Answer, Handler> caller_;
  std::optional<Answer> answer_;
};

template <class Operation>
Task<typename Operation::Answer> Writer::submit(Operation operation, RequestCost cost) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                     void(typename Operation::Answer)>(
      [this, cost = std::move(cost)](auto handler, Operation queued) mutable {
        using Handler = decltype(handler);
        push(std::make_unique<Request<Operation, Handler>>(std::move(queued), std::move(cost),
                                                           std::move(handler)));
      },
      boost::asio::use_awaitable, std::move(operation));
}

}  // namespace bitvault
