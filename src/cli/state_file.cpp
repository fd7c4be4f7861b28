#include "cli/state_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "cli/config_file.h"

namespace bitvault::cli {
namespace {

constexpr std::size_t kCursorBytesMin = 16;
constexpr std::size_t kCursorBytesMax = 4096;

std::unexpected<Error> failed(std::string_view what, const std::string& path) {
  return fail(Code::kInvalid, fmt::format("cannot {} {}: {}", what, path, std::strerror(errno)));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) {
      return false;
    }
    text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
  return true;
}

bool sync_folder(const std::string& path) {
  auto folder = std::filesystem::path(path).parent_path();
  const int fd = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return false;
  }
  const bool synced = fsync(fd) == 0;
  close(fd);
  return synced;
}

}  // namespace

bool looks_like_cursor(std::string_view text) {
  return text.size() >= kCursorBytesMin && text.size() <= kCursorBytesMax &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

Result<std::optional<std::string>> load_cursor(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    return std::nullopt;
  }
  auto text = read_file(path);
  if (!text) {
    return fail(std::move(text.error()));
  }
  text->erase(text->find_last_not_of(" \r\n") + 1);
  if (!looks_like_cursor(*text)) {
    return fail(Code::kInvalid,
                fmt::format("{} holds no cursor; remove it to start without one", path));
  }
  return *std::move(text);
}

Status save_cursor(const std::string& path, std::string_view cursor) {
  std::string temporary = path + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);  // mode 0600
  if (fd < 0) {
    return failed("write", path);
  }
  const bool written = write_all(fd, fmt::format("{}\n", cursor)) && fsync(fd) == 0;
  const int error = errno;
  close(fd);
  if (!written || rename(temporary.c_str(), path.c_str()) != 0) {
    errno = written ? errno : error;
    auto failure = failed("write", path);
    unlink(temporary.c_str());
    return failure;
  }
  return sync_folder(path) ? Status{} : failed("write", path);
}

}  // namespace bitvault::cli
