#include "cli/stop_signal.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>

#include "base/check.h"

namespace bitvault::cli {
namespace {

std::atomic<int> signal_fd{-1};
static_assert(std::atomic<int>::is_always_lock_free);  // so a handler may read it

void on_signal(int /*signal*/) {
  const int error = errno;
  const char byte = 1;
  [[maybe_unused]] const ssize_t written = write(signal_fd.load(), &byte, 1);
  errno = error;
}

int milliseconds(const Duration* patience) {
  if (patience == nullptr) {
    return -1;
  }
  const auto count = std::chrono::ceil<std::chrono::milliseconds>(*patience).count();
  return static_cast<int>(std::clamp<std::int64_t>(count, 0, std::numeric_limits<int>::max()));
}

}  // namespace

StopSignal::StopSignal() {
  int ends[2];
  check(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, "a pipe for signals");
  read_fd_ = ends[0];
  write_fd_ = ends[1];
  signal_fd.store(write_fd_);
  struct sigaction stop{};
  stop.sa_handler = &on_signal;  // without SA_RESTART: a blocked read comes back
  sigaction(SIGINT, &stop, &old_int_);
  sigaction(SIGTERM, &stop, &old_term_);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &old_pipe_);
}

StopSignal::~StopSignal() {
  sigaction(SIGINT, &old_int_, nullptr);
  sigaction(SIGTERM, &old_term_, nullptr);
  sigaction(SIGPIPE, &old_pipe_, nullptr);
  signal_fd.store(-1);
  close(read_fd_);
  close(write_fd_);
}

bool StopSignal::stopped() const { return stopped_within(Duration::zero()); }

bool StopSignal::stopped_within(Duration patience) const {
  return wait_for_input(-1, &patience) == Ready::kStopped;
}

StopSignal::Ready StopSignal::wait_for_input(int input_fd, const Duration* patience) const {
  pollfd fds[2] = {{.fd = read_fd_, .events = POLLIN, .revents = 0},
                   {.fd = input_fd, .events = POLLIN, .revents = 0}};
  const int ready = poll(fds, 2, milliseconds(patience));
  const bool interrupted = ready < 0;  // by a signal: ours has written to the pipe by now
  if (interrupted) {
    check(errno == EINTR, "poll takes two descriptors");
    check(poll(fds, 1, 0) >= 0 || errno == EINTR, "poll takes one descriptor");
    fds[1].revents = 0;
  }
  if (fds[0].revents != 0) {
    return Ready::kStopped;
  }
  return fds[1].revents != 0 ? Ready::kInput : Ready::kTimeout;
}

}  // namespace bitvault::cli
