#include "store/sqlite/data_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace bitvault {
namespace {

class File {
 public:
  File(const std::string& path, int flags) : descriptor_(::open(path.c_str(), flags, 0600)) {}
  ~File() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  [[nodiscard]] int get() const { return descriptor_; }
  [[nodiscard]] int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

std::unexpected<Error> refuse(const std::string& folder, std::string_view what) {
  return fail(Code::kUnavailable, fmt::format("the data folder {} {}: {}", folder, what,
                                              std::generic_category().message(errno)));
}

Status sync_folder(const std::string& path) {
  const File folder(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!folder.is_open() || ::fsync(folder.get()) != 0) {
    return refuse(path, "cannot be synced");
  }
  return {};
}

Status make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) {
    std::error_code error;
    const auto made = std::filesystem::canonical(path, error);
    return error ? refuse(path, "cannot be made") : sync_folder(made.parent_path());
  }
  if (errno != EEXIST) {
    return refuse(path, "cannot be made");
  }
  return {};
}

std::string owner(int lock) {
  std::array<char, 16> text{};
  const ssize_t size = ::pread(lock, text.data(), text.size(), 0);
  return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : "unknown";
}

}  // namespace

Result<std::unique_ptr<DataFolder>> DataFolder::own(const std::string& path) {
  if (auto made = make_folder(path); !made) {
    return fail(std::move(made.error()));
  }
  File lock(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC);
  if (!lock.is_open()) {
    return refuse(path, "cannot be used: its file lock cannot be opened");
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return refuse(path, "cannot be locked");
    }
    return fail(Code::kUnavailable,
                fmt::format("the data folder {} is in use by another bitvault-events (pid {})",
                            path, owner(lock.get())));
  }
  // The pid is for the reader of that message only: what holds is the lock.
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(lock.get(), 0) == 0) {
    static_cast<void>(::pwrite(lock.get(), pid.data(), pid.size(), 0));
  }
  return std::unique_ptr<DataFolder>(new DataFolder(path, lock.release()));
}

DataFolder::~DataFolder() { ::close(lock_); }

Status DataFolder::ensure_file(const std::string& name) {
  const File file(path_ + "/" + name, O_RDWR | O_CREAT | O_CLOEXEC);
  if (!file.is_open()) {
    return refuse(path_, fmt::format("cannot be used: its file {} cannot be opened", name));
  }
  return sync_folder(path_);
}

}  // namespace bitvault
