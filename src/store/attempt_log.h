// The log of attempts: one short entry for each, apart from the delivery state.
//
// It is for people: nothing is decided by it. What was appended is written together after
// kFlushPeriod at most, so a crash loses no more than that. Entries go with their day, all at once,
// when that is older than they are kept for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/sequence.h"
#include "base/tenant_name.h"
#include "base/time.h"
#include "world/world.h"

namespace bitvault {

struct AttemptEntry {
  TenantName tenant;
  std::string subscription;
  Sequence sequence;
  unsigned attempt = 1;  // 0: one that is not part of a schedule, such as a test
  WallTime at{};         // when it ended
  Duration latency{};
  bool delivered = false;
  unsigned status = 0;                     // of HTTP; 0: there was no answer
  std::string reason = {};                 // of a failure
  std::string address = {};                // of the peer
  std::optional<WallTime> next_attempt{};  // when it is tried again
  std::string replay = {};
  std::string answer = {};  // of a failure: the beginning of what came
};

struct AttemptQuery {
  TenantName tenant;
  std::string subscription;
  std::optional<bool> delivered = {};
  std::optional<Sequence> sequence = {};
  std::string after = {};  // the last page's next
  std::size_t limit = 100;
};

struct AttemptPage {
  std::vector<AttemptEntry> entries;  // newest first
  std::string next;                   // where the next page begins; empty: there is none
};

// Thread-safe.
class AttemptLog {
 public:
  static constexpr Duration kFlushPeriod = std::chrono::milliseconds(100);

  virtual ~AttemptLog() = default;

  // Never waits; over its bound it drops entries and counts them.
  virtual void append(AttemptEntry entry) = 0;
  [[nodiscard]] virtual Task<Result<AttemptPage>> read(AttemptQuery query) = 0;
  // The subscription, or all of a tenant's, is gone.
  virtual void forget(const TenantName& tenant, std::optional<std::string> subscription) = 0;
};

}  // namespace bitvault
