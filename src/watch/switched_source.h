// For tests: a ChangeSource with switches.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "watch/change_source.h"

namespace bitvault::watch {

// It can lose what it heard, and refuse to watch.
class SwitchedSource final : public ChangeSource {
 public:
  explicit SwitchedSource(std::unique_ptr<ChangeSource> real) : real_(std::move(real)) {}

  std::expected<WatchId, WatchError> watch(const std::string& path) override {
    if (full_) {
      return std::unexpected(WatchError::kLimit);
    }
    return real_->watch(path);
  }
  void unwatch(WatchId id) override { real_->unwatch(id); }
  Task<Changes> next() override {
    Changes changes = co_await real_->next();
    if (overflow_ && !changes.folders.empty()) {
      changes = {.folders = {}, .everything = true};
    }
    co_return changes;
  }
  void overflow(bool on) { overflow_ = on; }
  void full(bool on) { full_ = on; }

 private:
  std::unique_ptr<ChangeSource> real_;
  bool overflow_ = false;
  std::atomic<bool> full_ = false;
};

}  // namespace bitvault::watch
