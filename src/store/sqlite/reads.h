// The reads of the store, on a connection of their own. Each is bounded by what its caller found in
// the Directory: it never looks past a durable head.
//
// Used by one thread at a time. Throws SqliteFailure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/sqlite/connection.h"
#include "store/sqlite/directory.h"
#include "store/store.h"

namespace bitvault {

class Reads {
 public:
  Reads(const std::string& file, const std::string& vfs);

  [[nodiscard]] std::vector<StoredEvent> events(const Located& from, Sequence after,
                                                const ReadLimit& limit);
  // Found with whatever bytes are there, judged by nobody; nothing past the head.
  [[nodiscard]] std::optional<FoundEvent> find(const Located& in, const EventId& id);
  [[nodiscard]] std::optional<FoundEvent> at(const Located& in, Sequence place);
  [[nodiscard]] std::optional<WallTime> recorded_at(std::int64_t tenant, Sequence sequence);
  [[nodiscard]] Position position_at(const Located& in, WallTime time);
  [[nodiscard]] ListPage<Upkeep> upkeep(const ListPage<TenantEntry>& of);
  [[nodiscard]] std::optional<std::string> record(std::int64_t tenant, Collection collection,
                                                  const std::string& key);
  [[nodiscard]] ListPage<Record> scan(std::int64_t tenant, Collection collection,
                                      const std::string& prefix, const std::string& after,
                                      std::size_t limit);
  [[nodiscard]] Sequence skip(const Located& in, Sequence after, const BlockQuery& query);
  [[nodiscard]] std::vector<EpochBegin> epochs(std::int64_t tenant);
  [[nodiscard]] std::optional<std::string> setting(const std::string& name);

 private:
  // Where an event's row stands.
  [[nodiscard]] std::optional<std::int64_t> row_of(std::int64_t tenant, Sequence sequence);
  [[nodiscard]] static std::vector<StoredEvent> collect(Statement::Run rows, std::size_t wanted,
                                                        std::size_t bytes_max);
  [[nodiscard]] static std::optional<FoundEvent> found(Statement::Run row, Sequence head);
  [[nodiscard]] bool is_before(std::int64_t tenant, Sequence sequence, WallTime time);

  Connection connection_;
  Statement begin_;
  Statement end_;
  Statement events_;
  Statement row_;
  Statement rows_;
  Statement find_;
  Statement at_;
  Statement recorded_;
  Statement record_;
  Statement scan_from_;
  Statement scan_after_;
  Statement summaries_;
  Statement epochs_;
  Statement setting_;
};

}  // namespace bitvault
