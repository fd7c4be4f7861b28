// SIGINT and SIGTERM as something to wait for.
//
// While a StopSignal lives, both signals make fd() readable for good instead of ending the process,
// and a write to a closed pipe fails instead of raising SIGPIPE. One at a time.
#pragma once

#include <csignal>

#include "base/time.h"

namespace bitvault::cli {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();  // the signals do again what they did before
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  [[nodiscard]] int fd() const { return read_fd_; }
  [[nodiscard]] bool stopped() const;
  // Waits; true as soon as a signal has come.
  [[nodiscard]] bool stopped_within(Duration patience) const;

  enum class Ready { kInput, kTimeout, kStopped };
  // Waits until `input_fd` can be read (or has ended), at most `patience`; none: for ever.
  [[nodiscard]] Ready wait_for_input(int input_fd, const Duration* patience) const;

 private:
  int read_fd_ = -1;
  int write_fd_ = -1;
  struct sigaction old_int_{};
  struct sigaction old_term_{};
  struct sigaction old_pipe_{};
};

}  // namespace bitvault::cli
