// The change feed as a stream: each event, as text/event-stream, as soon as it is committed.
//
// A stream begins after its cursor with what is retained, goes on with what is committed, and gives
// every event that matches its filter exactly once by sequence, in order, for as long as it lasts.
// It ends when the cursor is no longer one to go on from (`event: reset`), when its client does not
// keep up, when its caller is no longer allowed in, or when the server stops: each time the client
// resumes from the last id it has. A stream in notify mode says only how far the journal has grown,
// and what its client does not take in time is left out.
//
// A stream that waits costs memory only. Thread-safe; each stream runs on its connection's
// executor, which must be a single thread or a strand. It outlives its streams, and the executors'
// contexts have run out of work when it goes.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "bus/head_bus.h"
#include "event/cursor.h"
#include "feed/feed.h"
#include "http/http.h"
#include "world/world.h"

namespace bitvault {

struct LiveLimits {
  std::size_t streams_max = 10'000;                    // of one tenant
  Duration comment_period = std::chrono::seconds(14);  // at most so long nothing is sent
  Duration access_period = std::chrono::seconds(2);    // how often callers are judged again
};

struct StreamQuery {
  TenantName tenant;
  std::optional<std::string> cursor;  // absent: from the oldest retained event
  bool notify = false;
  Selection filter;
  std::string credential;  // whose access is judged while the stream lasts
};

class LiveFeed {
 public:
  // Whether a credential still opens this tenant's feed. Called on a stream's executor.
  using StillAllowed = std::function<Task<bool>(TenantName tenant, std::string credential)>;

  // Told how many events a stream of this tenant has looked at to catch up; after which time it may
  // look at more. Called on the stream's executor.
  using Charge = std::function<Task<Duration>(TenantName tenant, std::size_t looked_at)>;

  // `charge` may be empty: streams catch up as fast as they can.
  LiveFeed(World& world, Feed& feed, HeadBus& bus, const CursorCodec& cursors,
           StillAllowed still_allowed, Charge charge = {}, LiveLimits limits = {});
  ~LiveFeed();
  LiveFeed(const LiveFeed&) = delete;
  LiveFeed& operator=(const LiveFeed&) = delete;

  // Errors: kCursorInvalid, kRateLimited when the tenant has too many streams, and what the store
  // says of the tenant.
  [[nodiscard]] Task<Result<std::unique_ptr<http::Stream>>> open(StreamQuery query);

  // Streams that are open.
  [[nodiscard]] std::size_t streams() const;

 private:
  class Lane;
  class Stream;

  [[nodiscard]] Lane& lane(const Executor& executor);
  [[nodiscard]] bool take_seat(const TenantName& tenant);
  void give_back_seat(const TenantName& tenant);

  World& world_;
  Feed& feed_;
  HeadBus& bus_;
  const CursorCodec& cursors_;
  const StillAllowed still_allowed_;
  const Charge charge_;
  const LiveLimits limits_;
  mutable std::mutex mutex_;
  std::unordered_map<const void*, std::unique_ptr<Lane>> lanes_;  // by context; guarded by mutex_
  std::unordered_map<TenantName, std::size_t> seats_;             // taken; guarded by mutex_
};

}  // namespace bitvault
