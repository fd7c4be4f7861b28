#include "producer.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "event/parse.h"
#include "fuzz.h"

namespace bitvault::fuzz {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kSchema = "urn:bitvault:schema:bitvault.node.created.v1:1";

// Takes `,"name":"value"` out, whose value begins at `at`.
void take_out(std::string& bytes, std::string_view name, std::size_t at, std::size_t value_bytes) {
  const std::string before = fmt::format(",\"{}\":\"", name);
  check(at >= before.size() && std::string_view(bytes).substr(0, at).ends_with(before) &&
            bytes.at(at + value_bytes) == '"',
        "an event's members stand where they are said to");
  bytes.erase(at - before.size(), before.size() + value_bytes + 1);
}

// Whether no object has two members of one name: the catalog sees to that before an event is
// encoded.
bool has_names_once(const dom::element& value) {
  dom::array elements;
  if (value.get(elements) == simdjson::SUCCESS) {
    return std::ranges::all_of(elements, has_names_once);
  }
  dom::object members;
  if (value.get(members) != simdjson::SUCCESS) {
    return true;
  }
  std::set<std::string_view> names;
  return std::ranges::all_of(members, [&](const dom::key_value_pair& member) {
    return names.insert(member.key).second && has_names_once(member.value);
  });
}

// API.md, Event: what an attribute may hold.
void check_attributes(const EventDraft& draft) {
  check(is_event_type(draft.type), "a type is one");
  check(!draft.source || is_attribute_token(*draft.source, kSourceBytesMax), "a source is a token");
  check(!draft.partitionkey || is_attribute_token(*draft.partitionkey, kPartitionKeyBytesMax),
        "a partition key is a token");
  const std::string subject = draft.subject.value_or("-");
  check(!subject.empty() && subject.size() <= kSubjectBytesMax && is_valid_utf8(subject),
        "a subject is a text");
  for (std::size_t i = 0; i < subject.size(); ++i) {
    const auto c = static_cast<unsigned char>(subject[i]);
    const bool c1 = c == 0xc2 && static_cast<unsigned char>(subject.at(i + 1)) < 0xa0;
    check(c >= 0x20 && c != 0x7f && !c1, "a subject has no control characters");
  }
  check(draft.extensions.size() <= kExtensionsMax, "extensions are bounded");
}

// What a reader filters by says what the draft says.
void check_head(const EventDraft& draft, const EncodedEvent& event) {
  const EventHead head = read_head(event.bytes);
  const auto says = [](std::string_view escaped, std::string_view text) {
    return fmt::format("\"{}\"", escaped) == json_string(text);
  };
  check(says(head.id, event.id.str()) && says(head.type, draft.type) &&
            says(head.subject, draft.subject.value_or(defaults(false).subject)) &&
            says(head.partitionkey, draft.partitionkey.value_or(defaults(false).partitionkey)),
        "an event's head says what the draft says");
}

}  // namespace

EventDefaults defaults(bool other) {
  return {.tenant = TenantName::parse("acme").value(),
          .id = EventId::parse(other ? "made-2" : "made-1").value(),
          .time = WallTime{Duration{other ? 1'795'406'523'000'000 : 1'795'406'522'123'456}},
          .dataschema = std::string(kSchema),
          .partitionkey = "n_1",
          .subject = "/a/\u00e4 \"b\".txt",
          .traceparent = other ? std::optional<std::string>(
                                     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
                               : std::nullopt};
}

EncodedEvent stamped(EncodedEvent event) {
  std::array<std::byte, 16> salt{};
  salt.fill(std::byte{0x5a});
  stamp(event, {.epoch = Epoch::parse("abcdefgh2345").value(),
                .sequence = Sequence{17},
                .recordedtime = WallTime{Duration{1'795'406'524'000'000}},
                .salt = salt});
  return event;
}

std::string as_sent(const EncodedEvent& event) {
  const std::string tenant = defaults(false).tenant.str();
  const std::string_view before_epoch = "\",\"epoch\":\"";
  const std::size_t tenant_at = event.offsets.epoch - before_epoch.size() - tenant.size();
  std::string bytes = event.bytes;  // from the end, so that the offsets before stay
  take_out(bytes, "salt", event.offsets.salt, kSaltTextBytes);
  take_out(bytes, "sequence", event.offsets.sequence, 20);
  take_out(bytes, "epoch", event.offsets.epoch, Epoch::kBytes);
  take_out(bytes, "tenant", tenant_at, tenant.size());
  take_out(bytes, "recordedtime", event.offsets.recordedtime, kTimeTextBytes);
  return bytes;
}

void check_draft(const EventDraft& draft) {
  check_attributes(draft);
  const auto event = encode(draft, defaults(false));
  if (!event) {
    check(event.error().code == Code::kTooLarge, "a draft is encoded unless it is too large");
    return;
  }
  const EncodedEvent committed = stamped(*event);
  check(committed.bytes.size() == event->bytes.size(), "a stamp changes no size");
  dom::parser parser;
  dom::element root;
  check(parser.parse(committed.bytes).get(root) == simdjson::SUCCESS && root.is_object(),
        "an event's bytes are a JSON object");
  if (has_names_once(root)) {
    check(same_members(committed.bytes, *event), "an event has its own members");
    const auto repeat = encode(draft, defaults(true));
    check(!repeat || !draft.id || same_members(committed.bytes, *repeat),
          "a repeat has the members of the first");
  }
  check_head(draft, committed);

  const auto parsed = parse_event(as_sent(*event));
  check(parsed && parsed->size() == 1, "an encoded event parses");
  EventDefaults unused = defaults(true);
  unused.traceparent.reset();
  const auto again = encode(parsed->front(), unused);
  check(again && again->bytes == event->bytes, "an event parsed and encoded has the same bytes");
}

}  // namespace bitvault::fuzz
