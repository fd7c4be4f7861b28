#include "cli/json.h"

#include <simdjson.h>

#include "base/check.h"

namespace bitvault::cli {
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

// Maps a part of `copy` to the same part of `original`.
std::string_view same_part(std::string_view part, const simdjson::padded_string& copy,
                           std::string_view original) {
  return original.substr(static_cast<std::size_t>(part.data() - copy.data()), part.size());
}

}  // namespace

std::optional<Json> Json::parse(std::string_view document) {
  simdjson::dom::parser parser;
  if (parser.parse(document.data(), document.size()).error() != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return Json(trimmed(document));
}

Json::Members Json::members() const {
  Members found;
  if (!is_object()) {
    return found;
  }
  const simdjson::padded_string copy(raw_);
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;
  check(parser.iterate(copy).get(document) == simdjson::SUCCESS &&
            document.get_object().get(object) == simdjson::SUCCESS,
        "a valid object is read");
  for (auto item : object) {
    ondemand::field field;
    std::string_view name;
    check(std::move(item).get(field) == simdjson::SUCCESS &&
              field.unescaped_key().get(name) == simdjson::SUCCESS,
          "a valid member is read");
    std::string owned(name);
    found.emplace_back(std::move(owned), Json(same_part(raw_text(field.value()), copy, raw_)));
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
  if (!is_array()) {
    return found;
  }
  const simdjson::padded_string copy(raw_);
  ondemand::parser parser;
  ondemand::document document;
  ondemand::array array;
  check(parser.iterate(copy).get(document) == simdjson::SUCCESS &&
            document.get_array().get(array) == simdjson::SUCCESS,
        "a valid array is read");
  for (auto item : array) {
    ondemand::value value;
    check(std::move(item).get(value) == simdjson::SUCCESS, "a valid element is read");
    found.push_back(Json(same_part(raw_text(value), copy, raw_)));
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

}  // namespace bitvault::cli
