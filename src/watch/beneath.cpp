#include "watch/beneath.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace bitvault::watch {

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) {
    const int kept = errno;
    ::close(fd_);
    errno = kept;
  }
}

int FileDescriptor::release() { return std::exchange(fd_, -1); }

FileDescriptor open_beneath(const std::string& directory, std::string_view path, int flags) {
  constexpr int kStep = O_PATH | O_DIRECTORY | O_CLOEXEC;
  if (path.empty()) {
    return FileDescriptor(::open(directory.c_str(), flags | O_CLOEXEC));
  }
  FileDescriptor folder(::open(directory.c_str(), kStep));
  while (folder) {
    const std::size_t slash = path.find('/');
    const std::string name(path.substr(0, slash));
    if (slash == std::string_view::npos) {
      return FileDescriptor(::openat(folder.get(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    }
    folder = FileDescriptor(::openat(folder.get(), name.c_str(), kStep | O_NOFOLLOW));
    path.remove_prefix(slash + 1);
  }
  return folder;
}

}  // namespace bitvault::watch
