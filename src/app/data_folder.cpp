#include "app/data_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/text.h"

namespace bitvault::app {
namespace {

constexpr std::string_view kMasterKeyCheck = "master_key_check";
constexpr std::size_t kKeyFileBytesMax = 4'096;

std::unexpected<Error> cannot(std::string_view verb, const std::filesystem::path& file) {
  return fail(Code::kInvalid,
              fmt::format("cannot {} {}: {}", verb, file.string(), std::strerror(errno)));
}

// A file descriptor that is closed when it goes.
class File {
 public:
  File(const std::filesystem::path& path, int flags) : fd_(::open(path.c_str(), flags, 0600)) {}
  ~File() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

// The file's text without white space at its end; nothing when there is no such file.
Result<std::optional<std::string>> read_key_file(const std::filesystem::path& path) {
  const File file(path, O_RDONLY | O_CLOEXEC);
  if (!file.is_open()) {
    return errno == ENOENT ? Result<std::optional<std::string>>(std::nullopt)
                           : cannot("read", path);
  }
  struct stat status = {};
  if (::fstat(file.fd(), &status) != 0) {
    return cannot("read", path);
  }
  if ((status.st_mode & 077) != 0) {
    return fail(Code::kInvalid, fmt::format("{} can be read by others; run: chmod 600 {}",
                                            path.string(), path.string()));
  }
  std::string text(kKeyFileBytesMax, '\0');
  const ssize_t count = ::read(file.fd(), text.data(), text.size());
  if (count < 0) {
    return cannot("read", path);
  }
  text.resize(static_cast<std::size_t>(count));
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

// Writes a file of mode 0600 whose bytes are on disk, in place of what a crash left of it.
Status write_draft(const std::filesystem::path& draft, const std::string& text) {
  if (::unlink(draft.c_str()) != 0 && errno != ENOENT) {
    return cannot("write", draft);
  }
  const File file(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC);
  if (!file.is_open()) {
    return cannot("write", draft);
  }
  errno = ENOSPC;  // of a write that ends early
  if (::write(file.fd(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(file.fd()) != 0) {
    return cannot("write", draft);
  }
  return {};
}

// The text of the file, which is written with `made` unless it is there, and whose name is on disk
// from now on: whoever wrote it may have died before. After a crash it is there whole or not at
// all. Of processes that come at the same time one writes it, and all read what it wrote.
Result<std::string> ensure_key_file(const std::filesystem::path& path, const std::string& made) {
  const File folder(path.has_parent_path() ? path.parent_path() : ".", O_RDONLY | O_CLOEXEC);
  const bool locked = folder.is_open() && ::flock(folder.fd(), LOCK_EX) == 0;
  const int lock_error = errno;
  Result<std::optional<std::string>> present = read_key_file(path);
  if (!present) {
    return fail(std::move(present.error()));
  }
  if (!locked) {
    errno = lock_error;  // a folder that we may not open is none that we wrote to
    return *present ? Result<std::string>(std::move(**present)) : cannot("write", path);
  }
  if (!*present) {
    const std::filesystem::path draft = path.string() + ".new";
    if (Status written = write_draft(draft, made + "\n"); !written) {
      return fail(std::move(written.error()));
    }
    if (::rename(draft.c_str(), path.c_str()) != 0) {
      return cannot("write", path);
    }
  }
  if (::fsync(folder.fd()) != 0) {
    return cannot("sync the folder of", path);
  }
  return present->value_or(made);
}

std::optional<SecretKey> parse_key(std::string_view text) {
  const auto raw = from_base64url(text);
  if (!raw || raw->size() != 32) {
    return std::nullopt;
  }
  return SecretKey(as_bytes(*raw).first<32>());
}

SecretKey make_key(Random& random) {
  std::array<std::byte, 32> bytes;
  random.fill(bytes);
  return SecretKey{std::span<const std::byte, 32>(bytes)};
}

}  // namespace

Task<Result<SecretKey>> open_master_key(std::filesystem::path file, World& world, Store& store) {
  Result<std::optional<std::string>> text = read_key_file(file);
  if (!text) {
    co_return fail(std::move(text.error()));
  }
  Result<std::optional<std::string>> check = co_await store.setting(std::string(kMasterKeyCheck));
  if (!check) {
    co_return fail(std::move(check.error()));
  }
  if (!*text && *check) {
    co_return fail(Code::kInvalid,
                   fmt::format("the store was made with a master key, but {} is missing; put it "
                               "back from its backup",
                               file.string()));
  }
  const bool was_there = text->has_value();
  if (!*check) {
    Result<std::string> ensured =
        ensure_key_file(file, base64url(make_key(world.random()).reveal()));
    if (!ensured) {
      co_return fail(std::move(ensured.error()));
    }
    *text = std::move(*ensured);
  }
  const std::optional<SecretKey> key = parse_key(**text);
  if (!key) {
    co_return fail(Code::kInvalid,
                   fmt::format("{} is not a master key: 32 bytes in base64url", file.string()));
  }
  const std::string expected = hex(key->derive("check", "").reveal());
  if (*check && **check != expected) {
    co_return fail(Code::kInvalid, fmt::format("{} is not the master key that the store was made "
                                               "with; put the right one back",
                                               file.string()));
  }
  if (!*check) {
    if (was_there) {
      spdlog::warn("the store is new, but {} is not: if journal.db was lost, stop and restore it",
                   file.string());
    }
    Status stored = co_await store.put_setting(std::string(kMasterKeyCheck), expected);
    if (!stored) {
      co_return fail(std::move(stored.error()));
    }
  }
  co_return *key;
}

Task<Result<OperatorKeyFile>> open_operator_key(std::filesystem::path file, Keys& keys) {
  Result<std::optional<std::string>> text = read_key_file(file);
  if (!text) {
    co_return fail(std::move(text.error()));
  }
  Result<bool> known = co_await keys.has_operator_key();
  if (!known) {
    co_return fail(std::move(known.error()));
  }
  if (!*text && *known) {  // its owner took the file away: the key itself goes on
    co_return OperatorKeyFile{std::move(file), false};
  }
  bool made = false;
  if (!*known) {
    const std::string token = keys.make_operator_token();
    Result<std::string> ensured = ensure_key_file(file, token);
    if (!ensured) {
      co_return fail(std::move(ensured.error()));
    }
    made = *ensured == token;
    *text = std::move(*ensured);
  }
  Status stored = co_await keys.set_operator_key(std::move(**text));
  if (!stored) {
    stored.error().detail = fmt::format("{}: {}", file.string(), stored.error().detail);
    co_return fail(std::move(stored.error()));
  }
  co_return OperatorKeyFile{std::move(file), made};
}

}  // namespace bitvault::app
