// The data of events: the first line names a type, the rest is what a producer sends for it.
// `probe` is a type with a field of every kind, any other unknown name stands for one of the
// catalog's.

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>
#include <simdjson.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/attribute.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "catalog/descriptors.h"
#include "catalog/embedded.h"
#include "catalog/proto_text.h"
#include "catalog/validator.h"
#include "fuzz.h"

namespace bitvault::fuzz {
namespace {

namespace protobuf = google::protobuf;

constexpr std::string_view kProbe = R"(
// A probe.
message Made {
  option (bitvault.event) = {
    type: "bitvault.probe.made.v1" revision: 1 partition_key: "it.key" subject: "it.label"
    producer: CATALOG_PRODUCER_ANY
  };
  // F.
  It it = 1 [(bitvault.field) = {required: true}];
  // F.
  string text = 2 [(bitvault.field) = {min_len: 2, max_len: 4}];
  // F.
  string code = 3 [(bitvault.field) = {pattern: "^[a-f]+$"}];
  // F.
  bytes blob = 4 [(bitvault.field) = {max_len: 4}];
  // F.
  bool flag = 5;
  // F.
  int32 small = 6;
  // F.
  uint32 positive = 7;
  // F.
  int64 big = 8;
  // F.
  uint64 huge = 9;
  // F.
  int64 percent = 10 [(bitvault.field) = {min: 0, max: 100}];
  // F.
  double ratio = 11;
  // F.
  Colour colour = 12;
  // F.
  google.protobuf.Timestamp seen_at = 13;
  // F.
  repeated string tags = 14 [(bitvault.field) = {max_items: 3}];
  // F.
  map<string, int64> counts = 15 [(bitvault.field) = {max_items: 3}];
  // F.
  repeated It items = 16;
}
// It.
message It {
  // F.
  string key = 1 [(bitvault.field) = {required: true}];
  // F.
  optional string label = 2;
  // F.
  It child = 3;
}
// C.
enum Colour {
  // U.
  COLOUR_UNSPECIFIED = 0;
  // R.
  COLOUR_RED = 1;
}
)";

// The messages as protobuf knows them.
class Messages {
 public:
  explicit Messages(std::string_view descriptor_set) {
    protobuf::FileDescriptorSet set;
    check(set.ParseFromString(std::string(descriptor_set)), "a descriptor set is read");
    for (const protobuf::FileDescriptorProto& file : set.file()) {
      check(pool_.BuildFile(file) != nullptr, "a descriptor set is complete");
    }
  }

  // Whether the JSON is that of this message.
  bool takes(const std::string& message, const std::string& json) {
    const protobuf::Descriptor* const type = pool_.FindMessageTypeByName(message);
    check(type != nullptr, "the message of an event is known");
    const std::unique_ptr<protobuf::Message> made(factory_.GetPrototype(type)->New());
    return protobuf::util::JsonStringToMessage(json, made.get()).ok();
  }

 private:
  protobuf::DescriptorPool pool_;
  protobuf::DynamicMessageFactory factory_;
};

struct Source {
  Source(std::string_view descriptor_set, std::string name)
      : schemas(read_descriptor_set(descriptor_set).value()),
        messages(descriptor_set),
        package(std::move(name)) {}
  Schemas schemas;
  Messages messages;
  std::string package;  // of the messages, with the dot behind it
};

// U+0000 is what PostgreSQL's jsonb cannot hold.
bool has_nul(const simdjson::dom::element& value) {
  std::string_view text;
  simdjson::dom::array elements;
  simdjson::dom::object members;
  if (value.get(elements) == simdjson::SUCCESS) {
    return std::ranges::any_of(elements, has_nul);
  }
  if (value.get(members) == simdjson::SUCCESS) {
    return std::ranges::any_of(members, [](const simdjson::dom::key_value_pair& member) {
      return member.key.contains('\0') || has_nul(member.value);
    });
  }
  return value.get(text) == simdjson::SUCCESS && text.contains('\0');
}

void check_refusal(const Error& error) {
  check(error.code == Code::kEventInvalid || error.code == Code::kTooLarge,
        "data is invalid or too large");
  check(error.code == Code::kTooLarge || !error.violations.empty(), "a refusal says why");
  check(error.violations.size() <= 20, "violations are bounded");
  for (const Violation& violation : error.violations) {
    check(violation.path.starts_with("data") && !violation.message.empty(),
          "a violation says where and what");
    check(is_valid_utf8(violation.path) && is_valid_utf8(violation.message), "a violation is text");
  }
}

void check_data(const EventSchema& event, Source& source, std::string_view data) {
  const auto valid = validate_data(event, data);
  if (!valid) {
    return check_refusal(valid.error());
  }
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  check(parser.parse(valid->json).get(root) == simdjson::SUCCESS && root.is_object(),
        "valid data is a JSON object");
  check(!has_nul(root), "valid data has no U+0000");
  check(valid->json.find_first_of("\r\n") == std::string::npos, "valid data is one line");
  check(is_attribute_token(valid->partitionkey, kPartitionKeyBytesMax) && !valid->subject.empty() &&
            valid->subject.size() <= kSubjectBytesMax,
        "valid data gives the event its attributes");
  const auto again = validate_data(event, valid->json);
  check(again && again->json == valid->json && again->subject == valid->subject &&
            again->partitionkey == valid->partitionkey,
        "valid data is in its one form");
  check(source.messages.takes(source.package + event.data->name, valid->json),
        "valid data is the message in ProtoJSON");
}

void run(std::string_view input) {
  static Source catalog{embedded_descriptor_set(), "bitvault.events.v1."};
  static Source probe{descriptor_set_of(kProbe), "bitvault.probe.v1."};
  std::string_view data = input;
  const std::string_view type = take_until(data, "\n");
  if (type == "probe") {
    return check_data(probe.schemas.events.front(), probe, data);
  }
  Dice dice(type);
  const auto& events = catalog.schemas.events;
  const auto named = std::ranges::find(events, type, &EventSchema::type);
  check_data(named != events.end() ? *named : events[dice.below(events.size())], catalog, data);
}

const Registered kCatalog({"catalog", run});

}  // namespace
}  // namespace bitvault::fuzz
