#include "feed/lane.h"

#include <utility>
#include <vector>

namespace bitvault {

LiveFeed::Lane::Lane(LiveFeed& live, const Executor& executor)
    : live_(live), executor_(executor), tasks_(executor), emptied_(executor) {}

LiveFeed::Lane::Stay::Stay(Lane& lane, const TenantName& tenant, const std::string& credential,
                           Guest& guest)
    : lane_(lane),
      tail_(lane.tail(tenant)),
      user_(tail_),
      group_(lane.group(tenant, credential)),
      guest_(guest) {
  group_.guests.push_back(guest_);
  lane.follow_if_new(tail_);
  if (!std::exchange(lane.judging_, true)) {
    lane.tasks_.spawn(lane.judge_again());
  }
}

LiveFeed::Lane::Stay::~Stay() {
  guest_.unlink();
  if (group_.guests.empty()) {
    lane_.groups_.erase(lane_.groups_.find(group_.name));
  }
  if (lane_.groups_.empty()) {
    lane_.emptied_.notify();
  }
}

LiveFeed::Lane::Group& LiveFeed::Lane::group(const TenantName& tenant,
                                             const std::string& credential) {
  std::string name = tenant.str() + "/" + credential;
  return groups_.try_emplace(name, Group{name, tenant, credential, {}}).first->second;
}

Tail& LiveFeed::Lane::tail(const TenantName& tenant) {
  auto& tail = tails_[tenant];
  if (!tail) {
    tail = std::make_unique<Tail>(live_.world_, live_.feed_, live_.bus_, live_.cursors_, tenant,
                                  executor_);
  }
  return *tail;
}

// A task begins to run at once: the tail has a user by now.
void LiveFeed::Lane::follow_if_new(Tail& tail) {
  if (followed_.insert(&tail).second) {
    tasks_.spawn(follow(tail));
  }
}

Task<> LiveFeed::Lane::follow(Tail& tail) {
  co_await tail.run();
  followed_.erase(&tail);
  tails_.erase(TenantName(tail.tenant()));
}

// Each credential is judged once a round, however many streams came with it.
Task<> LiveFeed::Lane::judge_again() {
  while (!groups_.empty()) {
    const bool emptied = co_await emptied_.wait(live_.world_, live_.limits_.access_period);
    std::vector<std::string> names;
    for (const auto& [name, group] : groups_) {
      if (!emptied) {
        names.push_back(name);
      }
    }
    for (const std::string& name : names) {
      const auto group = groups_.find(name);
      if (group == groups_.end()) {
        continue;
      }
      TenantName tenant = group->second.tenant;
      std::string credential = group->second.credential;
      const bool allowed = co_await live_.still_allowed_(std::move(tenant), std::move(credential));
      if (const auto found = groups_.find(name); !allowed && found != groups_.end()) {
        for (Guest& guest : found->second.guests) {
          guest.turn_out();
        }
      }
    }
  }
  judging_ = false;
}

}  // namespace bitvault
