#include "pattern/event_reader.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <vector>

#include "pattern/decimal.h"
#include "pattern/pattern.h"

namespace bitvault::pattern {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;
using simdjson::SUCCESS;

constexpr unsigned kDepthMax = 1'024;

// Walks what the tree names and steps over the rest.
class Walk {
 public:
  Walk(const PathTree& paths, Reading& out) : paths_(paths), out_(out) {}

  [[nodiscard]] error_code object(ondemand::object object, PathNode node, Scope scope) {
    for (auto item : object) {
      ondemand::field field;
      if (const error_code error = std::move(item).get(field)) {
        return error;
      }
      PathNode child = paths_.find_quoted(node, field.key().raw());
      if (child == PathTree::kUnsure) {
        std::string_view key;
        if (const error_code error = field.unescaped_key().get(key)) {
          return error;
        }
        child = paths_.find(node, key);
      }
      if (child == PathTree::kNone) {
        continue;
      }
      if (const error_code error = value(field.value(), child, scope)) {
        return error;
      }
    }
    return SUCCESS;
  }

 private:
  error_code value(ondemand::value& value, PathNode node, Scope scope) {
    ondemand::json_type type{};
    if (const error_code error = value.type().get(type)) {
      return error;
    }
    switch (type) {
      case ondemand::json_type::object:
        return inner_object(value, node, scope);
      case ondemand::json_type::array:
        return array(value, node, scope);
      case ondemand::json_type::string:
        return string(value, node, scope);
      case ondemand::json_type::number:
        return number(value, node, scope);
      case ondemand::json_type::boolean: {
        bool is = false;
        const error_code error = value.get_bool().get(is);
        out_.add_leaf(node, scope, {.kind = is ? Kind::kTrue : Kind::kFalse});
        return error;
      }
      case ondemand::json_type::null:
        break;
    }
    out_.add_leaf(node, scope, {.kind = Kind::kNull});
    bool is = false;
    return value.is_null().get(is);
  }

  error_code inner_object(ondemand::value& value, PathNode node, Scope scope) {
    if (++depth_ > kDepthMax) {
      return simdjson::DEPTH_ERROR;
    }
    out_.note_object(node);
    ondemand::object inner;
    error_code error = value.get_object().get(inner);
    if (error == SUCCESS) {
      error = object(inner, node, scope);
    }
    --depth_;
    return error;
  }

  error_code array(ondemand::value& value, PathNode node, Scope scope) {
    if (++depth_ > kDepthMax) {
      return simdjson::DEPTH_ERROR;
    }
    ondemand::array array;
    if (const error_code error = value.get_array().get(array)) {
      return error;
    }
    const std::uint32_t index = out_.add_array(node, scope);
    for (auto item : array) {
      ondemand::value element;
      ondemand::json_type type{};
      if (const error_code error = std::move(item).get(element)) {
        return error;
      }
      if (const error_code error = element.type().get(type)) {
        return error;
      }
      const bool opens_scope =
          type == ondemand::json_type::object || type == ondemand::json_type::array;
      if (const error_code error =
              this->value(element, node, opens_scope ? out_.add_element(index) : scope)) {
        return error;
      }
    }
    --depth_;
    return SUCCESS;
  }

  error_code string(ondemand::value& value, PathNode node, Scope scope) {
    std::string_view text;
    const error_code error = value.get_string().get(text);
    out_.add_leaf(node, scope, {.kind = Kind::kString, .text = text});
    return error;
  }

  // By ourselves: simdjson refuses integers of more than 64 bits, and this version of it reads some
  // decimals of more than 19 digits as 0.
  error_code number(ondemand::value& value, PathNode node, Scope scope) {
    std::string_view written = value.raw_json_token();
    written = written.substr(0, written.find_last_not_of(" \t\r\n") + 1);
    const auto number = number_of(written);
    if (!number) {
      return simdjson::NUMBER_ERROR;
    }
    out_.add_leaf(node, scope, {.kind = Kind::kNumber, .number = *number});
    return SUCCESS;
  }

  const PathTree& paths_;
  Reading& out_;
  unsigned depth_ = 1;
};

std::unexpected<Error> malformed(error_code error) {
  return fail(Code::kMalformed,
              fmt::format("the event is no valid JSON: {}", simdjson::error_message(error)));
}

}  // namespace

struct EventReader::Parser {
  ondemand::parser json;
  std::vector<char> bytes;  // with simdjson's padding behind

  [[nodiscard]] simdjson::padded_string_view padded(std::string_view event) {
    if (bytes.size() < event.size() + simdjson::SIMDJSON_PADDING) {
      bytes.resize(event.size() + simdjson::SIMDJSON_PADDING);
    }
    std::ranges::copy(event, bytes.begin());
    return simdjson::padded_string_view(bytes.data(), event.size(), bytes.size());
  }

  [[nodiscard]] error_code read(std::string_view event, const PathTree& paths, Reading& out) {
    ondemand::document document;
    ondemand::object object;
    if (const error_code error = json.iterate(padded(event)).get(document)) {
      return error;
    }
    if (const error_code error = document.get_object().get(object)) {
      return error;
    }
    out.begin(paths.size());
    if (const error_code error = Walk(paths, out).object(object, PathTree::kRoot, kWholeEvent)) {
      return error;
    }
    const char* rest = nullptr;
    const bool at_end = document.current_location().get(rest) == simdjson::OUT_OF_BOUNDS;
    return at_end ? SUCCESS : simdjson::TAPE_ERROR;
  }
};

EventReader::EventReader() : parser_(std::make_unique<Parser>()) {}
EventReader::~EventReader() = default;

Status EventReader::read(std::string_view event, const PathTree& paths) {
  if (event.size() > kPatternEventBytesMax) {
    return fail(Code::kTooLarge,
                fmt::format("an event has at most {} bytes", kPatternEventBytesMax));
  }
  const error_code error = parser_->read(event, paths, reading_);
  return error == SUCCESS ? Status{} : Status(malformed(error));
}

Status EventReader::check(std::string_view event) {
  simdjson::dom::parser parser;
  const auto parsed = [&](std::string_view text) {
    simdjson::dom::object object;
    return parser.parse(text.data(), text.size()).get(object);
  };
  error_code error = parsed(event);
  if (error == simdjson::NUMBER_ERROR) {
    error = parsed(with_long_integers_as_decimals(event));
  }
  if (error == simdjson::INCORRECT_TYPE) {
    return fail(Code::kMalformed, "an event is a JSON object");
  }
  return error == SUCCESS ? Status{} : Status(malformed(error));
}

}  // namespace bitvault::pattern
