#include "pattern/reference.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <bitset>

namespace bitvault::pattern::reference {
namespace {

namespace json = boost::json;

using Fields = std::vector<std::pair<std::string, json::array>>;

std::string joined(const std::string& path, std::string_view key, bool is_root) {
  return is_root ? std::string(key) : path + "." + std::string(key);
}

struct Flattener {
  std::vector<Leaf> leaves = {};
  int arrays = 0;

  void object(const json::object& object, const std::string& path, bool is_root,
              const std::map<int, int>& elements) {
    for (const auto& member : object) {
      value(member.value(), joined(path, member.key(), is_root), elements);
    }
  }
  void value(const json::value& value, const std::string& path,
             const std::map<int, int>& elements) {
    if (value.is_object()) {
      object(value.get_object(), path, false, elements);
    } else if (value.is_array()) {
      const int id = arrays++;
      int index = 0;
      for (const json::value& element : value.get_array()) {
        std::map<int, int> within = elements;
        if (element.is_structured()) {
          within[id] = index;
        }
        this->value(element, path, within);
        ++index;
      }
    } else {
      leaves.push_back({path, value, elements});
    }
  }
};

bool is_operator(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {
      "prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric",
      "exists", "cidr"};
  return std::ranges::find(kNames, name) != kNames.end();
}

bool is_or(std::string_view key, const json::value& value) {
  if (key != "$or" || !value.is_array() || value.get_array().size() < 2) {
    return false;
  }
  for (const json::value& element : value.get_array()) {
    if (!element.is_object()) {
      return false;
    }
    for (const auto& member : element.get_object()) {
      if (is_operator(member.key())) {
        return false;
      }
    }
  }
  return true;
}

// Every way to meet a pattern: lists of fields.
std::vector<Fields> ways_of(const json::object& pattern, const std::string& path, bool is_root) {
  std::vector<Fields> all = {{}};
  for (const auto& member : pattern) {
    std::vector<Fields> ways;
    const std::string inner = joined(path, member.key(), is_root);
    if (is_or(member.key(), member.value())) {
      for (const json::value& alternative : member.value().as_array()) {
        for (const Fields& way : ways_of(alternative.as_object(), path, is_root)) {
          ways.push_back(way);
        }
      }
    } else if (member.value().is_object()) {
      ways = ways_of(member.value().get_object(), inner, false);
    } else {
      ways = {{{inner, member.value().as_array()}}};
    }
    std::vector<Fields> both;
    for (const Fields& first : all) {
      for (const Fields& second : ways) {
        both.push_back(first);
        both.back().insert(both.back().end(), second.begin(), second.end());
      }
    }
    all = both;
  }
  return all;
}

std::string small(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("É")) {
      out += "é";
      i += std::string_view("É").size() - 1;
    } else {
      out += text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    }
  }
  return out;
}

// Table of which beginnings of the wildcard match which beginnings of the text.
bool wildcard(std::string_view pattern, std::string_view text) {
  std::vector<std::pair<char, bool>> letters;  // and whether it is a star
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      letters.emplace_back(pattern[++i], false);
    } else {
      letters.emplace_back(pattern[i], pattern[i] == '*');
    }
  }
  std::vector<bool> row(text.size() + 1, false);
  row[0] = true;
  for (const auto& [letter, star] : letters) {
    std::vector<bool> next(text.size() + 1, false);
    for (std::size_t i = 0; i <= text.size(); ++i) {
      next[i] =
          star ? row[i] || (i > 0 && next[i - 1]) : i > 0 && row[i - 1] && text[i - 1] == letter;
    }
    row = next;
  }
  return row[text.size()];
}

std::string bits_of(const std::string& ip) {
  std::array<unsigned char, 16> bytes = {};
  std::size_t size = 0;
  if (ip.find('\0') == std::string::npos) {
    size = inet_pton(AF_INET, ip.c_str(), bytes.data()) == 1    ? 4
           : inet_pton(AF_INET6, ip.c_str(), bytes.data()) == 1 ? 16
                                                                : 0;
  }
  std::string bits;
  for (std::size_t i = 0; i < size; ++i) {
    bits += std::bitset<8>(bytes[i]).to_string();
  }
  return bits;
}

bool in_network(const std::string& network, const std::string& ip) {
  const std::size_t slash = network.find('/');
  const std::string wanted = bits_of(network.substr(0, slash));
  const std::string had = bits_of(ip);
  const auto count = static_cast<std::size_t>(std::stoi(network.substr(slash + 1)));
  return had.size() == wanted.size() && had.substr(0, count) == wanted.substr(0, count);
}

bool equal(const json::value& wanted, const json::value& had) {
  if (wanted.is_number() && had.is_number()) {
    return wanted.to_number<double>() == had.to_number<double>() &&
           (wanted.is_double() || had.is_double() || wanted == had);
  }
  return wanted == had;
}

bool compares(std::string_view sign, const json::value& bound, const json::value& had) {
  const bool less = had.to_number<double>() < bound.to_number<double>();
  const bool more = had.to_number<double>() > bound.to_number<double>();
  return sign == "<"    ? less
         : sign == "<=" ? !more
         : sign == ">"  ? more
         : sign == ">=" ? !less
                        : !less && !more;
}

bool meets(const json::value& wanted, const json::value& had);

bool meets_text(std::string_view name, const json::value& operand, const std::string& had) {
  const bool ignore_case = operand.is_object();
  const auto& given = ignore_case ? operand.as_object().at("equals-ignore-case") : operand;
  const std::string wanted(given.as_string());
  const std::string a = ignore_case || name == "equals-ignore-case" ? small(wanted) : wanted;
  const std::string b = ignore_case || name == "equals-ignore-case" ? small(had) : had;
  return name == "prefix"               ? b.starts_with(a)
         : name == "suffix"             ? b.ends_with(a)
         : name == "equals-ignore-case" ? a == b
         : name == "wildcard"           ? wildcard(a, b)
                                        : in_network(a, b);
}

bool is_but(const json::value& operand, const json::value& had) {
  if (operand.is_object()) {
    const auto& [name, inner] = *operand.get_object().begin();
    const json::array all = inner.is_array() ? inner.get_array() : json::array{inner};
    return std::ranges::none_of(
        all, [&](const json::value& text) { return meets(json::object{{name, text}}, had); });
  }
  const json::array all = operand.is_array() ? operand.get_array() : json::array{operand};
  return std::ranges::none_of(all, [&](const json::value& value) { return equal(value, had); });
}

bool meets(const json::value& wanted, const json::value& had) {
  if (!wanted.is_object()) {
    return equal(wanted, had);
  }
  const std::string name(wanted.get_object().begin()->key());
  const json::value& operand = wanted.get_object().begin()->value();
  if (name == "exists") {
    return operand.as_bool();
  }
  if (name == "anything-but") {
    return is_but(operand, had);
  }
  if (name == "numeric") {
    const json::array& words = operand.as_array();
    bool all = had.is_number();
    for (std::size_t i = 0; all && i < words.size(); i += 2) {
      all = compares(words[i].as_string(), words[i + 1], had);
    }
    return all;
  }
  return had.is_string() && meets_text(name, operand, std::string(had.get_string()));
}

bool stand_together(const Leaf& a, const Leaf& b) {
  return std::ranges::all_of(a.elements, [&](const auto& element) {
    const auto other = b.elements.find(element.first);
    return other == b.elements.end() || other->second == element.second;
  });
}

bool can_choose(const Fields& fields, const std::vector<Leaf>& leaves, std::vector<Leaf>& chosen,
                std::size_t at) {
  if (at == fields.size()) {
    return true;
  }
  const auto& [path, wanted] = fields[at];
  bool present = false;
  for (const Leaf& leaf : leaves) {
    if (leaf.path != path) {
      continue;
    }
    present = true;
    const bool met = std::ranges::any_of(
        wanted, [&](const json::value& value) { return meets(value, leaf.value); });
    if (met &&
        std::ranges::all_of(chosen, [&](const Leaf& c) { return stand_together(c, leaf); })) {
      chosen.push_back(leaf);
      const bool rest = can_choose(fields, leaves, chosen, at + 1);
      chosen.pop_back();
      if (rest) {
        return true;
      }
    }
  }
  const bool absence = std::ranges::any_of(wanted, [](const json::value& value) {
    return value.is_object() && value.get_object().begin()->key() == "exists" &&
           !value.get_object().begin()->value().as_bool();
  });
  return !present && absence && can_choose(fields, leaves, chosen, at + 1);
}

}  // namespace

std::vector<Leaf> leaves_of(const json::object& event) {
  Flattener flattener;
  flattener.object(event, "", true, {});
  return flattener.leaves;
}

bool matches(const json::object& pattern, const json::object& event) {
  const std::vector<Leaf> leaves = leaves_of(event);
  return std::ranges::any_of(ways_of(pattern, "", true), [&](const Fields& way) {
    std::vector<Leaf> chosen;
    return can_choose(way, leaves, chosen, 0);
  });
}

}  // namespace bitvault::pattern::reference
