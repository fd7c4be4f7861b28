#include "watch/disk_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/check.h"
#include "watch/beneath.h"

namespace bitvault::watch {
namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;

struct Stat {
  mode_t mode = 0;
  Identity identity;
  FileState file;
  std::int64_t changed_ns = 0;
  std::uint32_t links = 1;
};

std::int64_t nanoseconds(std::int64_t seconds, std::int64_t rest) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kSecondsMax = 9'000'000'000;  // no overflow; the year 2255
  return std::clamp(seconds, -kSecondsMax, kSecondsMax) * kSecond + rest;
}

std::int64_t nanoseconds(const statx_timestamp& time) {
  return nanoseconds(time.tv_sec, time.tv_nsec);
}

// `name` empty: of the descriptor itself. Without a result errno tells why.
std::optional<Stat> stat_of(int fd, const char* name) {
  struct statx found{};
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name == '\0' ? AT_EMPTY_PATH : 0);
  if (::statx(fd, name, flags, STATX_BASIC_STATS | STATX_BTIME, &found) != 0) {
    return std::nullopt;
  }
  const bool born = (found.stx_mask & STATX_BTIME) != 0;
  return Stat{.mode = found.stx_mode,
              .identity = {.device = makedev(found.stx_dev_major, found.stx_dev_minor),
                           .inode = found.stx_ino,
                           .born_ns = born ? nanoseconds(found.stx_btime) : 0},
              .file = {.size = found.stx_size,
                       .modified_ns = nanoseconds(found.stx_mtime),
                       .checksum = std::nullopt},
              .changed_ns = nanoseconds(found.stx_ctime),
              .links = found.stx_nlink};
}

bool is_same_state(const Stat& a, const Stat& b) {
  return a.file == b.file && a.changed_ns == b.changed_ns;
}

// What an error of open(2) or statx(2) says of a folder or file.
LookError error_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
      return LookError::kGone;
    case EMFILE:
    case ENFILE:
      return LookError::kNoDescriptors;
    case ENOMEM:
      return LookError::kNoMemory;
    default:
      return LookError::kUnreadable;
  }
}

// Of a file that could not be looked at.
Content unseen(int error) {
  const LookError why = error_of(error);
  Content content;
  if (is_lack(why)) {
    content.lack = why;
  }
  return content;
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
};

// SHA-256 of the first `size` bytes; nothing when they cannot be read.
std::optional<Digest> digest_of(int fd, std::uint64_t size) {
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(::EVP_MD_CTX_new());
  check(context != nullptr && ::EVP_DigestInit_ex(context.get(), ::EVP_sha256(), nullptr) == 1,
        "SHA-256 begins");
  std::vector<char> chunk(std::min<std::uint64_t>(kChunkBytes, size));
  for (std::uint64_t done = 0; done < size;) {
    const ssize_t got =
        ::read(fd, chunk.data(), std::min<std::uint64_t>(chunk.size(), size - done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return std::nullopt;
    }
    const auto bytes = static_cast<std::size_t>(got);
    check(::EVP_DigestUpdate(context.get(), chunk.data(), bytes) == 1, "SHA-256 goes on");
    done += bytes;
  }
  Digest digest;
  check(::EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()),
                             nullptr) == 1,
        "SHA-256 ends");
  return digest;
}

}  // namespace

std::expected<Identity, LookError> DiskTree::root() {
  const FileDescriptor fd = open_beneath(directory_, "", O_PATH | O_DIRECTORY);
  const auto stat = fd ? stat_of(fd.get(), "") : std::nullopt;
  if (!stat) {
    return std::unexpected(error_of(errno));
  }
  return stat->identity;
}

std::expected<Listing, LookError> DiskTree::list(const std::string& path) {
  FileDescriptor fd = open_beneath(directory_, path, O_RDONLY | O_DIRECTORY);
  const auto own = fd ? stat_of(fd.get(), "") : std::nullopt;
  if (!own) {
    return std::unexpected(error_of(errno));
  }
  const std::unique_ptr<DIR, CloseFolder> folder(::fdopendir(fd.get()));
  if (folder == nullptr) {
    return std::unexpected(error_of(errno));
  }
  const int inside = fd.release();
  Listing listing{.identity = own->identity, .entries = {}};
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(folder.get());
    if (entry == nullptr) {
      break;
    }
    const std::string_view name = entry->d_name;
    const bool interesting =
        entry->d_type == DT_REG || entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
    if (name == "." || name == ".." || !interesting) {
      continue;
    }
    const auto stat = stat_of(inside, entry->d_name);
    if (!stat && error_of(errno) != LookError::kGone) {
      return std::unexpected(error_of(errno));
    }
    if (stat && (S_ISREG(stat->mode) || S_ISDIR(stat->mode))) {
      listing.entries.push_back({.name = std::string(name),
                                 .kind = S_ISDIR(stat->mode) ? Kind::kFolder : Kind::kFile,
                                 .identity = stat->identity,
                                 .size = stat->file.size,
                                 .modified_ns = stat->file.modified_ns,
                                 .links = stat->links});
    }
  }
  if (errno != 0) {
    return std::unexpected(error_of(errno));
  }
  std::ranges::sort(listing.entries, {}, &Seen::name);
  return listing;
}

Content DiskTree::read(const std::string& path, std::uint64_t bytes_max) {
  // O_PATH first: it opens whatever is there without touching it, a pipe or a device too.
  const FileDescriptor found = open_beneath(directory_, path, O_PATH);
  const auto before = found ? stat_of(found.get(), "") : std::nullopt;
  if (!before) {
    return unseen(errno);
  }
  if (!S_ISREG(before->mode)) {
    return {};
  }
  Content content{.state = Content::State::kKnown,
                  .identity = before->identity,
                  .file = before->file,
                  .touched_ns = before->changed_ns};
  if (before->file.size > bytes_max) {
    return content;
  }
  const FileDescriptor fd = open_beneath(directory_, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  const auto opened = fd ? stat_of(fd.get(), "") : std::nullopt;
  if (!opened) {
    if (error_of(errno) != LookError::kUnreadable) {
      return unseen(errno);
    }
    return content;  // it is there, but its content is not for us
  }
  content.file.checksum = digest_of(fd.get(), before->file.size);
  const auto after = stat_of(fd.get(), "");
  if (opened->identity != before->identity || !after || !is_same_state(*before, *after)) {
    content.state = Content::State::kChanging;
    content.file.checksum.reset();
  }
  return content;
}

}  // namespace bitvault::watch
