// Builds the text of a JSON object, member by member.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace bitvault::cli {

class JsonObject {
 public:
  // `json` is a value's text.
  void add(std::string_view name, std::string_view json) {
    text_ += fmt::format("{}{}:{}", text_.empty() ? "" : ",", json_string(name), json);
  }
  void add_text(std::string_view name, std::string_view text) {
    valid_ = valid_ && is_valid_utf8(text);
    add(name, valid_ ? json_string(text) : "null");
  }
  void add_texts(std::string_view name, const std::vector<std::string>& texts) {
    std::vector<std::string> quoted;
    for (const std::string& text : texts) {
      valid_ = valid_ && is_valid_utf8(text);
      quoted.push_back(valid_ ? json_string(text) : "null");
    }
    add(name, fmt::format("[{}]", fmt::join(quoted, ",")));
  }
  template <class T>
  void add_number(std::string_view name, const std::optional<T>& number) {
    if (number) {
      add(name, fmt::format("{}", *number));
    }
  }

  // Whether every text was UTF-8.
  [[nodiscard]] bool valid() const { return valid_; }
  [[nodiscard]] std::string str() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
  bool valid_ = true;
};

}  // namespace bitvault::cli
