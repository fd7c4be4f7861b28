#include "store/sqlite/attempt_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <unordered_map>

#include "base/text.h"
#include "store/sqlite/connection.h"

namespace bitvault {
namespace {

constexpr std::string_view kPrefix = "attempts-";
constexpr std::string_view kSuffix = ".db";
constexpr std::int64_t kDeletedAtOnce = 10'000;

// `n` counts the file's entries. What comes again and again is a number: 0 and 1 take no room in a
// row, nor do the nulls of most columns. user_version is the next `n`.
constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS subscription(
  id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, UNIQUE(tenant, name));
CREATE TABLE IF NOT EXISTS word(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS attempt(
  subscription INTEGER NOT NULL, n INTEGER NOT NULL, sequence INTEGER NOT NULL,
  attempt INTEGER NOT NULL, at INTEGER NOT NULL, latency INTEGER NOT NULL,
  delivered INTEGER NOT NULL, status INTEGER NOT NULL, reason INTEGER, address INTEGER,
  next INTEGER, replay INTEGER, answer TEXT,
  PRIMARY KEY(subscription, n)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS attempt_of_event ON attempt(subscription, sequence);
CREATE INDEX IF NOT EXISTS attempt_failed ON attempt(subscription, n) WHERE delivered = 0;
)";

std::optional<Day> parse_day(std::string_view text) {
  const auto time = parse_time(std::string(text) + "T00:00:00Z");
  return time && text.size() == 10 ? std::optional(std::chrono::floor<std::chrono::days>(*time))
                                   : std::nullopt;
}

// What a statement binds, as TEXT.
std::string_view view(const std::string& text) { return text; }

std::string day_text(Day day) { return format_time(day).substr(0, 10); }

Day day_of(WallTime time) { return std::chrono::floor<std::chrono::days>(time); }

std::optional<std::string_view> or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
}

bool is_damage(int extended_code) {
  const int code = extended_code & 0xff;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_SCHEMA ||
         code == SQLITE_ERROR;
}

// Where the next page begins: a day, and the number of the last entry that was shown of it.
struct Place {
  Day day;
  std::int64_t before;
};

std::optional<Place> parse_place(std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const auto day = parse_day(text.substr(0, colon));
  const auto before = parse_uint(text.substr(std::min(colon + 1, text.size())));
  if (!day || !before || *before > std::uint64_t{1} << 62) {
    return std::nullopt;
  }
  return Place{*day, static_cast<std::int64_t>(*before)};
}

AttemptEntry entry_of(const AttemptQuery& query, Day day, const Statement::Run& row) {
  AttemptEntry entry{.tenant = query.tenant,
                     .subscription = query.subscription,
                     .sequence = {static_cast<std::uint64_t>(row.integer(1))},
                     .attempt = static_cast<unsigned>(row.integer(2)),
                     .at = WallTime(day) + Duration(row.integer(3)),
                     .latency = Duration(row.integer(4)),
                     .delivered = row.integer(5) != 0,
                     .status = static_cast<unsigned>(row.integer(6)),
                     .reason = std::string(row.bytes(7)),
                     .address = std::string(row.bytes(8)),
                     .next_attempt = {},
                     .replay = std::string(row.bytes(10)),
                     .answer = std::string(row.bytes(11))};
  if (!row.is_null(9)) {
    entry.next_attempt = entry.at + Duration(row.integer(9));
  }
  return entry;
}

std::string select_of(const AttemptQuery& query) {
  const auto word = [](std::string_view column) {
    return fmt::format("(SELECT text FROM word WHERE id = {})", column);
  };
  std::string sql = fmt::format(
      "SELECT n, sequence, attempt, at, latency, delivered, status, {}, {}, next, {}, answer "
      "FROM attempt WHERE subscription = (SELECT id FROM subscription WHERE tenant = ?1 AND name = "
      "?2) AND n < ?3",
      word("reason"), word("address"), word("replay"));
  if (query.delivered) {
    sql += *query.delivered ? " AND delivered = 1" : " AND delivered = 0";
  }
  if (query.sequence) {
    sql += fmt::format(" AND sequence = {}", query.sequence->value);
  }
  return sql + " ORDER BY n DESC LIMIT ?4";
}

// Reads one day until the page has one entry more than it may.
void read_day(Connection& connection, Day day, const AttemptQuery& query, std::int64_t before,
              std::vector<std::pair<Place, AttemptEntry>>& found) {
  Statement statement(connection, select_of(query));
  const auto wanted = static_cast<std::int64_t>(query.limit + 1 - found.size());
  Statement::Run row =
      statement.run(view(query.tenant.str()), view(query.subscription), before, wanted);
  while (row.next()) {
    found.emplace_back(Place{day, row.integer(0)}, entry_of(query, day, row));
  }
}

}  // namespace

// The file of one day, open for writing.
class AttemptFiles::Writer {
 public:
  explicit Writer(const std::string& path)
      : connection_((make(path), path), "", Connection::Mode::kWrite) {
    connection_.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");
    connection_.execute(kSchema);
    next_ = connection_.integer("PRAGMA user_version");
    add_subscription_.emplace(connection_,
                              "INSERT INTO subscription(tenant, name) VALUES(?1, ?2) "
                              "ON CONFLICT DO UPDATE SET name = name RETURNING id");
    add_word_.emplace(connection_,
                      "INSERT INTO word(text) VALUES(?1) ON CONFLICT DO UPDATE SET text = text "
                      "RETURNING id");
    add_.emplace(connection_,
                 "INSERT INTO attempt VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
                 "?13)");
  }

  void write(Day day, const std::vector<const AttemptEntry*>& entries) {
    transact([&] {
      for (const AttemptEntry* entry : entries) {
        write(day, *entry);
      }
      connection_.execute(fmt::format("PRAGMA user_version = {}", next_));
    });
  }

  // Takes the entries away by their names at once, then their rows, batch by batch.
  void forget(const TenantName& tenant, const std::optional<std::string>& subscription) {
    ids_.clear();
    std::vector<std::int64_t> ids;
    {
      Statement names(connection_,
                      "SELECT id FROM subscription WHERE tenant = ?1 AND name = "
                      "coalesce(?2, name)");
      Statement::Run row = names.run(
          view(tenant.str()), subscription ? std::optional(view(*subscription)) : std::nullopt);
      while (row.next()) {
        ids.push_back(row.integer(0));
      }
    }
    Statement batch(connection_,
                    "DELETE FROM attempt WHERE subscription = ?1 AND n IN (SELECT n "
                    "FROM attempt WHERE subscription = ?1 LIMIT ?2)");
    Statement name(connection_, "DELETE FROM subscription WHERE id = ?1");
    for (const std::int64_t id : ids) {
      while (batch.execute(id, kDeletedAtOnce) == kDeletedAtOnce) {
      }
      name.execute(id);
    }
  }

 private:
  // With the mode of every file of the data folder; SQLite gives it to its WAL, too.
  static void make(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0) {
      ::close(file);
    }
  }

  template <class Work>
  void transact(const Work& work) {
    const std::int64_t before = next_;
    connection_.execute("BEGIN IMMEDIATE");
    try {
      work();
      connection_.execute("COMMIT");
    } catch (const SqliteFailure&) {
      next_ = before;
      ids_.clear();
      words_.clear();
      if (connection_.in_transaction()) {
        connection_.execute("ROLLBACK");
      }
      throw;
    }
  }

  void write(Day day, const AttemptEntry& entry) {
    const std::int64_t subscription = subscription_of(entry);
    const auto next = entry.next_attempt
                          ? std::optional(static_cast<std::uint64_t>(std::max<std::int64_t>(
                                (*entry.next_attempt - entry.at).count(), 0)))
                          : std::nullopt;
    add_->execute(subscription, next_++, static_cast<std::int64_t>(entry.sequence.value),
                  static_cast<std::int64_t>(entry.attempt), (entry.at - WallTime(day)).count(),
                  entry.latency.count(), std::int64_t{entry.delivered ? 1 : 0},
                  static_cast<std::int64_t>(entry.status), word_of(entry.reason),
                  word_of(entry.address), next, word_of(entry.replay), or_null(entry.answer));
  }

  std::int64_t subscription_of(const AttemptEntry& entry) {
    const std::string key = entry.tenant.str() + "/" + entry.subscription;
    if (const auto known = ids_.find(key); known != ids_.end()) {
      return known->second;
    }
    Statement::Run row = add_subscription_->run(view(entry.tenant.str()), view(entry.subscription));
    const std::int64_t id = row.next() ? row.integer(0) : 0;
    remember(ids_, key, id);
    return id;
  }

  std::optional<std::uint64_t> word_of(const std::string& text) {
    if (text.empty()) {
      return std::nullopt;
    }
    if (const auto known = words_.find(text); known != words_.end()) {
      return static_cast<std::uint64_t>(known->second);
    }
    Statement::Run row = add_word_->run(view(text));
    const std::int64_t id = row.next() ? row.integer(0) : 0;
    remember(words_, text, id);
    return static_cast<std::uint64_t>(id);
  }

  using Known = std::unordered_map<std::string, std::int64_t>;
  static constexpr std::size_t kKnownMax = 20'000;
  static void remember(Known& known, const std::string& key, std::int64_t id) {
    if (known.size() >= kKnownMax) {
      known.clear();
    }
    known.emplace(key, id);
  }

  Connection connection_;
  std::int64_t next_ = 0;
  std::optional<Statement> add_subscription_;
  std::optional<Statement> add_word_;
  std::optional<Statement> add_;
  Known ids_;
  Known words_;
};

AttemptFiles::AttemptFiles(std::string folder) : folder_(std::move(folder)) {}
AttemptFiles::~AttemptFiles() = default;

void AttemptFiles::close() { writers_.clear(); }

std::string AttemptFiles::path_of(Day day) const {
  return fmt::format("{}/{}{}{}", folder_, kPrefix, day_text(day), kSuffix);
}

std::vector<Day> AttemptFiles::days() const {
  std::vector<Day> days;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(folder_, error)) {
    const std::string name = file.path().filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(kSuffix) &&
        name.size() == kPrefix.size() + 10 + kSuffix.size()) {
      if (const auto day = parse_day(std::string_view(name).substr(kPrefix.size(), 10))) {
        days.push_back(*day);
      }
    }
  }
  std::ranges::sort(days, std::greater());
  return days;
}

AttemptFiles::Writer& AttemptFiles::writer(Day day) {
  auto& entry = writers_[day];
  if (!entry) {
    entry = std::make_unique<Writer>(path_of(day));
  }
  if (writers_.size() > kWritersMax) {
    writers_.erase(writers_.begin()->first == day ? std::prev(writers_.end()) : writers_.begin());
  }
  return *writers_.at(day);
}

void AttemptFiles::put_aside(Day day) {
  writers_.erase(day);
  std::error_code ignored;
  for (const char* tail : {"", "-wal", "-shm"}) {
    const std::string path = path_of(day) + tail;
    std::filesystem::rename(path, path + ".damaged", ignored);
  }
}

bool AttemptFiles::write_day(Day day, const std::vector<const AttemptEntry*>& entries) {
  for (int tries = 1;; ++tries) {
    try {
      writer(day).write(day, entries);
      return true;
    } catch (const SqliteFailure& failure) {
      if (const auto opened = writers_.find(day); opened != writers_.end() && !opened->second) {
        writers_.erase(opened);
      }
      if (tries > 1 || !is_damage(failure.code())) {
        return false;
      }
      put_aside(day);
    }
  }
}

std::size_t AttemptFiles::write(const std::vector<AttemptEntry>& entries) {
  std::map<Day, std::vector<const AttemptEntry*>> by_day;
  for (const AttemptEntry& entry : entries) {
    by_day[day_of(entry.at)].push_back(&entry);
  }
  std::size_t lost = 0;
  for (const auto& [day, of_day] : by_day) {
    lost += write_day(day, of_day) ? 0 : of_day.size();
  }
  return lost;
}

Result<AttemptPage> AttemptFiles::read(const AttemptQuery& query) const {
  std::optional<Place> from;
  if (!query.after.empty()) {
    from = parse_place(query.after);
    if (!from) {
      return fail(Code::kInvalid, "this is not where a page of attempts begins");
    }
  }
  std::vector<std::pair<Place, AttemptEntry>> found;
  for (const Day day : days()) {
    if (from && day > from->day) {
      continue;
    }
    const std::int64_t before =
        from && day == from->day ? from->before : std::numeric_limits<std::int64_t>::max();
    try {
      Connection connection(path_of(day), "", Connection::Mode::kRead);
      read_day(connection, day, query, before, found);
    } catch (const SqliteFailure&) {
      // Its day is passed over: it went meanwhile, or is damaged.
      std::erase_if(found, [&](const auto& each) { return each.first.day == day; });
    }
    if (found.size() > query.limit) {
      break;
    }
  }
  AttemptPage page;
  if (found.size() > query.limit) {
    found.resize(query.limit, found.front());
    const Place& last = found.back().first;
    page.next = fmt::format("{}:{}", day_text(last.day), last.before);
  }
  page.entries.reserve(found.size());
  for (auto& [unused, entry] : found) {
    page.entries.push_back(std::move(entry));
  }
  return page;
}

void AttemptFiles::forget(const TenantName& tenant,
                          const std::optional<std::string>& subscription) {
  for (const Day day : days()) {
    const bool was_open = writers_.contains(day);
    try {
      writer(day).forget(tenant, subscription);
    } catch (const SqliteFailure&) {
      writers_.erase(day);
      continue;  // a damaged file shows nothing either
    }
    if (!was_open) {
      writers_.erase(day);
    }
  }
}

void AttemptFiles::expire(Day first_kept) {
  for (const Day day : days()) {
    if (day < first_kept) {
      writers_.erase(day);
      std::error_code ignored;
      for (const char* tail : {"", "-wal", "-shm"}) {
        std::filesystem::remove(path_of(day) + tail, ignored);
      }
    }
  }
}

}  // namespace bitvault
