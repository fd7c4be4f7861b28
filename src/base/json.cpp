#include "base/json.h"

#include <simdjson.h>

#include "base/check.h"

namespace bitvault {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  return first == std::string_view::npos
             ? std::string_view{}
             : text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// The text of a value. simdjson's includes the white space after it.
std::string_view raw_text(ondemand::value value) {
  ondemand::json_type type{};
  check(value.type().get(type) == simdjson::SUCCESS, "a valid value has a type");
  std::string_view text;
  ondemand::object object;
  ondemand::array array;
  if (type == ondemand::json_type::object) {
    check(value.get_object().get(object) == simdjson::SUCCESS &&
              object.raw_json().get(text) == simdjson::SUCCESS,
          "a valid object is read");
  } else if (type == ondemand::json_type::array) {
    check(value.get_array().get(array) == simdjson::SUCCESS &&
              array.raw_json().get(text) == simdjson::SUCCESS,
          "a valid array is read");
  } else {
    text = value.raw_json_token();
  }
  return trimmed(text);
}

// Gives each item of a valid object or array to `take`, with what finds a value's text in `raw`.
template <class Items, class Take>
void for_each_item(std::string_view raw, Take take) {
  const simdjson::padded_string copy(raw);
  ondemand::parser parser;
  ondemand::document document;
  Items items;
  check(parser.iterate(copy).get(document) == simdjson::SUCCESS &&
            document.get(items) == simdjson::SUCCESS,
        "a valid value is read");
  for (auto item : items) {
    check(item.error() == simdjson::SUCCESS, "a valid item is read");
    take(item.value_unsafe(), [&](ondemand::value value) {
      const std::string_view part = raw_text(value);
      return raw.substr(static_cast<std::size_t>(part.data() - copy.data()), part.size());
    });
  }
}

}  // namespace

std::optional<Json> Json::parse(std::string_view document) {
  if (document.empty()) {  // simdjson copies from its pointer, which may be null
    return std::nullopt;
  }
  simdjson::dom::parser parser;
  if (parser.parse(document.data(), document.size()).error() != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return Json(trimmed(document));
}

Json::Members Json::members() const {
  Members found;
  if (is_object()) {
    for_each_item<ondemand::object>(raw_, [&](ondemand::field field, auto text_of_value) {
      std::string_view name;
      check(field.unescaped_key().get(name) == simdjson::SUCCESS, "a valid name is read");
      found.emplace_back(name, Json(text_of_value(field.value())));
    });
  }
  return found;
}

std::optional<Json> Json::member(std::string_view name) const {
  for (const auto& [key, value] : members()) {
    if (key == name) {
      return value;
    }
  }
  return std::nullopt;
}

std::vector<Json> Json::elements() const {
  std::vector<Json> found;
  if (is_array()) {
    for_each_item<ondemand::array>(raw_, [&](ondemand::value value, auto text_of_value) {
      found.push_back(Json(text_of_value(value)));
    });
  }
  return found;
}

std::string Json::text() const {
  if (!is_string()) {
    return is_null() ? std::string{} : std::string(raw_);
  }
  simdjson::dom::parser parser;
  std::string_view value;
  check(parser.parse(raw_.data(), raw_.size()).get(value) == simdjson::SUCCESS,
        "a valid string is read");
  return std::string(value);
}

std::string Json::text_of(std::string_view name) const {
  const auto value = member(name);
  return value ? value->text() : std::string{};
}

std::string indented(std::string_view document) {
  std::string out;
  std::size_t depth = 0;
  bool in_string = false;
  const auto new_line = [&] {
    out += '\n';
    out.append(depth * 2, ' ');
  };
  for (std::size_t i = 0; i < document.size(); ++i) {
    const char c = document[i];
    if (in_string) {
      out += c;
      if (c == '\\') {
        out += document[++i];
      }
      in_string = c != '"';
    } else if (c == '{' || c == '[') {
      out += c;
      const auto next = document.find_first_not_of(kBlanks, i + 1);
      if (document[next] == '}' || document[next] == ']') {
        out += document[next];
        i = next;
      } else {
        ++depth;
        new_line();
      }
    } else if (c == '}' || c == ']') {
      --depth;
      new_line();
      out += c;
    } else if (c == ',') {
      out += c;
      new_line();
    } else if (c == ':') {
      out += ": ";
    } else if (kBlanks.find(c) == std::string_view::npos) {
      in_string = c == '"';
      out += c;
    }
  }
  return out;
}

}  // namespace bitvault
