#include "catalog/descriptors.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/text.h"
#include "bitvault/options.pb.h"

namespace bitvault {
namespace {

namespace pb = google::protobuf;

constexpr std::string_view kTimestamp = "google.protobuf.Timestamp";
constexpr std::string_view kTypeRule =
    "^bitvault\\.[a-z][a-z0-9_]*\\.[a-z][a-z0-9_]*\\.v[1-9][0-9]*$";
constexpr std::size_t kTypeBytesMax = 128;

// The first broken rule. Caught in read_descriptor_set(): a deep walk with one outcome.
struct Defect {
  std::string what;
};

[[noreturn]] void defect(const std::string& where, std::string_view what) {
  throw Defect{fmt::format("{}: {}", where, what)};
}

// The comment above a declaration, each paragraph on one line.
template <class Descriptor>
std::string comment(const Descriptor& of) {
  pb::SourceLocation location;
  if (!of.GetSourceLocation(&location)) {
    return {};
  }
  std::string text;
  std::string_view rest = location.leading_comments;
  bool paragraph_ended = false;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line.empty()) {
      paragraph_ended = true;
      continue;
    }
    if (!text.empty()) {
      text += paragraph_ended ? "\n\n" : " ";
    }
    paragraph_ended = false;
    text += line;
  }
  return text;
}

bool is_text(Kind kind) { return kind == Kind::kString || kind == Kind::kBytes; }

bool is_integer(Kind kind) {
  return kind == Kind::kInt32 || kind == Kind::kUint32 || kind == Kind::kInt64 ||
         kind == Kind::kUint64;
}

Kind kind_of(const pb::FieldDescriptor& field) {
  using Field = pb::FieldDescriptor;
  switch (field.type()) {
    case Field::TYPE_STRING:
      return Kind::kString;
    case Field::TYPE_BYTES:
      return Kind::kBytes;
    case Field::TYPE_BOOL:
      return Kind::kBool;
    case Field::TYPE_INT32:
    case Field::TYPE_SINT32:
    case Field::TYPE_SFIXED32:
      return Kind::kInt32;
    case Field::TYPE_UINT32:
    case Field::TYPE_FIXED32:
      return Kind::kUint32;
    case Field::TYPE_INT64:
    case Field::TYPE_SINT64:
    case Field::TYPE_SFIXED64:
      return Kind::kInt64;
    case Field::TYPE_UINT64:
    case Field::TYPE_FIXED64:
      return Kind::kUint64;
    case Field::TYPE_DOUBLE:
      return Kind::kDouble;
    case Field::TYPE_ENUM:
      return Kind::kEnum;
    case Field::TYPE_MESSAGE:
      if (field.message_type()->full_name() == kTimestamp) {
        return Kind::kTimestamp;
      }
      if (field.message_type()->file()->package() == "google.protobuf") {
        defect(field.full_name(), "the catalog has no google.protobuf type but Timestamp");
      }
      return Kind::kMessage;
    case Field::TYPE_FLOAT:
    case Field::TYPE_GROUP:
      break;
  }
  defect(field.full_name(), "the catalog has no fields of this type");
}

class Reader {
 public:
  Schemas run(const pb::FileDescriptorSet& files) {
    for (const auto& file : files.file()) {
      const pb::FileDescriptor* built = pool_.BuildFile(file);
      if (built == nullptr) {
        defect(file.name(), "the file's descriptor is not valid");
      }
      for (int i = 0; i < built->message_type_count(); ++i) {
        const pb::Descriptor& message = *built->message_type(i);
        if (message.options().HasExtension(event)) {
          schemas_.events.push_back(read_event(message, message.options().GetExtension(event)));
        }
      }
    }
    std::ranges::sort(schemas_.events, {}, &EventSchema::type);
    const auto twice = std::ranges::adjacent_find(schemas_.events, {}, &EventSchema::type);
    if (twice != schemas_.events.end()) {
      defect(twice->type, "two messages have this type");
    }
    return std::move(schemas_);
  }

 private:
  EventSchema read_event(const pb::Descriptor& message, const CatalogEvent& options) {
    EventSchema result;
    result.type = options.type();
    result.revision = options.revision();
    result.system_only = options.producer() == CATALOG_PRODUCER_SYSTEM;
    if (result.type.size() > kTypeBytesMax || !TextRule::compile(kTypeRule)->matches(result.type)) {
      defect(message.full_name(), "the type is not bitvault.<aggregate>.<verb>.v<major>");
    }
    if (result.revision == 0) {
      defect(message.full_name(), "the revision starts at 1");
    }
    if (options.producer() != CATALOG_PRODUCER_ANY &&
        options.producer() != CATALOG_PRODUCER_SYSTEM) {
      defect(message.full_name(), "the producer is not said");
    }
    result.data = read_message(message);
    if (result.data->description.empty()) {
      defect(message.full_name(), "the message has no comment");
    }
    result.partition_key_path = resolve(message, *result.data, options.partition_key());
    for (const FieldSchema* field : result.partition_key_path) {
      if (!field->required) {
        defect(message.full_name(), "a partition key's path has required fields only");
      }
    }
    result.partition_key = dotted(result.partition_key_path);
    if (!options.subject().empty()) {
      result.subject_path = resolve(message, *result.data, options.subject());
      result.subject = dotted(result.subject_path);
    }
    return result;
  }

  // The fields along a dotted path of proto names, which ends at a string.
  static std::vector<const FieldSchema*> resolve(const pb::Descriptor& message,
                                                 const MessageSchema& root, std::string_view path) {
    std::vector<const FieldSchema*> steps;
    const MessageSchema* at = &root;
    while (at != nullptr) {
      const std::string_view name = path.substr(0, path.find('.'));
      const auto field = std::ranges::find(at->fields, name, &FieldSchema::proto_name);
      if (field == at->fields.end() || field->shape != Shape::kOne) {
        break;
      }
      steps.push_back(&*field);
      if (name.size() == path.size()) {
        if (field->kind == Kind::kString) {
          return steps;
        }
        break;
      }
      path.remove_prefix(name.size() + 1);
      at = field->message;
    }
    defect(message.full_name(), "a path of its options does not lead to a single string");
  }

  static std::string dotted(const std::vector<const FieldSchema*>& path) {
    std::string text;
    for (const FieldSchema* field : path) {
      text += text.empty() ? "" : ".";
      text += field->name;
    }
    return text;
  }

  const MessageSchema* read_message(const pb::Descriptor& message) {
    const auto [entry, fresh] = messages_.try_emplace(&message, nullptr);
    if (!fresh) {
      return entry->second;  // also of a message that contains itself
    }
    MessageSchema& result = schemas_.messages.emplace_back();
    entry->second = &result;
    result.name = message.name();
    result.description = comment(message);
    const auto count = static_cast<std::size_t>(message.field_count());
    if (count > kFieldsMax || message.real_oneof_decl_count() > 0) {
      defect(message.full_name(), "a message has at most 64 fields and no oneof");
    }
    result.fields.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      result.fields.push_back(read_field(*message.field(static_cast<int>(i))));
      if (result.fields.back().required) {
        result.required |= std::uint64_t{1} << i;
      }
    }
    return &result;
  }

  FieldSchema read_field(const pb::FieldDescriptor& field) {
    FieldSchema result;
    result.name = field.json_name();
    result.proto_name = field.name();
    result.key = json_string(result.name) + ":";
    result.description = comment(field);
    if (result.description.empty()) {
      defect(field.full_name(), "the field has no comment");
    }
    result.shape = field.is_map() ? Shape::kMap : field.is_repeated() ? Shape::kList : Shape::kOne;
    const pb::FieldDescriptor* value = &field;
    if (field.is_map()) {
      if (field.message_type()->map_key()->type() != pb::FieldDescriptor::TYPE_STRING) {
        defect(field.full_name(), "a map's keys are strings");
      }
      value = field.message_type()->map_value();
    }
    result.kind = kind_of(*value);
    if (result.kind == Kind::kEnum) {
      result.enumeration = read_enum(*value->enum_type());
    } else if (result.kind == Kind::kMessage) {
      result.message = read_message(*value->message_type());
    }
    read_rules(field, result);
    return result;
  }

  static void read_rules(const pb::FieldDescriptor& field, FieldSchema& result) {
    const CatalogField& rules = field.options().GetExtension(bitvault::field);
    Limits& limits = result.limits;
    result.required = rules.required();
    limits.min_len = rules.min_len();
    if (rules.has_max_len()) {
      limits.max_len = rules.max_len();
    }
    if (rules.has_max_items()) {
      limits.max_items = rules.max_items();
    }
    if (rules.has_min()) {
      limits.min = rules.min();
    }
    if (rules.has_max()) {
      limits.max = rules.max();
    }
    if (!rules.pattern().empty()) {
      auto pattern = TextRule::compile(rules.pattern());
      if (!pattern) {
        defect(field.full_name(), pattern.error().detail);
      }
      limits.pattern = *std::move(pattern);
    }
    const bool misplaced = ((limits.min_len > 0 || rules.has_max_len()) && !is_text(result.kind)) ||
                           (limits.pattern && result.kind != Kind::kString) ||
                           ((limits.min || limits.max) && !is_integer(result.kind)) ||
                           (rules.has_max_items() && result.shape == Shape::kOne);
    if (misplaced || limits.min_len > limits.max_len ||
        (limits.min && limits.max && *limits.min > *limits.max)) {
      defect(field.full_name(), "a rule does not fit the field");
    }
  }

  const EnumSchema* read_enum(const pb::EnumDescriptor& type) {
    const auto [entry, fresh] = enums_.try_emplace(&type, nullptr);
    if (!fresh) {
      return entry->second;
    }
    EnumSchema& result = schemas_.enums.emplace_back();
    entry->second = &result;
    result.name = type.name();
    result.description = comment(type);
    for (int i = 0; i < type.value_count(); ++i) {
      const pb::EnumValueDescriptor& value = *type.value(i);
      if (value.number() == 0) {
        if (!value.name().ends_with("_UNSPECIFIED")) {
          defect(type.full_name(), "the value 0 is called ..._UNSPECIFIED");
        }
        continue;
      }
      result.values.push_back({value.name(), comment(value)});
    }
    if (result.values.empty()) {
      defect(type.full_name(), "an enum has a value besides the unspecified one");
    }
    return &result;
  }

  pb::DescriptorPool pool_;
  Schemas schemas_;
  std::map<const pb::Descriptor*, const MessageSchema*> messages_;
  std::map<const pb::EnumDescriptor*, const EnumSchema*> enums_;
};

}  // namespace

Result<Schemas> read_descriptor_set(std::string_view descriptor_set) {
  pb::FileDescriptorSet files;
  if (!files.ParseFromArray(descriptor_set.data(), static_cast<int>(descriptor_set.size()))) {
    return fail(Code::kInvalid, "not a descriptor set");
  }
  try {
    return Reader().run(files);
  } catch (Defect& found) {
    return fail(Code::kInvalid, std::move(found.what));
  }
}

}  // namespace bitvault
