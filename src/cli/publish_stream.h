// Publishes a stream of NDJSON in batches: bounded memory, one batch in flight.
//
// A batch goes out when it is full, when the input ends, and when the input pauses, so that a slow
// producer's events are not held back. Lines are published in their order; the first failure ends
// it, and the user is told from which line on nothing was published.
#pragma once

#include <string>

#include "cli/command.h"
#include "cli/ndjson.h"
#include "cli/publisher.h"

namespace bitvault::cli {

class PublishStream {
 public:
  // `name` is the input's, for messages.
  PublishStream(Session& session, int fd, std::string name);

  // Until the input's end, a failure or a signal. Gives the exit code.
  [[nodiscard]] int run();

 private:
  enum class Input { kSome, kPause, kEnd, kStopped, kFailed };

  [[nodiscard]] Input read_some();
  // Sends the batch; false when that failed, and then the exit code is set.
  [[nodiscard]] bool send_batch();
  void explain(const Failure& failure, const Batch& batch);
  void show_progress();
  [[nodiscard]] int finish();

  Session& session_;
  int fd_;
  std::string name_;
  NdjsonBatcher batcher_;
  Publisher publisher_;
  Published total_;
  MonotonicTime started_;
  int exit_code_ = 0;
};

}  // namespace bitvault::cli
