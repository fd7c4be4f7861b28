// The catalog of event types: what each one is, how its data must look, how it is keyed.
//
// Everything comes from the protobuf files under proto/ (their descriptor set is compiled into the
// program, comments included) and the options of proto/bitvault/options.proto. Immutable after
// load(), so thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace bitvault {

class EventType;  // one message of the catalog, compiled for validation

// The data of an event after validation.
struct ValidData {
  std::string json;          // compact, in one form
  std::string partitionkey;  // by the type's rule
  std::string subject;       // by the type's rule
};

class Catalog {
 public:
  // Reads the descriptor set that was compiled in. A broken catalog is a defect of the build: it
  // ends the process.
  [[nodiscard]] static const Catalog& builtin();
  ~Catalog();

  // Null when the catalog has no such type.
  [[nodiscard]] const EventType* find(std::string_view type) const;
  // All types, sorted by name.
  [[nodiscard]] const std::vector<const EventType*>& types() const;
  [[nodiscard]] std::string_view revision() const;

 private:
  Catalog();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class EventType {
 public:
  virtual ~EventType() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;         // bitvault.node.created.v1
  [[nodiscard]] virtual std::string_view description() const = 0;  // the message's comment
  [[nodiscard]] virtual std::string_view dataschema() const = 0;   // urn:bitvault:schema:...
  [[nodiscard]] virtual unsigned revision() const = 0;
  [[nodiscard]] virtual bool system_only() const = 0;  // producer: system
  // A valid `data` object, as JSON.
  [[nodiscard]] virtual std::string_view example() const = 0;
  // JSON Schema 2020-12 of `data`.
  [[nodiscard]] virtual std::string_view json_schema() const = 0;

  // Checks `data` (one JSON object, as a producer sent it) against the schema and writes it in its
  // one compact form. ProtoJSON: lowerCamelCase names, 64-bit integers as strings (a JSON number
  // is accepted and becomes a string), enums by name, null means absent. Unknown and repeated
  // members are refused. Error: kEventInvalid with every violation found (at most 20), each path
  // starting with "data".
  [[nodiscard]] virtual Result<ValidData> validate(std::string_view data) const = 0;
};

}  // namespace bitvault
