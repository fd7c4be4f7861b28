#include "catalog/validator.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "base/attribute.h"
#include "base/text.h"
#include "base/time.h"
#include "catalog/attribute_text.h"
#include "catalog/report.h"
#include "catalog/suggest.h"

namespace bitvault {
namespace {

namespace dom = simdjson::dom;

constexpr double kExactDoubleMax = 9'007'199'254'740'992.0;  // 2^53
constexpr WallTime kTimestampMin =
    std::chrono::sys_days{std::chrono::year{1} / std::chrono::January / 1};

std::string_view kind_name(dom::element value) {
  switch (value.type()) {
    case dom::element_type::ARRAY:
      return "an array";
    case dom::element_type::OBJECT:
      return "an object";
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
    case dom::element_type::DOUBLE:
      return "a number";
    case dom::element_type::STRING:
      return "a string";
    case dom::element_type::BOOL:
      return "a boolean";
    case dom::element_type::NULL_VALUE:
      return "null";
  }
  return "something else";
}

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(
      utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// Standard or URL-safe alphabet, with or without padding.
std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 == 0) {
    text.remove_suffix(text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0);
  }
  std::string url_safe(text);
  std::ranges::replace(url_safe, '+', '-');
  std::ranges::replace(url_safe, '/', '_');
  return from_base64url(url_safe);
}

// The integer that a JSON number or a decimal string says, if it is one of type T.
template <class T>
std::optional<T> read_integer(dom::element value) {
  T integer{};
  if (value.get(integer) == simdjson::SUCCESS) {
    return integer;
  }
  double number = 0;
  if (value.is_double() && value.get(number) == simdjson::SUCCESS) {
    const bool exact = std::trunc(number) == number && std::abs(number) <= kExactDoubleMax &&
                       (std::is_signed_v<T> || number >= 0);
    return exact ? std::optional(static_cast<T>(number)) : std::nullopt;
  }
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), integer);
  if (error != std::errc{} || fmt::to_string(integer) != text) {
    return std::nullopt;  // also "007", "-0", "1 "
  }
  return integer;
}

// One walk over one `data`.
class Walk {
 public:
  // `plain`: the JSON text holds no backslash, so each string stands in it as it is.
  Walk(bool plain, std::string& out, Report& report) : plain_(plain), out_(out), report_(report) {}

  void message(const MessageSchema& schema, dom::element value) {
    dom::object members;
    if (value.get(members) != simdjson::SUCCESS) {
      return expected("an object", value);
    }
    std::uint64_t seen = 0;
    std::uint64_t present = 0;
    std::size_t next = 0;
    out_ += '{';
    for (const auto& [key, member] : members) {
      if (report_.full()) {
        return;
      }
      const std::size_t at = find(schema, key, next);
      if (at == schema.fields.size()) {
        unknown(schema, key);
        continue;
      }
      next = at + 1;
      const FieldSchema& field_schema = schema.fields[at];
      const std::uint64_t bit = std::uint64_t{1} << at;
      if ((seen & bit) != 0) {
        report_.add_at(field_schema.name, "is given more than once");
      } else if (!member.is_null()) {
        if (present != 0) {
          out_ += ',';
        }
        present |= bit;
        out_ += field_schema.key;
        report_.enter(field_schema.name);
        field(field_schema, member);
        report_.leave();
      }
      seen |= bit;
    }
    out_ += '}';
    missing(schema, schema.required & ~present);
  }

 private:
  // Members mostly come in the order of the fields, so the search starts behind the last one.
  static std::size_t find(const MessageSchema& schema, std::string_view key, std::size_t next) {
    const std::size_t count = schema.fields.size();
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = next + i < count ? next + i : next + i - count;
      if (schema.fields[at].name == key) {
        return at;
      }
    }
    return count;
  }

  void expected(std::string_view what, dom::element got) {
    report_.add(fmt::format("expected {}, got {}", what, kind_name(got)));
  }

  void unknown(const MessageSchema& schema, std::string_view key) {
    const std::string_view near = nearest_field(schema, key);
    report_.add_at(
        key, near.empty() ? "is not known" : fmt::format("is not known; did you mean {}?", near));
  }

  void missing(const MessageSchema& schema, std::uint64_t fields) {
    for (std::size_t i = 0; fields != 0; ++i, fields >>= 1) {
      if ((fields & 1) != 0) {
        report_.add_at(schema.fields[i].name, "is required");
      }
    }
  }

  void field(const FieldSchema& schema, dom::element value) {
    switch (schema.shape) {
      case Shape::kOne:
        return single(schema, value);
      case Shape::kList:
        return list(schema, value);
      case Shape::kMap:
        return map(schema, value);
    }
  }

  bool too_many(const FieldSchema& schema, std::size_t count) {
    if (count <= schema.limits.max_items) {
      return false;
    }
    report_.add(fmt::format("has more than {} elements", schema.limits.max_items));
    return true;
  }

  void list(const FieldSchema& schema, dom::element value) {
    dom::array elements;
    if (value.get(elements) != simdjson::SUCCESS) {
      return expected("an array", value);
    }
    std::size_t count = 0;
    out_ += '[';
    for (const dom::element element : elements) {
      if (report_.full() || too_many(schema, count + 1)) {
        return;
      }
      if (count > 0) {
        out_ += ',';
      }
      report_.enter(count);
      single(schema, element);
      report_.leave();
      ++count;
    }
    out_ += ']';
  }

  void map(const FieldSchema& schema, dom::element value) {
    dom::object entries;
    if (value.get(entries) != simdjson::SUCCESS) {
      return expected("an object", value);
    }
    std::vector<std::string_view> keys;
    out_ += '{';
    for (const auto& [key, entry] : entries) {
      if (report_.full() || too_many(schema, keys.size() + 1)) {
        return;
      }
      if (!is_text(key)) {
        return;
      }
      if (!keys.empty()) {
        out_ += ',';
      }
      keys.push_back(key);
      append_json_string(out_, key);
      out_ += ':';
      report_.enter(key);
      single(schema, entry);
      report_.leave();
    }
    out_ += '}';
    // Sorted rather than hashed: no choice of keys makes this slow.
    std::ranges::sort(keys);
    const auto twice = std::ranges::adjacent_find(keys);
    if (twice != keys.end()) {
      report_.add_at(*twice, "is given more than once");
    }
  }

  void single(const FieldSchema& schema, dom::element value) {
    switch (schema.kind) {
      case Kind::kString:
        return text(schema.limits, value);
      case Kind::kBytes:
        return bytes(schema.limits, value);
      case Kind::kBool:
        return boolean(value);
      case Kind::kInt32:
        return integer<std::int64_t, std::int32_t>(schema.limits, value);
      case Kind::kUint32:
        return integer<std::uint64_t, std::uint32_t>(schema.limits, value);
      case Kind::kInt64:
        return integer<std::int64_t, std::int64_t>(schema.limits, value);
      case Kind::kUint64:
        return integer<std::uint64_t, std::uint64_t>(schema.limits, value);
      case Kind::kDouble:
        return number(value);
      case Kind::kEnum:
        return enumeration(*schema.enumeration, value);
      case Kind::kMessage:
        return message(*schema.message, value);
      case Kind::kTimestamp:
        return timestamp(value);
    }
  }

  // U+0000, which only an escape can bring in, is what PostgreSQL's jsonb cannot hold. (Half a
  // surrogate pair did not pass the parser.)
  bool is_text(std::string_view text) {
    if (!plain_ && text.contains('\0')) {
      report_.add("holds the character U+0000");
      return false;
    }
    return true;
  }

  bool has_length(const Limits& limits, std::size_t length, std::string_view unit) {
    if (length > limits.max_len) {
      report_.add(fmt::format("has {} {}, at most {} are allowed", length, unit, limits.max_len));
    } else if (length < limits.min_len) {
      report_.add(fmt::format("has {} {}, at least {} are needed", length, unit, limits.min_len));
    } else {
      return true;
    }
    return false;
  }

  void text(const Limits& limits, dom::element value) {
    std::string_view content;
    if (value.get(content) != simdjson::SUCCESS) {
      return expected("a string", value);
    }
    if (!is_text(content)) {
      return;
    }
    const bool clearly_fits = content.size() <= limits.max_len && limits.min_len == 0;
    if (!clearly_fits && !has_length(limits, count_characters(content), "characters")) {
      return;
    }
    if (limits.pattern && !limits.pattern->matches(content)) {
      return report_.add(fmt::format("does not match {}", limits.pattern->pattern()));
    }
    if (plain_) {
      out_ += '"';
      out_ += content;
      out_ += '"';
    } else {
      append_json_string(out_, content);
    }
  }

  void bytes(const Limits& limits, dom::element value) {
    std::string_view content;
    if (value.get(content) != simdjson::SUCCESS) {
      return expected("a string in base64", value);
    }
    const auto decoded = decode_base64(content);
    if (!decoded) {
      return report_.add("is not base64");
    }
    if (has_length(limits, decoded->size(), "bytes")) {
      out_ += '"';
      out_ += base64(as_bytes(*decoded));
      out_ += '"';
    }
  }

  void boolean(dom::element value) {
    bool truth = false;
    if (value.get(truth) != simdjson::SUCCESS) {
      return expected("a boolean", value);
    }
    out_ += truth ? "true" : "false";
  }

  // Read as Wide, of which only what Narrow holds is allowed. 64-bit integers become strings.
  template <class Wide, class Narrow>
  void integer(const Limits& limits, dom::element value) {
    if (!value.is_number() && !value.is_string()) {
      return expected("an integer", value);
    }
    const auto read = read_integer<Wide>(value);
    if (!read || !std::in_range<Narrow>(*read)) {
      return report_.add(fmt::format("is not an integer from {} to {}",
                                     std::numeric_limits<Narrow>::min(),
                                     std::numeric_limits<Narrow>::max()));
    }
    if (limits.min && std::cmp_less(*read, *limits.min)) {
      return report_.add(fmt::format("is {}, less than {}", *read, *limits.min));
    }
    if (limits.max && std::cmp_greater(*read, *limits.max)) {
      return report_.add(fmt::format("is {}, more than {}", *read, *limits.max));
    }
    static constexpr std::string_view kQuote = sizeof(Narrow) == 8 ? "\"" : "";
    fmt::format_to(std::back_inserter(out_), "{}{}{}", kQuote, *read, kQuote);
  }

  void number(dom::element value) {
    double read = 0;
    if (value.get(read) != simdjson::SUCCESS) {
      return expected("a number", value);
    }
    // Zero has one form: a text of "-0" would be read as the integer 0.
    fmt::format_to(std::back_inserter(out_), "{}", read + 0.0);
  }

  void enumeration(const EnumSchema& schema, dom::element value) {
    std::string_view name;
    if (value.get(name) != simdjson::SUCCESS) {
      return expected(fmt::format("the name of a {}", schema.name), value);
    }
    if (std::ranges::find(schema.values, name, &EnumSchema::Value::name) != schema.values.end()) {
      out_ += '"';
      out_ += name;
      out_ += '"';
      return;
    }
    std::string names;
    for (const EnumSchema::Value& known : schema.values) {
      names += names.empty() ? "" : ", ";
      names += known.name;
    }
    report_.add(fmt::format("is not one of {}", names));
  }

  void timestamp(dom::element value) {
    std::string_view content;
    if (value.get(content) != simdjson::SUCCESS) {
      return expected("a string with a time", value);
    }
    const auto time = parse_time(content);
    if (!time || *time < kTimestampMin) {
      return report_.add(time ? "lies before the year 1" : time.error().detail);
    }
    out_ += '"';
    out_ += format_time(*time);
    out_ += '"';
  }

  bool plain_;
  std::string& out_;
  Report& report_;
};

// The string at the end of `path`, or an empty one. `data` is valid.
std::string_view text_at(dom::element data, const std::vector<const FieldSchema*>& path) {
  for (const FieldSchema* step : path) {
    dom::element next;
    if (data.at_key(step->name).get(next) != simdjson::SUCCESS) {
      return {};
    }
    data = next;
  }
  std::string_view text;
  return data.get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

std::string explain(simdjson::error_code error) {
  static constexpr std::pair<simdjson::error_code, std::string_view> kKnown[] = {
      {simdjson::UTF8_ERROR, "is not valid UTF-8"},
      {simdjson::NUMBER_ERROR, "holds a number that is malformed or too large"},
      {simdjson::STRING_ERROR, "holds a string with a malformed escape"},
      {simdjson::UNESCAPED_CHARS, "holds a string with a bare control character"},
  };
  if (error == simdjson::DEPTH_ERROR) {
    return fmt::format("is nested deeper than {} levels", kDataDepthMax);
  }
  const auto* known = std::ranges::find(kKnown, error, [](const auto& pair) { return pair.first; });
  return std::string(known == std::end(kKnown) ? "is not valid JSON" : known->second);
}

std::unexpected<Error> refuse(const EventSchema& event, Report& report) {
  Error error{Code::kEventInvalid, {}, report.take()};
  const Violation& first = error.violations.front();
  error.detail =
      fmt::format("the data is not valid for {}: {} {}", event.type, first.path, first.message);
  return fail(std::move(error));
}

simdjson::error_code parse(std::string_view data, dom::element& root) {
  static constexpr std::size_t kFirstCapacity = 4'096;
  thread_local dom::parser parser(kDataBytesMax);
  if (parser.capacity() == 0) {
    // simdjson takes one level less than it is told.
    const simdjson::error_code error = parser.allocate(kFirstCapacity, kDataDepthMax + 1);
    if (error != simdjson::SUCCESS) {
      return error;
    }
  }
  return parser.parse(data.data(), data.size()).get(root);
}

// Fills in what `root`, which is valid, says of the event itself.
void extract(const EventSchema& event, dom::element root, ValidData& result, Report& report) {
  const std::string_view key = text_at(root, event.partition_key_path);
  if (!is_attribute_token(key, kPartitionKeyBytesMax)) {
    report.add_at(event.partition_key,
                  "orders the events, so it is 1 to 256 characters of printable ASCII without "
                  "space, quote and percent");
    return;
  }
  result.partitionkey = key;
  const std::string_view subject = text_at(root, event.subject_path);
  result.subject = subject.empty() ? result.partitionkey : attribute_text(subject);
  if (result.subject.size() > kSubjectBytesMax) {
    report.add_at(event.subject, fmt::format("becomes the event's subject, so it has at most {} "
                                             "bytes, control characters in percent-encoding",
                                             kSubjectBytesMax));
  }
}

}  // namespace

Result<ValidData> validate_data(const EventSchema& event, std::string_view data) {
  if (data.size() > kDataBytesMax) {
    return fail(Code::kTooLarge,
                fmt::format("data has {} bytes, at most {} are taken", data.size(), kDataBytesMax));
  }
  dom::element root;
  const simdjson::error_code error = parse(data, root);
  if (error == simdjson::MEMALLOC) {
    return fail(Code::kInternal, "no memory to parse an event's data");
  }
  Report report("data");
  if (error != simdjson::SUCCESS) {
    report.add(explain(error));
    return refuse(event, report);
  }
  ValidData result;
  result.json.reserve(data.size());
  Walk(!data.contains('\\'), result.json, report).message(*event.data, root);
  if (report.empty()) {
    extract(event, root, result, report);
  }
  if (!report.empty()) {
    return refuse(event, report);
  }
  return result;
}

}  // namespace bitvault
