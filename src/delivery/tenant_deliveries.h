// All subscriptions of one tenant, between the store and their state machines: loads them, reads
// the tenant's journal once for all of them, and keeps what they decide in one commit.
//
// load(), scan() and keep() are called one at a time; everything runs on one executor. What is in
// between (attempts that start and end) may change the subscribers while they wait.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/tenant_name.h"
#include "delivery/subscriber.h"
#include "pattern/pattern_set.h"
#include "store/store.h"
#include "world/world.h"

namespace bitvault::delivery {

// A subscriber in its place, with what the engine keeps of it.
struct Place {
  Place(Subscription subscription, const Subscriber::Kept& kept, Now now, bool crashed,
        const Track::Limits& limits)
      : subscriber(std::move(subscription), kept, now, crashed, limits) {}

  Subscriber subscriber;
  std::uint64_t number = 0;                    // in the tenant's pattern set
  bool unfiltered = false;                     // wants everything, and is not in that set
  MonotonicTime armed = MonotonicTime::max();  // when the engine looks at it again
  std::size_t in_flight = 0;
  bool waits_for_slot = false;
  bool gone = false;  // to be taken away when nothing is in flight
};

// A position that moves on without any delivery is kept this often.
inline constexpr Duration kKeepMovedAfter = std::chrono::seconds(5);

// What dead letters may take up, one subscription's each; what is beyond is let go, and a
// SkipRecord tells of it.
struct DeadLetterLimits {
  Duration age = std::chrono::days(30);
  std::uint64_t bytes = 256 * 1024 * 1024;  // with their events
  Duration look_every = std::chrono::hours(1);
};

class TenantDeliveries {
 public:
  struct Parts {
    World& world;
    Store& store;
    Surface& surface;
    Track::Limits limits{};
    DeadLetterLimits letters{};
  };

  // `parts` outlive it.
  TenantDeliveries(const Parts& parts, TenantName tenant, bool crashed)
      : parts_(parts), tenant_(std::move(tenant)), crashed_(crashed) {}

  [[nodiscard]] const TenantName& tenant() const { return tenant_; }
  using Places = std::map<std::string, std::unique_ptr<Place>, std::less<>>;
  [[nodiscard]] Places& places() { return places_; }

  // Reads which subscriptions there are, and what is asked of them. kNotFound, kTenantDeleting: the
  // tenant is gone.
  [[nodiscard]] Task<Status> load();

  // Reads on in the journal, one slice at a time, for those who are furthest and for one who is
  // behind, in turns. True: there is more to read now.
  [[nodiscard]] Task<Result<bool>> scan();
  // Somebody has room and is behind what is known of the head.
  [[nodiscard]] bool wants_scan() const;
  [[nodiscard]] bool wants_scan(Place& place) const;
  void head_moved() { head_moved_ = true; }
  // Of the journal, as it was last seen.
  [[nodiscard]] Sequence head() const { return head_; }

  // Commits what has changed and what was asked for. True: there is more to commit now. A position
  // that moved on without a delivery is kept now and then, and at the end.
  [[nodiscard]] Task<Result<bool>> keep(bool at_end = false);
  [[nodiscard]] bool asked() const { return asked_ || !leftovers_.empty(); }
  // When keep() is to look at the dead letters again.
  [[nodiscard]] MonotonicTime letters_due() const { return letters_due_; }

  // The tenant is gone, and all of it.
  void forget();
  // Takes away places whose subscription is gone and that nobody works with.
  void sweep();
  [[nodiscard]] Now now() const {
    return {parts_.world.clock().wall(), parts_.world.clock().monotonic()};
  }

 private:
  // One who reads: a live track or a replay of the journal.
  struct Reader {
    Place* place;
    Track* track;
    Sequence until;        // it wants nothing beyond
    bool stopped = false;  // ran out of room in this slice
  };

  // What owners are to hear of, and from whom it was taken.
  struct Told {
    std::vector<Notice> notices;
    std::vector<std::pair<Place*, std::vector<Notice>>> by_place;
  };

  using Tracks = std::map<std::string, std::map<std::string, std::string>, std::less<>>;
  [[nodiscard]] Task<Status> read_tracks(std::string prefix, Tracks& tracks);
  [[nodiscard]] Task<Result<std::vector<Record>>> scan_all(Collection collection,
                                                           std::string prefix);
  [[nodiscard]] Task<Status> add_place(Subscription subscription,
                                       const std::map<std::string, std::string>& tracks);
  [[nodiscard]] Task<Status> add_replays(Place& place,
                                         const std::map<std::string, std::string>& tracks);
  [[nodiscard]] Task<Result<std::vector<DebtRecord>>> debts_of(const std::string& subscription,
                                                               const std::string& track);
  void index();

  [[nodiscard]] bool is_reading(const Track& track, Sequence until) const;
  [[nodiscard]] bool is_reading(const Subscriber::Replay& replay) const;
  [[nodiscard]] std::vector<Reader> readers() const;
  [[nodiscard]] std::vector<Reader> next_group();
  [[nodiscard]] Task<Status> skip_blocks(Reader& reader);
  void hand_out(std::vector<Reader>& group, const Slice& slice, Sequence from);
  void match(std::vector<Reader>& group, const StoredEvent& event);
  void offer(Reader& reader, const StoredEvent& event);
  [[nodiscard]] Task<Status> scan_dead_letters(Place& place, Subscriber::Replay& replay);

  [[nodiscard]] Task<Result<bool>> take_request(Transaction& transaction);
  [[nodiscard]] Task<Result<bool>> take(Place& place, const Request& request,
                                        Transaction& transaction);
  [[nodiscard]] Task<Status> redeliver(Place& place, Sequence sequence, Transaction& transaction);
  [[nodiscard]] Task<Result<bool>> take_dead(Place& place, const Request& request,
                                             Transaction& transaction);
  [[nodiscard]] Task<Result<Sequence>> matched_before(Place& place, Sequence sequence);
  void plan_letters();
  [[nodiscard]] Task<Status> expire_letters(Transaction& transaction);
  void begin_letters_anew();
  [[nodiscard]] Task<Status> add_leftovers(Transaction& transaction);
  [[nodiscard]] Told take_notices();
  [[nodiscard]] bool has_notices() const;
  static void give_back(Told told);
  [[nodiscard]] Task<> expire();

  const Parts& parts_;
  const TenantName tenant_;
  bool crashed_;
  Places places_;
  std::uint64_t numbers_ = 0;
  PatternSet patterns_;
  Matcher matcher_;

  Sequence head_{};           // as it was last seen
  bool head_moved_ = true;    // since then
  bool behind_next_ = false;  // the next slice is for one who is behind
  std::size_t behind_turn_ = 0;
  MonotonicTime keep_moved_from_ = MonotonicTime::min();  // positions alone are kept from then on
  bool asked_ = false;                                    // there are requests
  MonotonicTime letters_due_ = MonotonicTime::max();
  std::string letters_after_;  // how far this look at the dead letters has come
  struct LetterBytes {
    std::uint64_t kept = 0;      // seen in this look
    std::uint64_t too_many = 0;  // seen in the one before
  };
  std::map<std::string, LetterBytes, std::less<>> letter_bytes_;  // by subscription
  std::vector<std::string> leftovers_;  // ids of subscriptions that are gone, their records are not
};

}  // namespace bitvault::delivery
