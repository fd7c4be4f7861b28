// Opens what lies below a directory without ever leaving it: no symbolic link is followed, not even
// in the middle of a path, and not one that is put there while the path is walked.
#pragma once

#include <string>
#include <string_view>

namespace bitvault::watch {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  int release();

 private:
  int fd_ = -1;
};

// `path` is raw bytes below `directory`, of any length; "" is the directory itself, which may be
// reached through symbolic links. `flags` are those of open(2), O_NOFOLLOW and O_CLOEXEC are added
// to the last step. Without a descriptor errno tells why.
[[nodiscard]] FileDescriptor open_beneath(const std::string& directory, std::string_view path,
                                          int flags);

}  // namespace bitvault::watch
