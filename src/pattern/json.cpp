#include "pattern/json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cmath>

#include "base/text.h"
#include "pattern/decimal.h"

namespace bitvault::pattern {
namespace {

namespace dom = simdjson::dom;

// Deeper documents are no patterns; the compiler has a limit of its own, which is lower.
constexpr std::size_t kDepthMax = 100;

// Takes a document apart that simdjson has read.
class TakingApart {
 public:
  explicit TakingApart(std::string_view document) : written_(document) {}

  Json value(const dom::element& element) {
    Json json;
    switch (element.type()) {
      case dom::element_type::OBJECT:
        return members_of(element.get_object().value_unsafe());
      case dom::element_type::ARRAY:
        return elements_of(element.get_array().value_unsafe());
      case dom::element_type::STRING:
        json.type = Json::Type::kString;
        json.text = element.get_string().value_unsafe();
        return json;
      case dom::element_type::INT64:
        return integer(static_cast<Number>(element.get_int64().value_unsafe()));
      case dom::element_type::UINT64:
        return integer(static_cast<Number>(element.get_uint64().value_unsafe()));
      case dom::element_type::DOUBLE:
        return decimal(element.get_double().value_unsafe());
      case dom::element_type::BOOL:
        json.type = element.get_bool().value_unsafe() ? Json::Type::kTrue : Json::Type::kFalse;
        return json;
      case dom::element_type::NULL_VALUE:
        return json;
    }
    return json;
  }

 private:
  Json members_of(const dom::object& object) {
    Json json;
    json.type = Json::Type::kObject;
    for (const dom::key_value_pair member : object) {
      json.members.push_back({std::string(member.key), value(member.value)});
    }
    return json;
  }

  Json elements_of(const dom::array& array) {
    Json json;
    json.type = Json::Type::kArray;
    for (const dom::element element : array) {
      json.elements.push_back(value(element));
    }
    return json;
  }

  Json integer(Number value) {
    static_cast<void>(written_.next());
    Json json;
    json.type = Json::Type::kNumber;
    json.number = value;
    return json;
  }

  Json decimal(double value) {
    const std::string_view written = written_.next();
    Json json;
    json.type = Json::Type::kNumber;
    json.number = value;
    json.exact = reads_back(written, value);
    json.text = json.exact ? "" : written;
    return json;
  }

  WrittenNumbers written_;
};

void append(std::string& out, const Json& json, std::size_t bytes_max) {
  if (out.size() > bytes_max) {
    return;
  }
  switch (json.type) {
    case Json::Type::kNull:
      out += "null";
      return;
    case Json::Type::kTrue:
      out += "true";
      return;
    case Json::Type::kFalse:
      out += "false";
      return;
    case Json::Type::kNumber:
      out += json.exact ? number_text(json.number) : json.text;
      return;
    case Json::Type::kString:
      append_json_string(out, json.text);
      return;
    case Json::Type::kArray:
      out += '[';
      for (const Json& element : json.elements) {
        out += &element == &json.elements.front() ? "" : ",";
        append(out, element, bytes_max);
      }
      out += ']';
      return;
    case Json::Type::kObject:
      out += '{';
      for (const JsonMember& member : json.members) {
        out += &member == &json.members.front() ? "" : ",";
        append_json_string(out, member.name);
        out += ':';
        append(out, member.value, bytes_max);
      }
      out += '}';
      return;
  }
}

}  // namespace

Result<Json> Json::parse(std::string_view document) {
  dom::parser parser;
  if (parser.allocate(document.size() + simdjson::SIMDJSON_PADDING, kDepthMax) !=
      simdjson::SUCCESS) {
    return fail(Code::kInvalid, "too large");
  }
  dom::element root;
  auto error = parser.parse(document.data(), document.size()).get(root);
  std::string rewritten;
  if (error == simdjson::NUMBER_ERROR) {
    rewritten = with_long_integers_as_decimals(document);
    document = rewritten;
    error = parser.parse(rewritten).get(root);
  }
  if (error != simdjson::SUCCESS) {
    return fail(Code::kInvalid, fmt::format("no valid JSON: {}", simdjson::error_message(error)));
  }
  return TakingApart(document).value(root);
}

std::string Json::render(std::size_t bytes_max) const {
  std::string out;
  append(out, *this, bytes_max);
  return shortened(out, bytes_max);
}

std::string number_text(Number number) {
  if (std::trunc(number) == number && std::fabs(number) < 0x1p64L) {
    const std::string digits = fmt::format("{:.0f}", number);
    return digits == "-0" ? "0" : digits;
  }
  return fmt::format("{}", static_cast<double>(number));
}

std::string shortened(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) {
    return std::string(text);
  }
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) {
    --end;
  }
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace bitvault::pattern
