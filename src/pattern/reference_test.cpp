// Patterns and sets of patterns against the slow and obvious matcher, on random pairs.
#include "pattern/reference.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "pattern/pattern_set.h"

namespace bitvault {
namespace {

namespace json = boost::json;

// Makes small events of a small vocabulary, and patterns that are about as likely met as not.
class Maker {
 public:
  explicit Maker(std::uint32_t seed) : random_(seed) {}

  json::object event() { return object(0); }
  json::object pattern(const json::object& event) {
    json::object out;
    const std::vector<pattern::reference::Leaf> leaves = pattern::reference::leaves_of(event);
    const std::size_t fields = 1 + below(4);
    for (std::size_t i = 0; i < fields; ++i) {
      if (!leaves.empty() && !one_in(8)) {
        const auto& leaf = leaves[below(leaves.size())];
        put(out, leaf.path, condition(leaf.value));
      } else {
        put(out, path(), condition(scalar()));
      }
    }
    if (one_in(4)) {
      wrap_in_or(out);
    }
    return out;
  }
  std::size_t below(std::size_t bound) { return random_() % bound; }
  bool one_in(std::size_t n) { return below(n) == 0; }

 private:
  std::string key() { return one_in(30) ? "" : std::string(1, static_cast<char>('a' + below(4))); }
  std::string path() { return one_in(2) ? key() : key() + "." + key(); }
  std::string text() {
    static const std::vector<std::string> kPieces = {"a", "b", "A",  "é",
                                                     "É", "*", "\\", "10.0.0.1"};
    std::string out;
    for (std::size_t i = below(4); i > 0; --i) {
      out += kPieces[below(kPieces.size())];
    }
    return out;
  }
  json::value scalar() {
    switch (below(8)) {
      case 0:
        return nullptr;
      case 1:
        return one_in(2);
      case 2:
        return static_cast<std::int64_t>(below(5)) - 2;
      case 3:
        return static_cast<double>(below(9)) / 2;
      case 4:
        return one_in(2) ? "10.0.0.1" : "2001:db8::1";
      default:
        return json::string(text());
    }
  }
  json::value value(std::size_t depth) {
    if (depth < 3 && one_in(3)) {
      return object(depth + 1);
    }
    if (depth < 3 && one_in(3)) {
      json::array out;
      for (std::size_t i = below(4); i > 0; --i) {
        out.push_back(value(depth + 1));
      }
      return out;
    }
    return scalar();
  }
  json::object object(std::size_t depth) {
    json::object out;
    for (std::size_t i = below(5); i > 0; --i) {
      out[key()] = value(depth);
    }
    return out;
  }

  static std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
      out += c == '*' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    }
    return out;
  }
  // Up to a boundary of characters.
  std::string some_of(const json::string& text, bool front) {
    std::size_t at = below(text.size() + 1);
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U) {
      ++at;
    }
    const std::string whole(text);
    return front ? whole.substr(0, at) : whole.substr(at);
  }
  json::value text_test(const json::string& like) {
    const bool ignore_case = one_in(3);
    const auto maybe = [&](std::string text) {
      return ignore_case ? json::value(json::object{{"equals-ignore-case", text}})
                         : json::value(json::string(text));
    };
    switch (below(5)) {
      case 0:
        return json::object{{"prefix", maybe(some_of(like, true))}};
      case 1:
        return json::object{{"suffix", maybe(some_of(like, false))}};
      case 2:
        return json::object{{"equals-ignore-case", like}};
      case 3: {
        const std::string front = escaped(some_of(like, true));
        const std::string back = escaped(some_of(like, false));
        return json::object{{"wildcard", one_in(2) ? front + "*" : "*" + back}};
      }
      default:
        return json::object{{"cidr", one_in(2) ? "10.0.0.9/28" : "2001:db8::/32"}};
    }
  }
  json::value anything_but(const json::value& like) {
    if (like.is_string() && one_in(2)) {
      json::value test = text_test(like.get_string());
      const auto& member = *test.get_object().begin();
      const bool allowed = member.key() != "cidr" && member.value().is_string() &&
                           !member.value().get_string().empty();
      if (allowed) {
        return json::object{
            {"anything-but", json::object{{member.key(), json::array{member.value(), "zz"}}}}};
      }
    }
    if (like.is_string()) {
      return json::object{
          {"anything-but",
           one_in(2) ? json::value(json::array{like, json::string(text())}) : like}};
    }
    return json::object{{"anything-but", static_cast<std::int64_t>(below(4))}};
  }
  json::value numeric() {
    static const std::vector<std::string> kSigns = {"=", "<", "<=", ">", ">="};
    if (one_in(3)) {
      return json::object{{"numeric", json::array{">", -1, "<=", 1.5}}};
    }
    return json::object{{"numeric", json::array{json::string(kSigns[below(5)]),
                                                static_cast<double>(below(8)) / 2 - 1}}};
  }
  json::value wanted(const json::value& like) {
    switch (below(8)) {
      case 0:
        return json::object{{"exists", one_in(2)}};
      case 1:
        return anything_but(like);
      case 2:
        return numeric();
      case 3:
      case 4:
        return like.is_string() ? text_test(like.get_string()) : like;
      default:
        return like;
    }
  }
  json::array condition(const json::value& like) {
    json::array out = {wanted(one_in(4) ? scalar() : like)};
    if (one_in(3)) {
      out.push_back(wanted(scalar()));
    }
    return out;
  }

  // Makes the objects along a path, unless something stands in the way.
  static void put(json::object& out, std::string_view path, json::array condition) {
    json::object* at = &out;
    while (true) {
      const std::size_t dot = path.find('.');
      json::value& value = (*at)[path.substr(0, dot)];
      if (dot == std::string_view::npos) {
        if (value.is_null()) {
          value = std::move(condition);
        }
        return;
      }
      if (value.is_null()) {
        value.emplace_object();
      }
      if (!value.is_object()) {
        return;
      }
      at = &value.get_object();
      path.remove_prefix(dot + 1);
    }
  }
  // Turns members of an object into alternatives.
  void wrap_in_or(json::object& object) {
    json::array alternatives;
    while (!object.empty() && alternatives.size() < 3) {
      const auto last = std::prev(object.end());
      alternatives.push_back(json::object{{last->key(), last->value()}});
      object.erase(last);
    }
    if (alternatives.size() == 1) {
      alternatives.push_back(json::object{{"d", json::array{1}}});
    }
    object["$or"] = std::move(alternatives);
  }

  std::mt19937 random_;
};

struct Tally {
  std::size_t pairs = 0;
  std::size_t matched = 0;
  std::size_t refused = 0;
};

// One event and some patterns, most of them made for it.
void compare(Maker& maker, Matcher& matcher, Tally& tally) {
  const json::object event = maker.event();
  const std::string event_text = json::serialize(event);
  PatternSet set;
  std::vector<PatternSet::Id> expected;
  for (PatternSet::Id id = 0; id < 20; ++id) {
    const json::object pattern = maker.pattern(maker.one_in(4) ? maker.event() : event);
    const std::string text = json::serialize(pattern);
    const auto compiled = Pattern::compile(text);
    if (!compiled) {  // "$or" beside the same path
      ASSERT_NE(compiled.error().detail.find("wanted twice"), std::string::npos)
          << text << compiled.error().detail;
      ++tally.refused;
      continue;
    }
    const bool wanted = pattern::reference::matches(pattern, event);
    ASSERT_EQ(matcher.matches(*compiled, event_text).value(), wanted) << text << "\n" << event_text;
    const auto explanation = matcher.explain(*compiled, event_text).value();
    ASSERT_EQ(explanation.matched, wanted);
    ASSERT_EQ(explanation.unmet.empty() && explanation.alternatives.empty(), wanted) << text << "\n"
                                                                                     << event_text;
    set.add(id, *compiled);
    if (wanted) {
      expected.push_back(id);
    }
    ++tally.pairs;
    tally.matched += wanted ? 1 : 0;
  }
  ASSERT_EQ(set.match(matcher, event_text).value(), expected) << event_text;
  const PatternSet::Id gone = maker.below(20);
  set.remove(gone);
  std::erase(expected, gone);
  ASSERT_EQ(set.match(matcher, event_text).value(), expected) << event_text;
}

TEST(PatternReference, RandomPairsAgree) {
  Tally tally;
  Matcher matcher;
  for (std::uint32_t seed = 0; seed < 1'500 && !testing::Test::HasFatalFailure(); ++seed) {
    Maker maker(seed);
    SCOPED_TRACE(fmt::format("seed {}", seed));
    compare(maker, matcher, tally);
  }
  EXPECT_GT(tally.pairs, 20'000U);
  EXPECT_GT(tally.matched * 10, tally.pairs * 3);
  EXPECT_LT(tally.matched * 10, tally.pairs * 7);
  EXPECT_LT(tally.refused * 10, tally.pairs);
  RecordProperty("matched", static_cast<int>(tally.matched));
}

}  // namespace
}  // namespace bitvault
