#include "catalog/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdint>
#include <limits>
#include <set>
#include <string>

#include "base/text.h"

namespace bitvault {
namespace {

namespace json = boost::json;

void append_indented(std::string& out, const json::value& value, std::size_t depth);

void append_line(std::string& out, std::size_t depth) {
  out += '\n';
  out.append(2 * depth, ' ');
}

void append_indented(std::string& out, const json::object& object, std::size_t depth) {
  out += '{';
  bool first = true;
  for (const auto& member : object) {
    out += first ? "" : ",";
    first = false;
    append_line(out, depth + 1);
    append_json_string(out, {member.key().data(), member.key().size()});
    out += ": ";
    append_indented(out, member.value(), depth + 1);
  }
  if (!first) {
    append_line(out, depth);
  }
  out += '}';
}

void append_indented(std::string& out, const json::array& array, std::size_t depth) {
  out += '[';
  bool first = true;
  for (const auto& element : array) {
    out += first ? "" : ",";
    first = false;
    append_line(out, depth + 1);
    append_indented(out, element, depth + 1);
  }
  if (!first) {
    append_line(out, depth);
  }
  out += ']';
}

void append_indented(std::string& out, const json::value& value, std::size_t depth) {
  if (const auto* object = value.if_object()) {
    append_indented(out, *object, depth);
  } else if (const auto* array = value.if_array()) {
    append_indented(out, *array, depth);
  } else {
    out += json::serialize(value);
  }
}

// "NodeCreated" becomes "Node created".
std::string title_of(std::string_view name) {
  std::string title;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z' && !title.empty()) {
      title += ' ';
      title += ascii_lower(c);
    } else {
      title += c;
    }
  }
  return title;
}

class Writer {
 public:
  json::object run(const EventSchema& event, std::string_view example) {
    json::object root{
        {"$schema", "https://json-schema.org/draft/2020-12/schema"},
        {"$id", dataschema_of(event)},
        {"title", title_of(event.data->name)},
        {"description", event.data->description},
        {"x-bitvault-type", event.type},
        {"x-bitvault-revision", event.revision},
        {"x-bitvault-producer", event.system_only ? "system" : "any"},
        {"x-bitvault-partitionkey", event.partition_key},
    };
    if (!event.subject.empty()) {
      root["x-bitvault-subject"] = event.subject;
    }
    for (auto& member : shape_of(*event.data)) {
      root.insert(member);
    }
    if (!example.empty()) {
      root["examples"] = json::array{json::parse(example)};
    }
    if (!definitions_.empty()) {
      root["$defs"] = definitions_;
    }
    return root;
  }

 private:
  json::object shape_of(const MessageSchema& message) {
    json::object properties;
    json::array required;
    for (const FieldSchema& field : message.fields) {
      properties[field.name] = field_of(field);
      if (field.required) {
        required.emplace_back(field.name);
      }
    }
    json::object shape{{"type", "object"}, {"properties", std::move(properties)}};
    if (!required.empty()) {
      shape["required"] = std::move(required);
    }
    shape["additionalProperties"] = false;
    return shape;
  }

  json::object field_of(const FieldSchema& field) {
    json::object schema{{"description", field.description}};
    switch (field.shape) {
      case Shape::kOne:
        for (auto& member : value_of(field)) {
          schema.insert(member);
        }
        break;
      case Shape::kList:
        schema["type"] = "array";
        schema["items"] = value_of(field);
        if (field.limits.max_items != kNoLimit) {
          schema["maxItems"] = field.limits.max_items;
        }
        break;
      case Shape::kMap:
        schema["type"] = "object";
        schema["additionalProperties"] = value_of(field);
        if (field.limits.max_items != kNoLimit) {
          schema["maxProperties"] = field.limits.max_items;
        }
        break;
    }
    return schema;
  }

  json::object value_of(const FieldSchema& field) {
    switch (field.kind) {
      case Kind::kString:
        return text_of(field.limits);
      case Kind::kBytes:
        return bytes_of(field.limits);
      case Kind::kBool:
        return {{"type", "boolean"}};
      case Kind::kInt32:
        return integer_of<std::int32_t>(field.limits);
      case Kind::kUint32:
        return integer_of<std::uint32_t>(field.limits);
      case Kind::kInt64:
        return long_of(field.limits, "int64");
      case Kind::kUint64:
        return long_of(field.limits, "uint64");
      case Kind::kDouble:
        return {{"type", "number"}};
      case Kind::kEnum:
        return {{"$ref", define(*field.enumeration)}};
      case Kind::kMessage:
        return {{"$ref", define(*field.message)}};
      case Kind::kTimestamp:
        return {{"type", "string"}, {"format", "date-time"}};
    }
    return {};
  }

  static json::object text_of(const Limits& limits) {
    json::object schema{{"type", "string"}};
    if (limits.min_len > 0) {
      schema["minLength"] = limits.min_len;
    }
    if (limits.max_len != kNoLimit) {
      schema["maxLength"] = limits.max_len;
    }
    if (limits.pattern) {
      schema["pattern"] = limits.pattern->pattern();
    }
    return schema;
  }

  static json::object bytes_of(const Limits& limits) {
    const auto base64_bytes = [](std::uint64_t bytes) { return (bytes + 2) / 3 * 4; };
    json::object schema{{"type", "string"}, {"contentEncoding", "base64"}};
    if (limits.min_len > 0) {
      schema["minLength"] = base64_bytes(limits.min_len);
    }
    if (limits.max_len != kNoLimit) {
      schema["maxLength"] = base64_bytes(limits.max_len);
    }
    return schema;
  }

  template <class T>
  static json::object integer_of(const Limits& limits) {
    const auto min = std::int64_t{std::numeric_limits<T>::min()};
    const auto max = std::int64_t{std::numeric_limits<T>::max()};
    return {{"type", "integer"},
            {"minimum", std::max(min, limits.min.value_or(min))},
            {"maximum", std::min(max, limits.max.value_or(max))}};
  }

  // JSON numbers end at 2^53 in most programs, so 64-bit integers are strings.
  static json::object long_of(const Limits& limits, std::string_view format) {
    const bool negative = format == "int64" && limits.min.value_or(-1) < 0;
    const bool zero = limits.min.value_or(0) <= 0;
    const std::string_view digits = format == "int64" ? "[1-9][0-9]{0,18}" : "[1-9][0-9]{0,19}";
    json::object schema{
        {"type", "string"},
        {"format", format},
        {"pattern", negative ? fmt::format("^(0|-?{})$", digits)
                    : zero   ? fmt::format("^(0|{})$", digits)
                             : fmt::format("^{}$", digits)},
    };
    if (limits.min) {
      schema["x-bitvault-minimum"] = fmt::to_string(*limits.min);
    }
    if (limits.max) {
      schema["x-bitvault-maximum"] = fmt::to_string(*limits.max);
    }
    return schema;
  }

  // Each message and enum is defined once, also one that contains itself.
  std::string define(const MessageSchema& message) {
    if (defined_.insert(message.name).second) {
      json::object schema{{"description", message.description}};
      for (auto& member : shape_of(message)) {
        schema.insert(member);
      }
      definitions_[message.name] = std::move(schema);
    }
    return "#/$defs/" + message.name;
  }

  std::string define(const EnumSchema& enumeration) {
    if (defined_.insert(enumeration.name).second) {
      json::array names;
      json::object meanings;
      for (const EnumSchema::Value& value : enumeration.values) {
        names.emplace_back(value.name);
        meanings[value.name] = value.description;
      }
      definitions_[enumeration.name] = {{"description", enumeration.description},
                                        {"type", "string"},
                                        {"enum", std::move(names)},
                                        {"x-bitvault-meanings", std::move(meanings)}};
    }
    return "#/$defs/" + enumeration.name;
  }

  json::object definitions_;
  std::set<std::string> defined_;
};

}  // namespace

std::string dataschema_of(const EventSchema& event) {
  return fmt::format("urn:bitvault:schema:{}:{}", event.type, event.revision);
}

std::string json_schema_of(const EventSchema& event, std::string_view example) {
  std::string out;
  append_indented(out, json::value(Writer().run(event, example)), 0);
  out += '\n';
  return out;
}

}  // namespace bitvault
