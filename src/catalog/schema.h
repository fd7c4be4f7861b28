// Schemas: the catalog's messages as plain tables, made once from the protobuf descriptors and then
// only read. The validator walks JSON along them; the JSON Schemas and the documentation are
// written from them.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/text_rule.h"

namespace bitvault {

inline constexpr std::size_t kFieldsMax = 64;  // of a message: a set of fields is one word

enum class Kind : std::uint8_t {
  kString,
  kBytes,
  kBool,
  kInt32,
  kUint32,
  kInt64,
  kUint64,
  kDouble,
  kEnum,
  kMessage,
  kTimestamp,
};

enum class Shape : std::uint8_t { kOne, kList, kMap };

struct EnumSchema {
  struct Value {
    std::string name;
    std::string description;
  };
  std::string name;
  std::string description;
  std::vector<Value> values;  // without the unspecified one, which no member may have
};

struct MessageSchema;

inline constexpr auto kNoLimit = std::numeric_limits<std::uint32_t>::max();

// What a value meets beyond its kind (CatalogField in proto/bitvault/options.proto).
struct Limits {
  std::uint32_t min_len = 0;
  std::uint32_t max_len = kNoLimit;
  std::uint32_t max_items = kNoLimit;
  std::optional<std::int64_t> min;
  std::optional<std::int64_t> max;
  std::optional<TextRule> pattern;
};

struct FieldSchema {
  std::string name;        // lowerCamelCase, as in JSON
  std::string proto_name;  // snake_case
  std::string key;         // the name as it is written: in quotes, with its colon
  std::string description;
  Kind kind = Kind::kString;
  Shape shape = Shape::kOne;
  bool required = false;
  Limits limits;
  const EnumSchema* enumeration = nullptr;  // of Kind::kEnum
  const MessageSchema* message = nullptr;   // of Kind::kMessage
};

struct MessageSchema {
  std::string name;
  std::string description;
  std::vector<FieldSchema> fields;
  std::uint64_t required = 0;  // the set of required fields, one bit each
};

struct EventSchema {
  std::string type;
  unsigned revision = 0;
  bool system_only = false;
  const MessageSchema* data = nullptr;
  std::string partition_key;  // dotted paths below `data`, of JSON names
  std::string subject;
  std::vector<const FieldSchema*> partition_key_path;
  std::vector<const FieldSchema*> subject_path;  // empty: there is none
};

// Everything that one descriptor set says. Not to be copied: its parts point to one another.
struct Schemas {
  Schemas() = default;
  Schemas(Schemas&&) noexcept = default;
  Schemas& operator=(Schemas&&) noexcept = default;

  std::deque<MessageSchema> messages;
  std::deque<EnumSchema> enums;
  std::vector<EventSchema> events;  // sorted by type
};

}  // namespace bitvault
