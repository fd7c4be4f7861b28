// The streams of one executor: their tails, and the round that judges again whose callers may stay.
//
// All of it runs on that executor. Its background tasks last while there are streams.
#pragma once

#include <boost/intrusive/list.hpp>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "feed/live_feed.h"
#include "feed/tail.h"
#include "world/signal.h"
#include "world/task_group.h"

namespace bitvault {

class LiveFeed::Lane {
 public:
  Lane(LiveFeed& live, const Executor& executor);

  // What is cut off when its credential no longer opens its tenant's feed.
  class Guest : public boost::intrusive::list_base_hook<
                    boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
   public:
    virtual ~Guest() = default;
    virtual void turn_out() = 0;
  };

  // Everybody who came with one credential to one tenant.
  struct Group {
    std::string name;
    TenantName tenant;
    std::string credential;
    boost::intrusive::list<Guest, boost::intrusive::constant_time_size<false>> guests;
  };

  // A guest's stay: it is judged, and has its tenant's tail, until this goes.
  class Stay {
   public:
    Stay(Lane& lane, const TenantName& tenant, const std::string& credential, Guest& guest);
    ~Stay();
    Stay(const Stay&) = delete;
    Stay& operator=(const Stay&) = delete;

    [[nodiscard]] Tail& tail() const { return tail_; }
    [[nodiscard]] Matcher& matcher() const { return lane_.matcher_; }

   private:
    Lane& lane_;
    Tail& tail_;
    const Tail::User user_;
    Group& group_;
    Guest& guest_;
  };

 private:
  [[nodiscard]] Tail& tail(const TenantName& tenant);
  [[nodiscard]] Group& group(const TenantName& tenant, const std::string& credential);
  void follow_if_new(Tail& tail);
  [[nodiscard]] Task<> follow(Tail& tail);
  [[nodiscard]] Task<> judge_again();

  LiveFeed& live_;
  const Executor executor_;
  TaskGroup tasks_;
  Matcher matcher_;
  std::unordered_map<TenantName, std::unique_ptr<Tail>> tails_;
  std::unordered_set<const Tail*> followed_;
  std::unordered_map<std::string, Group> groups_;  // by tenant and credential
  bool judging_ = false;
  Signal emptied_;
};

}  // namespace bitvault
