#include "event/parse.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <set>
#include <variant>

#include "base/text.h"

namespace bitvault {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kViolationsMax = 20;
constexpr std::size_t kExtensionBytesMax = 1'024;
constexpr std::size_t kExtensionNameBytesMax = 20;
// A parser keeps the memory of its largest document; one that read more than this is not kept.
constexpr std::size_t kKeptParserBytesMax = 256 * 1024;

// The value of a context attribute (CloudEvents 1.0.2, type system; times come as strings).
using Attribute = std::variant<std::string_view, bool, std::int32_t>;

// CloudEvents strings hold no control characters: U+0000-U+001F and U+007F-U+009F.
bool has_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f ||
        (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0)) {
      return true;
    }
  }
  return false;
}

bool is_extension_name(std::string_view name) {
  return !name.empty() && name.size() <= kExtensionNameBytesMax &&
         std::ranges::all_of(
             name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

// Builds the draft of one event, attribute by attribute, and notes what is wrong.
class DraftBuilder {
 public:
  DraftBuilder(std::size_t index, std::vector<Violation>& violations)
      : index_(index), violations_(violations) {}

  void attribute(std::string_view name, const Attribute& value);
  void data(std::string json) {
    if (first_time("data")) {
      draft_.data = std::move(json);
    }
  }
  void wrong(std::string_view path, std::string message) {
    if (violations_.size() < kViolationsMax) {
      violations_.push_back({index_, std::string(path), std::move(message)});
    }
  }
  EventDraft finish() {
    if (draft_.type.empty() && !seen_.contains("type")) {
      wrong("type", "is required");
    }
    if (!seen_.contains("data")) {
      wrong("data", "is required");
    }
    return std::move(draft_);
  }

 private:
  bool first_time(std::string_view name) {
    if (seen_.emplace(name).second) {
      return true;
    }
    wrong(name, "is given twice");
    return false;
  }
  void text_attribute(std::string_view name, std::string_view text);
  void token(std::string_view name, std::string_view text, std::size_t bytes_max,
             std::optional<std::string>& out);
  void extension(std::string_view name, const Attribute& value);

  std::size_t index_;
  std::vector<Violation>& violations_;
  std::set<std::string, std::less<>> seen_;
  EventDraft draft_;
};

bool is_server_attribute(std::string_view name) {
  return name == "tenant" || name == "epoch" || name == "sequence" || name == "recordedtime" ||
         name == "salt";
}

bool is_known_attribute(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "specversion", "id",         "source",       "type",        "subject",
      "time",        "dataschema", "partitionkey", "traceparent", "datacontenttype"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

void DraftBuilder::attribute(std::string_view name, const Attribute& value) {
  if (is_server_attribute(name)) {
    wrong(name, "is set by the server and may not be given");
    return;
  }
  if (name == "data_base64") {
    wrong(name, "binary data is not supported: give a JSON object in data");
    return;
  }
  if (!first_time(name)) {
    return;
  }
  if (!is_known_attribute(name)) {
    extension(name, value);
    return;
  }
  const auto* text = std::get_if<std::string_view>(&value);
  if (text == nullptr) {
    wrong(name, "must be a string");
    return;
  }
  text_attribute(name, *text);
}

void DraftBuilder::token(std::string_view name, std::string_view text, std::size_t bytes_max,
                         std::optional<std::string>& out) {
  if (!is_attribute_token(text, bytes_max)) {
    wrong(name, fmt::format("must be 1 to {} printable ASCII characters without space, quote and "
                            "percent",
                            bytes_max));
    return;
  }
  out = text;
}

void DraftBuilder::text_attribute(std::string_view name, std::string_view text) {
  if (name == "specversion") {
    if (text != "1.0") {
      wrong(name, "must be \"1.0\"");
    }
  } else if (name == "id") {
    if (auto id = EventId::parse(text)) {
      draft_.id = std::move(*id);
    } else {
      wrong(name, id.error().detail);
    }
  } else if (name == "type") {
    if (!is_event_type(text)) {
      wrong(name, "must look like bitvault.node.created.v1");
    }
    draft_.type = text;
  } else if (name == "source") {
    token(name, text, kSourceBytesMax, draft_.source);
  } else if (name == "partitionkey") {
    token(name, text, kPartitionKeyBytesMax, draft_.partitionkey);
  } else if (name == "subject") {
    if (text.empty() || text.size() > kSubjectBytesMax || has_control(text)) {
      wrong(name,
            fmt::format("must be 1 to {} bytes without control characters", kSubjectBytesMax));
    }
    draft_.subject = text;
  } else if (name == "time") {
    if (const auto time = parse_time(text)) {
      draft_.time = *time;
    } else {
      wrong(name, time.error().detail);
    }
  } else if (name == "datacontenttype") {
    if (text != "application/json") {
      wrong(name, "must be \"application/json\"");
    }
  } else if (name == "dataschema") {
    draft_.dataschema = text;
  } else if (name == "traceparent") {
    if (!is_traceparent(text)) {
      wrong(name,
            "must be a W3C traceparent such as "
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    }
    draft_.traceparent = text;
  }
}

void DraftBuilder::extension(std::string_view name, const Attribute& value) {
  if (!is_extension_name(name)) {
    wrong(name, fmt::format("unknown member; an extension attribute's name is 1 to {} lower-case "
                            "letters and digits",
                            kExtensionNameBytesMax));
    return;
  }
  if (draft_.extensions.size() >= kExtensionsMax) {
    wrong(name, fmt::format("at most {} extension attributes may be given", kExtensionsMax));
    return;
  }
  std::string json;
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    if (text->size() > kExtensionBytesMax || has_control(*text)) {
      wrong(name,
            fmt::format("must be at most {} bytes without control characters", kExtensionBytesMax));
      return;
    }
    json = json_string(*text);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    json = *flag ? "true" : "false";
  } else {
    json = fmt::format("{}", std::get<std::int32_t>(value));
  }
  draft_.extensions.emplace(name, std::move(json));
}

void read_member(DraftBuilder& builder, std::string_view name, const dom::element& value) {
  if (name == "data") {
    if (!value.is_object()) {
      builder.wrong(name, "must be a JSON object");
    }
    builder.data(simdjson::minify(value));
    return;
  }
  switch (value.type()) {
    case dom::element_type::STRING:
      builder.attribute(name, value.get_string().value());
      return;
    case dom::element_type::BOOL:
      builder.attribute(name, value.get_bool().value());
      return;
    case dom::element_type::INT64: {
      const std::int64_t number = value.get_int64().value();
      if (number >= std::numeric_limits<std::int32_t>::min() &&
          number <= std::numeric_limits<std::int32_t>::max()) {
        builder.attribute(name, static_cast<std::int32_t>(number));
        return;
      }
      break;
    }
    case dom::element_type::NULL_VALUE:  // CloudEvents JSON format, 2.2: the same as absent
      return;
    case dom::element_type::UINT64:
    case dom::element_type::DOUBLE:
    case dom::element_type::ARRAY:
    case dom::element_type::OBJECT:
      break;
  }
  builder.wrong(name, "must be a string, a boolean or a 32-bit integer");
}

EventDraft read_draft(const dom::object& object, std::size_t index,
                      std::vector<Violation>& violations) {
  DraftBuilder builder(index, violations);
  for (const dom::key_value_pair& member : object) {
    read_member(builder, member.key, member.value);
  }
  return builder.finish();
}

// Parses one JSON document and gives its root to `use`, which returns a Result<Drafts>.
template <class Use>
Result<Drafts> with_json(std::string_view json, const std::string& where, Use use) {
  thread_local dom::parser kept;
  std::unique_ptr<dom::parser> large;
  if (json.size() > kKeptParserBytesMax) {
    large = std::make_unique<dom::parser>();
  }
  dom::parser& parser = large ? *large : kept;
  if (parser.capacity() < json.size() || parser.max_depth() != kJsonDepthMax) {
    const std::size_t capacity = large ? json.size() : kKeptParserBytesMax;
    if (parser.allocate(capacity, kJsonDepthMax) != simdjson::SUCCESS) {
      return fail(Code::kUnavailable, "no memory to parse a request");
    }
  }
  dom::element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root)) {
    const std::string reason =
        error == simdjson::DEPTH_ERROR
            ? fmt::format("it is nested deeper than {} levels", kJsonDepthMax)
            : std::string(simdjson::error_message(error));
    return fail(Code::kMalformed, fmt::format("{} is not valid JSON: {}", where, reason));
  }
  return use(root);
}

Result<Drafts> judged(Drafts drafts, std::vector<Violation> violations) {
  if (!violations.empty()) {
    return std::unexpected(
        Error{Code::kInvalid, "an event has a wrong member; see errors", std::move(violations)});
  }
  if (drafts.empty()) {
    return fail(Code::kInvalid, fmt::format("a request has 1 to {} events", kEventsPerRequestMax));
  }
  return drafts;
}

std::unexpected<Error> too_many() {
  return fail(Code::kTooLarge, fmt::format("a request has 1 to {} events", kEventsPerRequestMax));
}

}  // namespace

Result<Drafts> parse_event(std::string_view json) {
  return with_json(json, "the body", [](const dom::element& root) -> Result<Drafts> {
    if (!root.is_object()) {
      return fail(Code::kMalformed, "the body must be one event, a JSON object");
    }
    std::vector<Violation> violations;
    Drafts drafts;
    drafts.push_back(read_draft(root.get_object().value(), 0, violations));
    return judged(std::move(drafts), std::move(violations));
  });
}

Result<Drafts> parse_batch(std::string_view json) {
  return with_json(json, "the body", [](const dom::element& root) -> Result<Drafts> {
    if (!root.is_array()) {
      return fail(Code::kMalformed, "the body must be a batch, a JSON array of events");
    }
    std::vector<Violation> violations;
    Drafts drafts;
    for (const dom::element& item : root.get_array().value()) {
      if (drafts.size() == kEventsPerRequestMax) {
        return too_many();
      }
      if (!item.is_object()) {
        return fail(Code::kMalformed,
                    fmt::format("events[{}] is not a JSON object", drafts.size()));
      }
      drafts.push_back(read_draft(item.get_object().value(), drafts.size(), violations));
    }
    return judged(std::move(drafts), std::move(violations));
  });
}

Result<Drafts> parse_ndjson(std::string_view lines) {
  std::vector<Violation> violations;
  Drafts drafts;
  for (std::size_t number = 1; !lines.empty(); ++number) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
      continue;
    }
    if (drafts.size() == kEventsPerRequestMax) {
      return too_many();
    }
    const std::string where = fmt::format("line {}", number);
    auto read = with_json(line, where, [&](const dom::element& root) -> Result<Drafts> {
      if (!root.is_object()) {
        return fail(Code::kMalformed, where + " is not a JSON object");
      }
      drafts.push_back(read_draft(root.get_object().value(), drafts.size(), violations));
      return Drafts{};
    });
    if (!read) {
      return read;
    }
  }
  return judged(std::move(drafts), std::move(violations));
}

Result<Drafts> parse_binary(Headers headers, std::string_view body) {
  std::vector<Violation> violations;
  DraftBuilder builder(0, violations);
  for (const auto& [name, value] : headers) {
    const auto decoded = percent_decode(value);
    const std::string_view attribute = name.substr(name.find('-') + 1);  // without "ce-"
    if (!decoded || !is_valid_utf8(*decoded)) {
      builder.wrong(attribute, "is not percent-encoded UTF-8");
      continue;
    }
    if (attribute == "data") {
      builder.wrong(attribute, "stands in the body, not in a header");
      continue;
    }
    builder.attribute(attribute, std::string_view(*decoded));
  }
  return with_json(body, "the body", [&](const dom::element& root) -> Result<Drafts> {
    read_member(builder, "data", root);
    Drafts drafts;
    drafts.push_back(builder.finish());
    return judged(std::move(drafts), std::move(violations));
  });
}

bool is_traceparent(std::string_view text) {
  const auto is_hex = [](std::string_view part) {
    return std::ranges::all_of(
        part, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  };
  const auto zero = [](std::string_view part) {
    return part.find_first_not_of('0') == std::string_view::npos;
  };
  if (text.size() != 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') {
    return false;
  }
  const auto version = text.substr(0, 2);
  const auto trace = text.substr(3, 32);
  const auto parent = text.substr(36, 16);
  return is_hex(version) && version != "ff" && is_hex(trace) && !zero(trace) && is_hex(parent) &&
         !zero(parent) && is_hex(text.substr(53, 2));
}

}  // namespace bitvault
