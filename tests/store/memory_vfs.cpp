#include "tests/store/memory_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "tests/sim/dice.h"

namespace bitvault::test {
namespace {

constexpr std::size_t kSector = 512;
constexpr std::size_t kShmLocks = SQLITE_SHM_NLOCK;

struct Handle;

// A write or truncation since the last sync.
struct Change {
  std::size_t offset = 0;
  std::optional<std::string> data;  // absent: truncated to `offset`

  void apply(std::string& content) const {
    if (!data) {
      content.resize(offset);
      return;
    }
    content.resize(std::max(content.size(), offset + data->size()));
    content.replace(offset, data->size(), *data);
  }
};

struct Node {
  std::string content;
  std::string synced;
  std::vector<Change> changes;  // since the last sync, unless a failed sync forgot them

  // SQLite's file locks.
  int shared = 0;
  const Handle* reserved = nullptr;
  const Handle* pending = nullptr;

  // The WAL's index.
  std::vector<std::unique_ptr<std::string>> regions;
  int mappers = 0;
  std::array<int, kShmLocks> shm_shared{};
  std::array<const Handle*, kShmLocks> shm_exclusive{};
};

struct Handle : sqlite3_file {
  MemoryVfs::Impl* vfs = nullptr;
  std::shared_ptr<Node> node;
  std::string name;
  std::uint64_t generation = 0;
  int lock = SQLITE_LOCK_NONE;
  bool delete_on_close = false;
  bool mapped = false;
  std::array<bool, kShmLocks> holds_shared{};
};

Handle& handle_of(sqlite3_file* file) { return *static_cast<Handle*>(file); }

}  // namespace

class MemoryVfs::Impl {
 public:
  explicit Impl(std::uint64_t seed);
  ~Impl() { sqlite3_vfs_unregister(&vfs_); }

  const std::string& name() const { return name_; }
  void decide_by(Decide decide) {
    const std::scoped_lock lock(mutex_);
    decide_ = std::move(decide);
  }
  std::uint64_t calls() const {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }
  void crash(Unsynced unsynced);

 private:
  using Names = std::map<std::string, std::shared_ptr<Node>, std::less<>>;

  static Impl& of(sqlite3_vfs* vfs) { return *static_cast<Impl*>(vfs->pAppData); }
  static const sqlite3_io_methods& methods();

  VfsFault decide(VfsCall::Op op, std::string_view file);
  bool is_dead(const Handle& handle) const { return dead_ || handle.generation != generation_; }
  std::shared_ptr<Node> survivor(const Node& node, Unsynced unsynced);

  // Of the file system.
  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out);
  static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder);
  static int access(sqlite3_vfs* vfs, const char* name, int flags, int* result);
  static int full_path(sqlite3_vfs*, const char* name, int size, char* out);
  static int randomness(sqlite3_vfs* vfs, int size, char* out);

  // Of a file.
  static int close(sqlite3_file* file);
  static int read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset);
  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset);
  static int truncate(sqlite3_file* file, sqlite3_int64 size);
  static int sync(sqlite3_file* file, int flags);
  static int file_size(sqlite3_file* file, sqlite3_int64* size);
  static int lock(sqlite3_file* file, int level);
  static int unlock(sqlite3_file* file, int level);
  static int check_reserved(sqlite3_file* file, int* result);
  static int shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** out);
  static int shm_lock(sqlite3_file* file, int first, int count, int flags);
  static int shm_unmap(sqlite3_file* file, int remove);

  // With the mutex held.
  void drop_locks(Handle& handle, int level);
  void drop_shm(Handle& handle);

  mutable std::mutex mutex_;
  std::string name_;
  sqlite3_vfs vfs_{};
  Decide decide_;
  sim::Dice dice_;
  std::uint64_t calls_ = 0;
  std::uint64_t generation_ = 0;
  bool dead_ = false;
  Names names_;
  Names durable_names_;
};

MemoryVfs::Impl::Impl(std::uint64_t seed) : dice_(seed) {
  static std::atomic<int> count{0};
  name_ = "memory-" + std::to_string(++count);
  vfs_.iVersion = 1;
  vfs_.szOsFile = sizeof(Handle);
  vfs_.mxPathname = 512;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = open;
  vfs_.xDelete = remove;
  vfs_.xAccess = access;
  vfs_.xFullPathname = full_path;
  vfs_.xRandomness = randomness;
  vfs_.xSleep = [](sqlite3_vfs*, int micros) {
    std::this_thread::yield();
    return micros;
  };
  vfs_.xCurrentTime = [](sqlite3_vfs*, double* days) {
    *days = 2'461'367.5;
    return SQLITE_OK;
  };
  vfs_.xGetLastError = [](sqlite3_vfs*, int, char*) { return SQLITE_OK; };
  sqlite3_vfs_register(&vfs_, 0);
}

VfsFault MemoryVfs::Impl::decide(VfsCall::Op op, std::string_view file) {
  ++calls_;
  const VfsFault fault = decide_ ? decide_({op, calls_, file}) : VfsFault{};
  dead_ = dead_ || fault.kind == VfsFault::Kind::kPowerOff;
  return fault;
}

void MemoryVfs::Impl::crash(Unsynced unsynced) {
  const std::scoped_lock lock(mutex_);
  std::map<const Node*, std::shared_ptr<Node>> survivors;
  const auto survive = [&](const Names& names) {
    Names after;
    for (const auto& [name, node] : names) {
      auto& left = survivors[node.get()];
      left = left ? left : survivor(*node, unsynced);
      after.emplace(name, left);
    }
    return after;
  };
  if (unsynced == Unsynced::kHalf) {
    std::erase_if(durable_names_, [&](const auto& entry) {
      return !names_.contains(entry.first) && dice_.next() % 2 == 0;
    });
  }
  names_ = survive(unsynced == Unsynced::kKept ? names_ : durable_names_);
  durable_names_ = survive(durable_names_);
  dead_ = false;
  ++generation_;
}

std::shared_ptr<Node> MemoryVfs::Impl::survivor(const Node& node, Unsynced unsynced) {
  auto left = std::make_shared<Node>();
  left->synced = node.synced;
  if (unsynced == Unsynced::kKept) {
    left->content = node.content;
    left->changes = node.changes;
    return left;
  }
  if (unsynced == Unsynced::kHalf) {
    for (const Change& change : node.changes) {
      if (!change.data) {
        if (dice_.next() % 2 == 0) {
          change.apply(left->synced);
        }
        continue;
      }
      for (std::size_t done = 0; done < change.data->size();) {
        const std::size_t offset = change.offset + done;
        const std::size_t size = std::min(kSector - offset % kSector, change.data->size() - done);
        if (dice_.next() % 2 == 0) {
          Change{offset, change.data->substr(done, size)}.apply(left->synced);
        }
        done += size;
      }
    }
  }
  left->content = left->synced;
  return left;
}

int MemoryVfs::Impl::open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                          int* out) {
  Impl& self = of(vfs);
  const std::scoped_lock lock(self.mutex_);
  file->pMethods = nullptr;
  const std::string path = name != nullptr ? name : "";
  const VfsFault fault = self.decide(VfsCall::Op::kOpen, path);
  if (self.dead_ || fault.kind != VfsFault::Kind::kNone) {
    return SQLITE_CANTOPEN;
  }
  auto known = self.names_.find(path);
  if (known == self.names_.end() && (flags & SQLITE_OPEN_CREATE) == 0) {
    return SQLITE_CANTOPEN;
  }
  auto node = known != self.names_.end() ? known->second : std::make_shared<Node>();
  if (name != nullptr) {
    self.names_.insert_or_assign(path, node);
  }
  auto* handle = new (static_cast<Handle*>(file)) Handle{};
  handle->pMethods = &methods();
  handle->vfs = &self;
  handle->node = std::move(node);
  handle->name = path;
  handle->generation = self.generation_;
  handle->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
  if (out != nullptr) {
    *out = flags;
  }
  return SQLITE_OK;
}

int MemoryVfs::Impl::remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  Impl& self = of(vfs);
  const std::scoped_lock lock(self.mutex_);
  const VfsFault fault = self.decide(VfsCall::Op::kDelete, name);
  const bool failed = fault.kind != VfsFault::Kind::kNone;
  if (self.dead_ || (failed && fault.kind != VfsFault::Kind::kAfter)) {
    return SQLITE_IOERR_DELETE;
  }
  if (self.names_.erase(name) == 0) {
    return SQLITE_IOERR_DELETE_NOENT;
  }
  if (sync_folder != 0) {
    self.durable_names_.erase(name);
  }
  return failed ? SQLITE_IOERR_DELETE : SQLITE_OK;
}

int MemoryVfs::Impl::access(sqlite3_vfs* vfs, const char* name, int /*flags*/, int* result) {
  Impl& self = of(vfs);
  const std::scoped_lock lock(self.mutex_);
  *result = self.names_.contains(name) ? 1 : 0;
  return self.dead_ ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

int MemoryVfs::Impl::full_path(sqlite3_vfs* /*vfs*/, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int MemoryVfs::Impl::randomness(sqlite3_vfs* vfs, int size, char* out) {
  Impl& self = of(vfs);
  const std::scoped_lock lock(self.mutex_);
  std::generate_n(out, size, [&] { return static_cast<char>(self.dice_.next() & 0xff); });
  return size;
}

const sqlite3_io_methods& MemoryVfs::Impl::methods() {
  static const sqlite3_io_methods kMethods = [] {
    sqlite3_io_methods m{};
    m.iVersion = 2;
    m.xClose = close;
    m.xRead = read;
    m.xWrite = write;
    m.xTruncate = truncate;
    m.xSync = sync;
    m.xFileSize = file_size;
    m.xLock = lock;
    m.xUnlock = unlock;
    m.xCheckReservedLock = check_reserved;
    m.xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; };
    m.xSectorSize = [](sqlite3_file*) { return 4096; };
    m.xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; };
    m.xShmMap = shm_map;
    m.xShmLock = shm_lock;
    m.xShmBarrier = [](sqlite3_file* file) {
      const std::scoped_lock lock(handle_of(file).vfs->mutex_);
    };
    m.xShmUnmap = shm_unmap;
    return m;
  }();
  return kMethods;
}

int MemoryVfs::Impl::close(sqlite3_file* file) {
  Handle& handle = handle_of(file);
  Impl& self = *handle.vfs;
  const std::scoped_lock lock(self.mutex_);
  self.drop_shm(handle);
  self.drop_locks(handle, SQLITE_LOCK_NONE);
  if (handle.delete_on_close && !self.is_dead(handle)) {
    self.names_.erase(handle.name);
  }
  handle.~Handle();
  return SQLITE_OK;
}

int MemoryVfs::Impl::read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  const Handle& handle = handle_of(file);
  Impl& self = *handle.vfs;
  const std::scoped_lock lock(self.mutex_);
  const VfsFault fault = self.decide(VfsCall::Op::kRead, handle.name);
  if (self.is_dead(handle) || fault.kind != VfsFault::Kind::kNone) {
    return SQLITE_IOERR_READ;
  }
  const std::string& content = handle.node->content;
  const auto start = std::min(static_cast<std::size_t>(offset), content.size());
  const auto found = std::min(static_cast<std::size_t>(size), content.size() - start);
  std::memcpy(out, content.data() + start, found);
  if (found < static_cast<std::size_t>(size)) {
    std::memset(static_cast<char*>(out) + found, 0, static_cast<std::size_t>(size) - found);
    return SQLITE_IOERR_SHORT_READ;
  }
  return SQLITE_OK;
}

int MemoryVfs::Impl::write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  const Handle& handle = handle_of(file);
  Impl& self = *handle.vfs;
  const std::scoped_lock lock(self.mutex_);
  const VfsFault fault = self.decide(VfsCall::Op::kWrite, handle.name);
  const int error = fault.disk_full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  if (self.is_dead(handle)) {
    return SQLITE_IOERR_WRITE;
  }
  if (fault.kind == VfsFault::Kind::kBefore) {
    return error;
  }
  const bool torn = fault.kind == VfsFault::Kind::kTorn;
  const auto written = static_cast<std::size_t>(torn ? size / 2 : size);
  Change change{static_cast<std::size_t>(offset),
                std::string(static_cast<const char*>(data), written)};
  change.apply(handle.node->content);
  handle.node->changes.push_back(std::move(change));
  return fault.kind == VfsFault::Kind::kNone ? SQLITE_OK : error;
}

int MemoryVfs::Impl::truncate(sqlite3_file* file, sqlite3_int64 size) {
  const Handle& handle = handle_of(file);
  Impl& self = *handle.vfs;
  const std::scoped_lock lock(self.mutex_);
  const VfsFault fault = self.decide(VfsCall::Op::kTruncate, handle.name);
  const bool failed = fault.kind != VfsFault::Kind::kNone;
  if (self.is_dead(handle) || (failed && fault.kind != VfsFault::Kind::kAfter)) {
    return SQLITE_IOERR_TRUNCATE;
  }
  Change change{static_cast<std::size_t>(size), std::nullopt};
  change.apply(handle.node->content);
  handle.node->changes.push_back(std::move(change));
  return failed ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

int MemoryVfs::Impl::sync(sqlite3_file* file, int /*flags*/) {
  const Handle& handle = handle_of(file);
  Impl& self = *handle.vfs;
  const std::scoped_lock lock(self.mutex_);
  const VfsFault fault = self.decide(VfsCall::Op::kSync, handle.name);
  const bool failed = fault.kind != VfsFault::Kind::kNone;
  Node& node = *handle.node;
  if (fault.kind == VfsFault::Kind::kTorn) {
    node.changes.clear();
  }
  if (self.is_dead(handle) || (failed && fault.kind != VfsFault::Kind::kAfter)) {
    return SQLITE_IOERR_FSYNC;
  }
  for (const Change& change : node.changes) {
    change.apply(node.synced);
  }
  node.changes.clear();
  if (const auto named = self.names_.find(handle.name);
      named != self.names_.end() && named->second == handle.node) {
    self.durable_names_.insert_or_assign(handle.name, handle.node);
  }
  return failed ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

int MemoryVfs::Impl::file_size(sqlite3_file* file, sqlite3_int64* size) {
  const Handle& handle = handle_of(file);
  const std::scoped_lock lock(handle.vfs->mutex_);
  *size = static_cast<sqlite3_int64>(handle.node->content.size());
  return handle.vfs->is_dead(handle) ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

int MemoryVfs::Impl::lock(sqlite3_file* file, int level) {
  Handle& handle = handle_of(file);
  const std::scoped_lock lock(handle.vfs->mutex_);
  Node& node = *handle.node;
  if (handle.vfs->is_dead(handle)) {
    return SQLITE_IOERR_LOCK;
  }
  if (handle.lock >= level) {
    return SQLITE_OK;
  }
  const auto taken = [&](const Handle* owner) { return owner != nullptr && owner != &handle; };
  if (taken(node.pending) || (level > SQLITE_LOCK_SHARED && taken(node.reserved))) {
    return SQLITE_BUSY;
  }
  if (level == SQLITE_LOCK_SHARED) {
    ++node.shared;
  } else {
    node.reserved = &handle;
  }
  if (level == SQLITE_LOCK_EXCLUSIVE) {
    node.pending = &handle;
    if (node.shared > 1) {
      handle.lock = SQLITE_LOCK_PENDING;
      return SQLITE_BUSY;
    }
  }
  handle.lock = level;
  return SQLITE_OK;
}

int MemoryVfs::Impl::unlock(sqlite3_file* file, int level) {
  Handle& handle = handle_of(file);
  const std::scoped_lock lock(handle.vfs->mutex_);
  handle.vfs->drop_locks(handle, level);
  return SQLITE_OK;
}

void MemoryVfs::Impl::drop_locks(Handle& handle, int level) {
  Node& node = *handle.node;
  if (handle.lock <= level) {
    return;
  }
  if (node.reserved == &handle) {
    node.reserved = nullptr;
  }
  if (node.pending == &handle) {
    node.pending = nullptr;
  }
  if (level == SQLITE_LOCK_NONE) {
    --node.shared;
  }
  handle.lock = level;
}

int MemoryVfs::Impl::check_reserved(sqlite3_file* file, int* result) {
  const Handle& handle = handle_of(file);
  const std::scoped_lock lock(handle.vfs->mutex_);
  *result = handle.node->reserved != nullptr ? 1 : 0;
  return SQLITE_OK;
}

int MemoryVfs::Impl::shm_map(sqlite3_file* file, int region, int size, int extend,
                             void volatile** out) {
  Handle& handle = handle_of(file);
  const std::scoped_lock lock(handle.vfs->mutex_);
  Node& node = *handle.node;
  *out = nullptr;
  if (handle.vfs->is_dead(handle)) {
    return SQLITE_IOERR_SHMMAP;
  }
  if (!handle.mapped) {
    handle.mapped = true;
    ++node.mappers;
  }
  const auto index = static_cast<std::size_t>(region);
  while (extend != 0 && node.regions.size() <= index) {
    node.regions.push_back(std::make_unique<std::string>(static_cast<std::size_t>(size), '\0'));
  }
  if (index < node.regions.size()) {
    *out = node.regions[index]->data();
  }
  return SQLITE_OK;
}

int MemoryVfs::Impl::shm_lock(sqlite3_file* file, int first, int count, int flags) {
  Handle& handle = handle_of(file);
  const std::scoped_lock lock(handle.vfs->mutex_);
  Node& node = *handle.node;
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  const auto begin = static_cast<std::size_t>(first);
  const auto end = begin + static_cast<std::size_t>(count);
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    for (std::size_t i = begin; i < end; ++i) {
      node.shm_shared[i] -= std::exchange(handle.holds_shared[i], false) ? 1 : 0;
      node.shm_exclusive[i] = node.shm_exclusive[i] == &handle ? nullptr : node.shm_exclusive[i];
    }
    return SQLITE_OK;
  }
  if (handle.vfs->is_dead(handle)) {
    return SQLITE_IOERR_SHMLOCK;
  }
  for (std::size_t i = begin; i < end; ++i) {
    const bool taken = node.shm_exclusive[i] != nullptr && node.shm_exclusive[i] != &handle;
    const int others = node.shm_shared[i] - (handle.holds_shared[i] ? 1 : 0);
    if (taken || (exclusive && others > 0)) {
      return SQLITE_BUSY;
    }
  }
  for (std::size_t i = begin; i < end; ++i) {
    if (exclusive) {
      node.shm_exclusive[i] = &handle;
    } else if (!std::exchange(handle.holds_shared[i], true)) {
      ++node.shm_shared[i];
    }
  }
  return SQLITE_OK;
}

int MemoryVfs::Impl::shm_unmap(sqlite3_file* file, int /*remove*/) {
  Handle& handle = handle_of(file);
  const std::scoped_lock lock(handle.vfs->mutex_);
  handle.vfs->drop_shm(handle);
  return SQLITE_OK;
}

void MemoryVfs::Impl::drop_shm(Handle& handle) {
  Node& node = *handle.node;
  for (std::size_t i = 0; i < kShmLocks; ++i) {
    node.shm_shared[i] -= std::exchange(handle.holds_shared[i], false) ? 1 : 0;
    node.shm_exclusive[i] = node.shm_exclusive[i] == &handle ? nullptr : node.shm_exclusive[i];
  }
  if (std::exchange(handle.mapped, false) && --node.mappers == 0) {
    node.regions.clear();  // the next one recovers the index from the WAL
  }
}

MemoryVfs::MemoryVfs(std::uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}

MemoryVfs::~MemoryVfs() = default;

const std::string& MemoryVfs::name() const { return impl_->name(); }

void MemoryVfs::decide_by(Decide decide) { impl_->decide_by(std::move(decide)); }

std::uint64_t MemoryVfs::calls() const { return impl_->calls(); }

void MemoryVfs::crash(Unsynced unsynced) { impl_->crash(unsynced); }

}  // namespace bitvault::test
