#include "pattern/event_reader.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <vector>

#include "pattern/decimal.h"
#include "pattern/pattern.h"

namespace bitvault::pattern {
namespace {

namespace dom = simdjson::dom;

// Walks what the tree names and steps over the rest.
class Walk {
 public:
  Walk(const PathTree& paths, Reading& out) : paths_(paths), out_(out) {}

  void object(const dom::object& object, PathNode node, Scope scope) {
    for (const dom::key_value_pair member : object) {
      const PathNode child = paths_.find(node, member.key);
      if (child != PathTree::kNone) {
        value(member.value, child, scope);
      }
    }
  }

 private:
  void value(const dom::element& value, PathNode node, Scope scope) {
    switch (value.type()) {
      case dom::element_type::OBJECT:
        out_.note_object(node);
        object(value.get_object().value_unsafe(), node, scope);
        return;
      case dom::element_type::ARRAY:
        array(value.get_array().value_unsafe(), node, scope);
        return;
      case dom::element_type::STRING:
        out_.add_leaf(node, scope,
                      {.kind = Kind::kString, .text = value.get_string().value_unsafe()});
        return;
      case dom::element_type::INT64:
        number(node, scope, static_cast<Number>(value.get_int64().value_unsafe()));
        return;
      case dom::element_type::UINT64:
        number(node, scope, static_cast<Number>(value.get_uint64().value_unsafe()));
        return;
      case dom::element_type::DOUBLE:
        number(node, scope, static_cast<Number>(value.get_double().value_unsafe()));
        return;
      case dom::element_type::BOOL:
        out_.add_leaf(node, scope,
                      {.kind = value.get_bool().value_unsafe() ? Kind::kTrue : Kind::kFalse});
        return;
      case dom::element_type::NULL_VALUE:
        out_.add_leaf(node, scope, {.kind = Kind::kNull});
        return;
    }
  }

  void array(const dom::array& array, PathNode node, Scope scope) {
    const std::uint32_t index = out_.add_array(node, scope);
    for (const dom::element element : array) {
      const bool opens_scope = element.is_object() || element.is_array();
      value(element, node, opens_scope ? out_.add_element(index) : scope);
    }
  }

  void number(PathNode node, Scope scope, Number number) {
    out_.add_leaf(node, scope, {.kind = Kind::kNumber, .number = number});
  }

  const PathTree& paths_;
  Reading& out_;
};

}  // namespace

struct EventReader::Parser {
  dom::parser json;
  std::vector<char> bytes;  // with simdjson's padding behind

  simdjson::error_code parse(std::string_view event, dom::element& root) {
    if (bytes.size() < event.size() + simdjson::SIMDJSON_PADDING) {
      bytes.resize(event.size() + simdjson::SIMDJSON_PADDING);
    }
    std::ranges::copy(event, bytes.begin());
    return json.parse(bytes.data(), event.size(), false).get(root);
  }
};

EventReader::EventReader() : parser_(std::make_unique<Parser>()) {}
EventReader::~EventReader() = default;

Status EventReader::read(std::string_view event, const PathTree& paths) {
  if (event.size() > kPatternEventBytesMax) {
    return fail(Code::kTooLarge,
                fmt::format("an event has at most {} bytes", kPatternEventBytesMax));
  }
  dom::element root;
  auto error = parser_->parse(event, root);
  if (error == simdjson::NUMBER_ERROR) {
    error = parser_->parse(with_long_integers_as_decimals(event), root);
  }
  if (error != simdjson::SUCCESS) {
    return fail(Code::kMalformed,
                fmt::format("the event is no valid JSON: {}", simdjson::error_message(error)));
  }
  dom::object object;
  if (root.get_object().get(object) != simdjson::SUCCESS) {
    return fail(Code::kMalformed, "an event is a JSON object");
  }
  reading_.begin(paths.size());
  Walk(paths, reading_).object(object, PathTree::kRoot, kWholeEvent);
  return {};
}

}  // namespace bitvault::pattern
