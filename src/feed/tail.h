// The Tail of a tenant's journal: reads what is committed once, renders it once, and hands the same
// bytes to every reader who has caught up.
//
// A reader joins at a position that the tail has not passed and is handed each batch of events
// after it, in order, until it leaves: by itself, or because the tail throws it out, whenever it
// would miss something (the history changed, or was pruned). While nobody is joined, nothing is
// read.
//
// All of it runs on one executor, which must be a strand or a single thread. Handing out yields to
// other work every kHandOutStep readers, or kHandOutTime, when that is less.
#pragma once

#include <boost/intrusive/list.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/head_bus.h"
#include "event/cursor.h"
#include "feed/feed.h"
#include "world/signal.h"
#include "world/world.h"

namespace bitvault {

// A run of events as text, shared by everybody who is sent it.
struct TailBatch {
  struct Entry {
    Sequence sequence;
    std::string_view event;  // its bytes, within text
    std::string_view block;  // the event as a block of the stream, within text
  };
  Position end;  // everything up to here is in it
  std::string text = {};
  std::vector<Entry> entries = {};
  std::string_view rest = {};      // of text: what concerns no single event
  std::string_view advanced = {};  // of text: the block that only says so
};

class TailReader : public boost::intrusive::list_base_hook<
                       boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual ~TailReader() = default;

  // Events after those it had. It may leave.
  virtual void take(const std::shared_ptr<const TailBatch>& batch) = 0;
  // It has left: what comes next it must find for itself.
  virtual void thrown_out() = 0;

  [[nodiscard]] bool joined() const { return is_linked(); }
  void leave() {
    if (is_linked()) {
      unlink();
    }
  }
};

class Tail {
 public:
  static constexpr std::size_t kHandOutStep = 32;
  static constexpr Duration kHandOutTime = std::chrono::microseconds(500);
  static constexpr std::size_t kBatchEventsMax = 500;

  // One who may join; the tail goes on while there is one.
  class User {
   public:
    explicit User(Tail& tail) : tail_(tail) { ++tail_.users_; }
    ~User() {
      if (--tail_.users_ == 0) {
        tail_.wake_.notify();
      }
    }
    User(const User&) = delete;
    User& operator=(const User&) = delete;

   private:
    Tail& tail_;
  };

  Tail(World& world, Feed& feed, HeadBus& bus, const CursorCodec& cursors, TenantName tenant,
       const Executor& executor)
      : world_(world),
        feed_(feed),
        bus_(bus),
        cursors_(cursors),
        tenant_(std::move(tenant)),
        wake_(executor) {}

  [[nodiscard]] const TenantName& tenant() const { return tenant_; }

  // Whether a reader who has everything up to `position` may join.
  [[nodiscard]] bool takes(const Position& position) const;
  // Whether it is handing out what comes right after `position`.
  [[nodiscard]] bool is_at(const Position& position) const { return position_ == position; }
  // Whether it has not noticed yet that the history is another one, or `position` is not of it.
  [[nodiscard]] bool is_in_another_epoch(const Position& position) const {
    return position_ && position_->epoch != position.epoch;
  }
  void look_again() { wake_.notify(); }
  // Only when takes(position).
  void join(TailReader& reader, const Position& position);

  // Reads and hands out while there are users.
  [[nodiscard]] Task<> run();

 private:
  using Readers = boost::intrusive::list<TailReader, boost::intrusive::constant_time_size<false>>;

  [[nodiscard]] Task<> round();
  [[nodiscard]] std::shared_ptr<const TailBatch> render(const FeedPage& page) const;
  [[nodiscard]] Task<> hand_out(std::shared_ptr<const TailBatch> batch);
  void throw_out();

  World& world_;
  Feed& feed_;
  HeadBus& bus_;
  const CursorCodec& cursors_;
  const TenantName tenant_;
  std::size_t users_ = 0;
  std::optional<Position> position_;  // up to here was handed out; while somebody is joined
  Readers waiting_;                   // for the next batch
  Readers served_;                    // had the batch that is being handed out
  bool handing_out_ = false;
  Signal wake_;
};

}  // namespace bitvault
