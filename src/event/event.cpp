#include "event/event.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace bitvault {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kSequencePlaceholder = "00000000000000000000";
constexpr std::string_view kTimePlaceholder = "0000-00-00T00:00:00.000000Z";
constexpr std::string_view kEpochPlaceholder = "000000000000";
constexpr std::string_view kSaltPlaceholder = "AAAAAAAAAAAAAAAAAAAAAA";
static_assert(kTimePlaceholder.size() == kTimeTextBytes);
static_assert(kEpochPlaceholder.size() == Epoch::kBytes);
static_assert(kSaltPlaceholder.size() == kSaltTextBytes);

// Writes the envelope's members one after the other.
class Writer {
 public:
  explicit Writer(std::size_t reserve) { bytes_.reserve(reserve); }

  void member(std::string_view name, std::string_view text) {
    key(name);
    append_json_string(bytes_, text);
  }
  // Returns the offset of the placeholder's first byte.
  std::uint32_t placeholder(std::string_view name, std::string_view text) {
    key(name);
    bytes_ += '"';
    const auto offset = static_cast<std::uint32_t>(bytes_.size());
    bytes_ += text;
    bytes_ += '"';
    return offset;
  }
  void json(std::string_view name, std::string_view value) {
    key(name);
    bytes_ += value;
  }
  std::string finish() {
    bytes_ += '}';
    return std::move(bytes_);
  }

 private:
  void key(std::string_view name) {
    bytes_ += bytes_.empty() ? "{\"" : ",\"";
    bytes_ += name;
    bytes_ += "\":";
  }
  std::string bytes_;
};

template <class T>
const T& given_or(const std::optional<T>& given, const T& otherwise) {
  return given ? *given : otherwise;
}

// Equality of JSON values: the order of an object's members carries no meaning. The depth is that
// of an encoded event, which the producer's parser has bounded.
bool equal(const dom::element& a, const dom::element& b) {  // NOLINT(misc-no-recursion)
  if (a.type() != b.type()) {
    return false;
  }
  switch (a.type()) {
    case dom::element_type::ARRAY: {
      const dom::array left = a;
      const dom::array right = b;
      return std::equal(left.begin(), left.end(), right.begin(), right.end(), equal);
    }
    case dom::element_type::OBJECT: {
      const dom::object left = a;
      const dom::object right = b;
      return left.size() == right.size() &&
             std::all_of(left.begin(), left.end(), [&](const dom::key_value_pair& member) {
               dom::element other;
               return right.at_key(member.key).get(other) == simdjson::SUCCESS &&
                      equal(member.value, other);
             });
    }
    case dom::element_type::STRING:
      return a.get_string().value() == b.get_string().value();
    case dom::element_type::INT64:
      return a.get_int64().value() == b.get_int64().value();
    case dom::element_type::UINT64:
      return a.get_uint64().value() == b.get_uint64().value();
    case dom::element_type::DOUBLE:
      return a.get_double().value() == b.get_double().value();
    case dom::element_type::BOOL:
      return a.get_bool().value() == b.get_bool().value();
    case dom::element_type::NULL_VALUE:
      return true;
  }
  return false;
}

// Removes and returns the JSON string that starts at the front, without its quotes.
std::string_view take_string(std::string_view& rest) {
  check(!rest.empty() && rest.front() == '"', "an event's attributes are strings");
  std::size_t end = 1;
  while (true) {
    end = rest.find_first_of("\"\\", end);
    check(end != std::string_view::npos, "an event's strings are closed");
    if (rest[end] == '"') {
      break;
    }
    end += 2;
  }
  const std::string_view text = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);
  return text;
}

}  // namespace

Result<EncodedEvent> encode(const EventDraft& draft, const EventDefaults& defaults) {
  const std::string default_source = "/tenants/" + defaults.tenant.str();
  const std::optional<std::string>& trace =
      draft.traceparent ? draft.traceparent : defaults.traceparent;
  const EventId& id = given_or(draft.id, defaults.id);

  Writer out(draft.data.size() + 640);
  EncodedEvent::Offsets offsets;
  out.member("specversion", "1.0");
  out.member("id", id.str());
  out.member("source", given_or(draft.source, default_source));
  out.member("type", draft.type);
  out.member("subject", given_or(draft.subject, defaults.subject));
  out.member("time", format_time(given_or(draft.time, defaults.time)));
  offsets.recordedtime = out.placeholder("recordedtime", kTimePlaceholder);
  out.member("datacontenttype", "application/json");
  out.member("dataschema", defaults.dataschema);
  out.member("tenant", defaults.tenant.str());
  offsets.epoch = out.placeholder("epoch", kEpochPlaceholder);
  offsets.sequence = out.placeholder("sequence", kSequencePlaceholder);
  out.member("partitionkey", given_or(draft.partitionkey, defaults.partitionkey));
  offsets.salt = out.placeholder("salt", kSaltPlaceholder);
  if (trace) {
    out.member("traceparent", *trace);
  }
  for (const auto& [name, value] : draft.extensions) {
    out.json(name, value);
  }
  out.json("data", draft.data);

  std::string bytes = out.finish();
  if (bytes.size() > kEventBytesMax) {
    return fail(Code::kTooLarge, fmt::format("the encoded event has {} bytes, {} are allowed",
                                             bytes.size(), kEventBytesMax));
  }
  return EncodedEvent{id, std::move(bytes), offsets,
                      EncodedEvent::Given{.id = draft.id.has_value(),
                                          .time = draft.time.has_value(),
                                          .traceparent = draft.traceparent.has_value()}};
}

void stamp(EncodedEvent& event, const Stamp& stamp) {
  const auto write = [&](std::uint32_t offset, std::string_view text) {
    check(offset + text.size() <= event.bytes.size(), "a placeholder lies inside its event");
    std::memcpy(event.bytes.data() + offset, text.data(), text.size());
  };
  write(event.offsets.recordedtime, format_time(stamp.recordedtime));
  write(event.offsets.epoch, stamp.epoch.str());
  write(event.offsets.sequence, sequence_text(stamp.sequence));
  write(event.offsets.salt, base64url(stamp.salt));
}

bool same_members(std::string_view committed, const EncodedEvent& repeat) {
  const auto ignored = [&](std::string_view name) {
    return name == "recordedtime" || name == "epoch" || name == "sequence" || name == "salt" ||
           name == "dataschema" || (name == "time" && !repeat.given.time) ||
           (name == "traceparent" && !repeat.given.traceparent);
  };
  dom::parser first_parser;
  dom::parser second_parser;
  const dom::object first = first_parser.parse(committed.data(), committed.size());
  const dom::object second = second_parser.parse(repeat.bytes.data(), repeat.bytes.size());
  const auto holds = [&](const dom::object& in, const dom::key_value_pair& member) {
    dom::element other;
    return ignored(member.key) ||
           (in.at_key(member.key).get(other) == simdjson::SUCCESS && equal(member.value, other));
  };
  return std::all_of(first.begin(), first.end(), [&](const auto& m) { return holds(second, m); }) &&
         std::all_of(second.begin(), second.end(), [&](const auto& m) { return holds(first, m); });
}

EventHead read_head(std::string_view bytes) {
  EventHead head;
  std::string_view rest = bytes;
  while (true) {
    check(!rest.empty() && (rest.front() == '{' || rest.front() == ','), "an event is an object");
    rest.remove_prefix(1);
    const std::string_view name = take_string(rest);
    check(!rest.empty() && rest.front() == ':', "an event's attribute has a value");
    rest.remove_prefix(1);
    const std::string_view value = take_string(rest);
    if (name == "id") {
      head.id = value;
    } else if (name == "type") {
      head.type = value;
    } else if (name == "subject") {
      head.subject = value;
    } else if (name == "recordedtime") {
      head.recordedtime = value;
    } else if (name == "epoch") {
      head.epoch = value;
    } else if (name == "partitionkey") {
      head.partitionkey = value;
      return head;
    }
  }
}

std::string sequence_text(Sequence sequence) { return fmt::format("{:020}", sequence.value); }

}  // namespace bitvault
