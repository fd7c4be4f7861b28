// The catalog of event types: what each one is, how its data must look, how it is keyed.
//
// Everything comes from the protobuf files under proto/ (their descriptor set is compiled into the
// program, comments included) and the options of proto/bitvault/options.proto. Immutable after
// load(), so thread-safe.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace bitvault {

class EventType;  // one message of the catalog, compiled for validation

// What validate() takes at most, white space included: an encoded event has 65,535 bytes.
inline constexpr std::size_t kDataBytesMax = 256 * 1024;
// How deep objects and arrays may nest in `data`, which itself is the first of them.
inline constexpr std::size_t kDataDepthMax = 64;

// The data of an event after validation.
struct ValidData {
  std::string json;          // compact, in one form
  std::string partitionkey;  // by the type's rule
  std::string subject;       // by the type's rule
};

// A `data` object that shows a type.
struct CatalogExample {
  std::string_view type;
  std::string_view data;  // JSON
};

class Catalog {
 public:
  // Reads the descriptor set that was compiled in. A broken catalog is a defect of the build: it
  // ends the process.
  [[nodiscard]] static const Catalog& builtin();

  // Reads a serialized google.protobuf.FileDescriptorSet with imports and source info; each type
  // needs exactly one example, a valid one. Error: kInvalid, saying what is broken.
  [[nodiscard]] static Result<std::unique_ptr<const Catalog>> load(
      std::string_view descriptor_set, std::span<const CatalogExample> examples);
  ~Catalog();

  // Null when the catalog has no such type.
  [[nodiscard]] const EventType* find(std::string_view type) const;
  // All types, sorted by name.
  [[nodiscard]] const std::vector<const EventType*>& types() const;
  // Changes whenever anything that the catalog publishes does.
  [[nodiscard]] std::string_view revision() const;

 private:
  struct Impl;
  explicit Catalog(std::unique_ptr<Impl> impl);
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
  // members are refused, and so is U+0000 in a string. Error: kEventInvalid with every violation
  // found (at most 20), each path starting with "data"; kTooLarge above kDataBytesMax.
  [[nodiscard]] virtual Result<ValidData> validate(std::string_view data) const = 0;
};

}  // namespace bitvault
