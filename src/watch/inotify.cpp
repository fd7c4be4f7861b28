#include "watch/inotify.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "watch/beneath.h"

namespace bitvault::watch {
namespace {

constexpr std::uint32_t kMask = IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE |
                                IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF |
                                IN_MOVE_SELF | IN_ONLYDIR;

WatchError error_of(int error) {
  if (error == ENOENT || error == ENOTDIR || error == ELOOP) {
    return WatchError::kGone;
  }
  return error == ENOSPC ? WatchError::kLimit : WatchError::kFailed;
}

class InotifySource final : public ChangeSource {
 public:
  InotifySource(const Executor& executor, std::string directory, int fd)
      : directory_(std::move(directory)), fd_(fd), stream_(executor, fd) {}

  std::expected<WatchId, WatchError> watch(const std::string& path) override {
    // The watch goes to what was opened, not to what the path names a moment later.
    const FileDescriptor folder = open_beneath(directory_, path, O_PATH | O_DIRECTORY);
    if (!folder) {
      return std::unexpected(error_of(errno));
    }
    const std::string opened = fmt::format("/proc/self/fd/{}", folder.get());
    const int id = ::inotify_add_watch(fd_, opened.c_str(), kMask);
    if (id < 0) {
      return std::unexpected(errno == ENOSPC ? WatchError::kLimit : WatchError::kFailed);
    }
    return WatchId{id};
  }

  void unwatch(WatchId id) override { ::inotify_rm_watch(fd_, static_cast<int>(id)); }

  Task<Changes> next() override {
    Changes changes;
    const auto [error, bytes] = co_await stream_.async_read_some(
        boost::asio::buffer(buffer_), boost::asio::as_tuple(boost::asio::use_awaitable));
    if (error && error != boost::asio::error::operation_aborted) {
      changes.everything = true;
      changes.ended = true;
    }
    for (std::size_t at = 0; at < bytes;) {
      inotify_event event{};
      std::memcpy(&event, buffer_.data() + at, sizeof event);
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        changes.everything = true;
      } else if ((event.mask & IN_IGNORED) == 0) {
        changes.folders.push_back(WatchId{event.wd});
      }
    }
    co_return changes;
  }

 private:
  const std::string directory_;
  const int fd_;  // owned by stream_
  boost::asio::posix::stream_descriptor stream_;
  alignas(inotify_event) std::array<char, 64 * 1024> buffer_{};
};

// Where there is no inotify.
class BlindSource final : public ChangeSource {
 public:
  std::expected<WatchId, WatchError> watch(const std::string& /*path*/) override {
    return std::unexpected(WatchError::kFailed);
  }
  void unwatch(WatchId /*id*/) override {}
  Task<Changes> next() override { co_return Changes{.ended = true}; }
};

}  // namespace

std::unique_ptr<ChangeSource> make_inotify_source(const Executor& executor, std::string directory) {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) {
    return std::make_unique<BlindSource>();
  }
  return std::make_unique<InotifySource>(executor, std::move(directory), fd);
}

}  // namespace bitvault::watch
