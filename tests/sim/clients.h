// The Clients publish, count, read and look up, and tell the Observers of all of it.
//
// They live in a process that never crashes, so what they were told is remembered. Publishers try
// again after failures, mostly; readers follow every tenant's journal with a position of their own,
// which they keep across the server's crashes.
#pragma once

#include <map>
#include <vector>

#include "cluster.h"

namespace bitvault::sim {

class Clients {
 public:
  Clients(SimWorld& world, Cluster& cluster, const Options& options, Observers& observers);
  ~Clients();

  [[nodiscard]] const std::vector<TenantName>& tenants() const { return tenants_; }

  // Makes the tenants; before all trouble.
  void make_tenants() { tasks_.spawn(put_tenants()); }
  void begin();
  // No new work: what is begun is tried until it is clear, each tenant gets a last event, and the
  // readers read to the end.
  void finish();
  // All is done that was asked for.
  [[nodiscard]] bool idle() const { return tasks_.size() == 0; }
  // Who is not, for the report of a failure.
  [[nodiscard]] std::string report() const {
    return fmt::format("{} publishers and {} other tasks are left", publishers_.size(),
                       tasks_.size());
  }

  // Reads everything, from the beginning. Error: the first one that comes.
  [[nodiscard]] Task<> read_all(std::vector<Ending>& endings, Status& status);

 private:
  // An event as its publisher thinks of it: what is the same each time that it is sent.
  struct Idea {
    EventId id;
    unsigned variant = 0;
    bool given = true;  // the id; otherwise the server would have made it
    std::optional<WallTime> time;
    std::size_t padding = 0;
  };
  struct Publisher {
    std::size_t index = 0;
    std::uint64_t ids = 0;
    std::map<TenantName, std::vector<Idea>> sent;
  };

  // How far a reader is with a tenant: by sequence, and by each cursor that the feed ever gave.
  struct Place {
    Sequence read;
    std::vector<std::string> cursors;  // the last one stands farthest
    [[nodiscard]] Sequence paged(const TenantName& tenant, const CursorCodec& codec) const;
  };

  [[nodiscard]] Task<> put_tenants();
  [[nodiscard]] Task<> publish(std::size_t index);
  [[nodiscard]] Task<> submit(Submission submission);
  [[nodiscard]] Task<> count(TenantName tenant);
  [[nodiscard]] Task<> follow();
  [[nodiscard]] Task<> read_some(TenantName tenant, Place& place);
  [[nodiscard]] Task<> page_some(TenantName tenant, Place& place);
  [[nodiscard]] Task<> look_up(TenantName tenant);
  [[nodiscard]] Task<> hold_some(TenantName tenant);
  [[nodiscard]] Task<> release(TenantName tenant, Sequence sequence);
  [[nodiscard]] Task<bool> look_at_held(TenantName tenant, Sequence sequence);
  [[nodiscard]] Task<Result<Ending>> read_tenant(TenantName tenant);

  [[nodiscard]] Submission draw(Publisher& publisher);
  [[nodiscard]] Idea draw_idea(Publisher& publisher, const TenantName& tenant);
  [[nodiscard]] EventId new_id(Publisher& publisher);
  [[nodiscard]] EncodedEvent encode_idea(const TenantName& tenant, const Idea& idea);
  [[nodiscard]] const TenantName& any_tenant();
  [[nodiscard]] Duration pause(Duration most);

  SimWorld& world_;
  Cluster& cluster_;
  const Options options_;
  Observers& observers_;
  Dice dice_;
  std::vector<TenantName> tenants_;
  std::map<TenantName, std::vector<EventId>> known_;            // committed for certain
  std::map<TenantName, std::map<Sequence, std::string>> held_;  // for certain, and by whom
  std::uint64_t submissions_ = 0;
  std::uint64_t holders_ = 0;
  bool finishing_ = false;
  TaskGroup tasks_;
  TaskGroup publishers_;
};

}  // namespace bitvault::sim
