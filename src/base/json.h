// Reads JSON and keeps its exact bytes.
//
// A Json is a view of one value's text inside a document that parse() found valid as a whole. The
// document outlives it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitvault {

class Json {
 public:
  // Nothing when `document` is not one valid JSON value, white space around it allowed.
  [[nodiscard]] static std::optional<Json> parse(std::string_view document);

  [[nodiscard]] std::string_view raw() const { return raw_; }
  [[nodiscard]] bool is_object() const { return raw_.front() == '{'; }
  [[nodiscard]] bool is_array() const { return raw_.front() == '['; }
  [[nodiscard]] bool is_string() const { return raw_.front() == '"'; }
  [[nodiscard]] bool is_null() const { return raw_ == "null"; }

  using Members = std::vector<std::pair<std::string, Json>>;
  // In the document's order; empty when this is no object.
  [[nodiscard]] Members members() const;
  // The first member of this name.
  [[nodiscard]] std::optional<Json> member(std::string_view name) const;
  // Empty when this is no array.
  [[nodiscard]] std::vector<Json> elements() const;
  // A string without its quotes and escapes; other values as they stand; "" for null.
  [[nodiscard]] std::string text() const;

  // text() of a member, "" when it is absent.
  [[nodiscard]] std::string text_of(std::string_view name) const;

 private:
  explicit Json(std::string_view raw) : raw_(raw) {}
  std::string_view raw_;
};

// The same document with line breaks and two blanks of indentation a level. `document` is valid.
[[nodiscard]] std::string indented(std::string_view document);

}  // namespace bitvault
