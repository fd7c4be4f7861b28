// The log of attempts on disk: one SQLite file for each UTC day, named attempts-YYYY-MM-DD.db.
//
// An entry goes to the file of the day on which it ended. A file whose day is too long ago is
// unlinked whole. A damaged file costs its own day's entries: it is passed over by reads, and put
// aside when it is to be written.
//
// write(), forget(), expire() and close() block and are called by one thread at a time; read() by
// any, also at the same time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/attempt_log.h"

namespace bitvault {

using Day = std::chrono::sys_days;

class AttemptFiles {
 public:
  explicit AttemptFiles(std::string folder);
  ~AttemptFiles();

  // Adds the entries; says how many could not be.
  [[nodiscard]] std::size_t write(const std::vector<AttemptEntry>& entries);
  [[nodiscard]] Result<AttemptPage> read(const AttemptQuery& query) const;
  void forget(const TenantName& tenant, const std::optional<std::string>& subscription);
  // Unlinks the files of days before this one.
  void expire(Day first_kept);
  // Closes what is open for writing; the next write opens it again.
  void close();

 private:
  class Writer;
  static constexpr std::size_t kWritersMax = 2;  // around midnight

  [[nodiscard]] std::string path_of(Day day) const;
  [[nodiscard]] std::vector<Day> days() const;  // that have a file, newest first
  [[nodiscard]] Writer& writer(Day day);
  [[nodiscard]] bool write_day(Day day, const std::vector<const AttemptEntry*>& entries);
  void put_aside(Day day);

  const std::string folder_;
  std::map<Day, std::unique_ptr<Writer>> writers_;
};

}  // namespace bitvault
