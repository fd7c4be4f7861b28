#include "delivery/records.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <utility>

#include "event/event.h"

namespace bitvault::delivery {
namespace {

namespace json = boost::json;

// Words of an enumeration, in its order.
constexpr std::array<std::string_view, 3> kReplayStates{"running", "done", "cancelled"};
constexpr std::array<std::string_view, 3> kMarks{"none", "among_others", "alone"};
constexpr std::array<std::string_view, 5> kRequestKinds{"redeliver", "redeliver_dead",
                                                        "discard_dead", "skip", "cancel_replay"};

template <class E, std::size_t N>
std::string_view word(const std::array<std::string_view, N>& words, E value) {
  return words.at(static_cast<std::size_t>(std::to_underlying(value)));
}

std::int64_t micros(WallTime time) { return time.time_since_epoch().count(); }

// Reads the members of one record; the first that is missing or of the wrong kind makes it bad.
class Reader {
 public:
  explicit Reader(std::string_view text) {
    boost::system::error_code error;
    value_ = json::parse(text, error);
    good_ = !error && value_.is_object();
  }
  explicit Reader(const json::value& value) : value_(value), good_(value.is_object()) {}

  [[nodiscard]] const json::value* find(std::string_view name) {
    return good_ ? value_.get_object().if_contains(name) : nullptr;
  }
  const json::value* must(std::string_view name) {
    const json::value* const value = find(name);
    good_ = good_ && value != nullptr;
    return value;
  }

  void read(std::string_view name, std::uint64_t& to) {
    if (const json::value* const value = must(name); value != nullptr) {
      boost::system::error_code error;
      to = value->to_number<std::uint64_t>(error);
      good_ = good_ && !error;
    }
  }
  void read(std::string_view name, unsigned& to) {
    std::uint64_t wide = 0;
    read(name, wide);
    good_ = good_ && std::in_range<unsigned>(wide);
    to = static_cast<unsigned>(wide);
  }
  void read(std::string_view name, Sequence& to) { read(name, to.value); }
  void read(std::string_view name, bool& to) {
    const json::value* const value = must(name);
    good_ = good_ && value->is_bool();
    to = good_ && value->get_bool();
  }
  void read(std::string_view name, std::string& to) {
    const json::value* const value = must(name);
    good_ = good_ && value->is_string();
    if (good_) {
      to = std::string_view(value->get_string());
    }
  }
  void read(std::string_view name, WallTime& to) {
    if (const json::value* const value = must(name); value != nullptr) {
      good_ = good_ && value->is_int64();
      to = good_ ? WallTime(Duration(value->get_int64())) : WallTime();
    }
  }
  void read(std::string_view name, std::vector<Sequence>& to) {
    const json::value* const value = must(name);
    good_ = good_ && value->is_array();
    for (std::size_t i = 0; good_ && i < value->get_array().size(); ++i) {
      boost::system::error_code error;
      to.push_back({value->get_array()[i].to_number<std::uint64_t>(error)});
      good_ = !error;
    }
  }
  template <class E, std::size_t N>
  void read(std::string_view name, const std::array<std::string_view, N>& words, E& to) {
    std::string text;
    read(name, text);
    const auto found = std::ranges::find(words, text);
    good_ = good_ && found != words.end();
    to = good_ ? static_cast<E>(found - words.begin()) : E{};
  }
  template <class T>
  void read_optional(std::string_view name, std::optional<T>& to) {
    if (find(name) != nullptr) {
      read(name, to.emplace());
    }
  }
  void bad_unless(bool condition) { good_ = good_ && condition; }

  template <class T>
  [[nodiscard]] Result<T> finish(T record) const {
    if (!good_) {
      return fail(Code::kInternal, "a record of the delivery state cannot be read");
    }
    return record;
  }

 private:
  json::value value_;
  bool good_ = false;
};

json::array numbers(const std::vector<Sequence>& sequences) {
  json::array array;
  for (const Sequence sequence : sequences) {
    array.emplace_back(sequence.value);
  }
  return array;
}

json::object object_of(const TrackRecord& record) {
  json::object object{{"position", record.position.value},
                      {"matched", record.matched.value},
                      {"filter_revision", record.filter_revision},
                      {"done", numbers(record.done)},
                      {"failures", record.failures},
                      {"failing_told", record.failing_told}};
  if (record.failing_since) {
    object["failing_since"] = micros(*record.failing_since);
  }
  return object;
}

TrackRecord track_of(Reader& reader) {
  TrackRecord record;
  reader.read("position", record.position);
  reader.read("matched", record.matched);
  reader.read("filter_revision", record.filter_revision);
  reader.read("done", record.done);
  reader.read("failures", record.failures);
  reader.read("failing_told", record.failing_told);
  reader.read_optional("failing_since", record.failing_since);
  return record;
}

}  // namespace

std::string to_record(const TrackRecord& record) { return json::serialize(object_of(record)); }

std::string to_record(const ReplayRecord& record) {
  json::object object{{"track", object_of(record.track)},
                      {"since", record.since.value},
                      {"until", record.until.value},
                      {"only_failed", record.only_failed},
                      {"state", word(kReplayStates, record.state)},
                      {"created", micros(record.created)},
                      {"matched", record.matched},
                      {"delivered", record.delivered},
                      {"dead_lettered", record.dead_lettered}};
  if (record.ended) {
    object["ended"] = micros(*record.ended);
  }
  return json::serialize(object);
}

std::string to_record(const DebtRecord& record) {
  return json::serialize(json::object{{"sequence", record.sequence.value},
                                      {"previous", record.previous.value},
                                      {"key", record.key},
                                      {"attempts", record.attempts},
                                      {"due", micros(record.due)},
                                      {"first", micros(record.first)},
                                      {"strikes", record.strikes},
                                      {"accused", record.accused},
                                      {"mark", word(kMarks, record.mark)},
                                      {"reason", record.reason}});
}

std::string to_record(const DeadLetter& record) {
  return json::serialize(json::object{{"sequence", record.sequence.value},
                                      {"previous", record.previous.value},
                                      {"event_id", record.event_id},
                                      {"event_type", record.event_type},
                                      {"reason", record.reason},
                                      {"attempts", record.attempts},
                                      {"first", micros(record.first)},
                                      {"at", micros(record.at)},
                                      {"status", record.status},
                                      {"failure", record.failure},
                                      {"detail", record.detail},
                                      {"answer", record.answer},
                                      {"bytes", record.bytes}});
}

std::string to_record(const SkipRecord& record) {
  return json::serialize(json::object{{"from", record.from.value},
                                      {"to", record.to.value},
                                      {"reason", record.reason},
                                      {"at", micros(record.at)}});
}

std::string to_record(const Request& record) {
  json::object object{{"kind", word(kRequestKinds, record.kind)}, {"replay", record.replay}};
  if (record.sequences) {
    object["sequences"] = numbers(*record.sequences);
  }
  return json::serialize(object);
}

template <>
Result<TrackRecord> from_record(std::string_view value) {
  Reader reader(value);
  return reader.finish(track_of(reader));
}

template <>
Result<ReplayRecord> from_record(std::string_view value) {
  Reader reader(value);
  ReplayRecord record;
  if (const json::value* const track = reader.must("track"); track != nullptr) {
    Reader inner(*track);
    const Result<TrackRecord> read = inner.finish(track_of(inner));
    reader.bad_unless(read.has_value());
    record.track = read.value_or(TrackRecord{});
  }
  reader.read("since", record.since);
  reader.read("until", record.until);
  reader.read("only_failed", record.only_failed);
  reader.read("state", kReplayStates, record.state);
  reader.read("created", record.created);
  reader.read("matched", record.matched);
  reader.read("delivered", record.delivered);
  reader.read("dead_lettered", record.dead_lettered);
  reader.read_optional("ended", record.ended);
  return reader.finish(std::move(record));
}

template <>
Result<DebtRecord> from_record(std::string_view value) {
  Reader reader(value);
  DebtRecord record;
  reader.read("sequence", record.sequence);
  reader.read("previous", record.previous);
  reader.read("key", record.key);
  reader.read("attempts", record.attempts);
  reader.read("due", record.due);
  reader.read("first", record.first);
  reader.read("strikes", record.strikes);
  reader.read("accused", record.accused);
  reader.read("mark", kMarks, record.mark);
  reader.read("reason", record.reason);
  return reader.finish(std::move(record));
}

template <>
Result<DeadLetter> from_record(std::string_view value) {
  Reader reader(value);
  DeadLetter record;
  reader.read("sequence", record.sequence);
  reader.read("previous", record.previous);
  reader.read("event_id", record.event_id);
  reader.read("event_type", record.event_type);
  reader.read("reason", record.reason);
  reader.read("attempts", record.attempts);
  reader.read("first", record.first);
  reader.read("at", record.at);
  reader.read("status", record.status);
  reader.read("failure", record.failure);
  reader.read("detail", record.detail);
  reader.read("answer", record.answer);
  reader.read("bytes", record.bytes);
  return reader.finish(std::move(record));
}

template <>
Result<SkipRecord> from_record(std::string_view value) {
  Reader reader(value);
  SkipRecord record;
  reader.read("from", record.from);
  reader.read("to", record.to);
  reader.read("reason", record.reason);
  reader.read("at", record.at);
  return reader.finish(std::move(record));
}

template <>
Result<Request> from_record(std::string_view value) {
  Reader reader(value);
  Request record{};
  reader.read("kind", kRequestKinds, record.kind);
  reader.read("replay", record.replay);
  reader.read_optional("sequences", record.sequences);
  return reader.finish(std::move(record));
}

std::string track_key(std::string_view subscription, std::string_view track) {
  return fmt::format("{}/{}", subscription, track);
}

std::string sequence_key(std::string_view subscription, Sequence sequence) {
  return fmt::format("{}/{}", subscription, sequence_text(sequence));
}

std::string skip_key(std::string_view subscription, const SkipRecord& skip) {
  return fmt::format("{}/{}", sequence_key(subscription, skip.from), skip.reason);
}

std::string debt_key(std::string_view subscription, std::string_view track, Sequence sequence) {
  return fmt::format("{}/{}/{}", subscription, track, sequence_text(sequence));
}

std::string prefix_of(std::string_view subscription) { return fmt::format("{}/", subscription); }

std::string prefix_of(std::string_view subscription, std::string_view track) {
  return fmt::format("{}/{}/", subscription, track);
}

std::string_view subscription_of(std::string_view key) { return key.substr(0, key.find('/')); }

std::string_view last_part_of(std::string_view key) { return key.substr(key.rfind('/') + 1); }

std::string debt_holder(std::string_view subscription, std::string_view track) {
  return fmt::format("delivery/{}/{}", subscription, track);
}

std::string dead_letter_holder(std::string_view subscription) {
  return fmt::format("delivery/{}/dead", subscription);
}

void begin(Transaction& transaction, std::string_view subscription, Sequence position) {
  transaction.put(kTracks, track_key(subscription, kLive),
                  to_record(TrackRecord{.position = position, .matched = {}}));
}

void begin_replay(Transaction& transaction, std::string_view subscription, std::string_view id,
                  const ReplayRecord& replay) {
  transaction.put(kTracks, track_key(subscription, id), to_record(replay));
}

void add_request(Transaction& transaction, std::string_view subscription, std::string_view id,
                 const Request& request) {
  transaction.put(kRequests, track_key(subscription, id), to_record(request));
}

}  // namespace bitvault::delivery
