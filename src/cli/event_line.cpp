#include "cli/event_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/text.h"
#include "cli/console.h"

namespace bitvault::cli {
namespace {

constexpr std::size_t kTypeWidth = 26;
constexpr std::size_t kDepthMax = 4;

// Members that matter to programs and crowd a line.
bool is_noise(std::string_view name) {
  static constexpr std::array<std::string_view, 6> kNoise = {"checksum", "mediaType", "modifiedAt",
                                                             "parentId", "version",   "id"};
  return std::ranges::find(kNoise, name) != kNoise.end();
}

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool repeats(std::string_view value, std::string_view subject) {
  return value.empty() || value == subject ||
         (subject.ends_with(value) && subject.size() > value.size() &&
          subject[subject.size() - value.size() - 1] == '/');
}

void append(std::string& out, std::string_view piece) {
  if (!out.empty()) {
    out += "  ";
  }
  out += piece;
}

// An enum's value without its type's prefix: of a member `kind`, NODE_KIND_FILE is `file`.
std::string short_value(std::string_view name, const Json& value) {
  std::string text = value.text();
  std::string prefix(name);
  std::ranges::transform(prefix, prefix.begin(), upper);
  prefix += '_';
  const auto at = text.find(prefix);
  const bool is_enum =
      at != std::string::npos && at + prefix.size() < text.size() &&
      std::ranges::all_of(
          text,
          [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
  if (is_enum) {
    text.erase(0, at + prefix.size());
    std::ranges::transform(text, text.begin(), ascii_lower);
  }
  return text;
}

void append_values(std::string& out, const Json& object, std::string_view subject,
                   const std::string& prefix, std::size_t depth) {
  for (const auto& [name, value] : object.members()) {
    const std::string path = prefix.empty() ? name : prefix + "." + name;
    if (width(out) > kSummaryWidthMax) {
      return;
    }
    if (value.is_object() && depth < kDepthMax) {
      append_values(out, value, subject, path, depth + 1);
    } else if (!is_noise(name) && !value.is_object() && !repeats(value.text(), subject)) {
      append(out, path + "=" + short_value(name, value));
    }
  }
}

std::string changes(const Json& before, const Json& after) {
  std::string out;
  std::string noise;
  const auto old = before.members();
  for (const auto& [name, value] : after.members()) {
    const auto was = std::ranges::find(old, name, [](const auto& member) { return member.first; });
    const std::string change = fmt::format(
        "{}: {} -> {}", name, was == old.end() ? "none" : short_value(name, was->second),
        short_value(name, value));
    append(is_noise(name) ? noise : out, change);
  }
  return out.empty() ? noise : out;
}

// Cuts at a code point.
std::string shortened(std::string text, std::size_t width_max) {
  if (width(text) <= width_max) {
    return text;
  }
  std::size_t end = 0;
  for (std::size_t shown = 0; end < text.size(); ++end) {
    const bool starts = (static_cast<unsigned char>(text[end]) & 0xc0) != 0x80;
    if (starts && ++shown == width_max) {
      break;
    }
  }
  return text.substr(0, end) + "\u2026";
}

// Milliseconds are enough for a person.
std::string short_time(std::string time) {
  if (time.size() == 27 && time.ends_with('Z')) {
    time.replace(23, 4, "Z");
  }
  return time;
}

Colour colour_of(std::string_view type) {
  const auto has = [&](std::string_view verb) { return type.find(verb) != std::string_view::npos; };
  if (has(".deleted.") || has(".trashed.") || has(".revoked.")) {
    return Colour::kRed;
  }
  if (has(".created.") || has(".copied.") || has(".restored.")) {
    return Colour::kGreen;
  }
  return Colour::kBlue;
}

}  // namespace

std::string summarize(std::string_view data, std::string_view subject) {
  const auto json = Json::parse(data);
  if (!json) {
    return {};
  }
  const auto before = json->member("before");
  const auto after = json->member("after");
  std::string out;
  if (before && after) {
    out = changes(*before, *after);
  } else {
    append_values(out, *json, subject, "", 1);
  }
  return shortened(printable(out), kSummaryWidthMax);
}

std::string render_event(std::string_view event, bool colours) {
  const auto json = Json::parse(event);
  if (!json) {
    return printable(event);
  }
  std::string time;
  std::string sequence;
  std::string type;
  std::string subject;
  std::string summary;
  for (const auto& [name, value] : json->members()) {
    if (name == "recordedtime") {
      time = short_time(value.text());
    } else if (name == "sequence") {
      sequence = value.text();
      sequence.erase(0, std::min(sequence.find_first_not_of('0'), sequence.size()));
    } else if (name == "type") {
      type = printable(value.text());
    } else if (name == "subject") {
      subject = value.text();
    } else if (name == "data") {
      summary = summarize(value.raw(), subject);
    }
  }
  std::string line = painted(printable(time), Colour::kDim, colours);
  line += fmt::format("  {:>6}  ", printable(sequence));
  line += painted(type, colour_of(type), colours);
  line.append(width(type) < kTypeWidth ? kTypeWidth - width(type) : 0, ' ');
  if (!subject.empty()) {
    line += "  " + painted(printable(subject), Colour::kBold, colours);
  }
  if (!summary.empty()) {
    line += "  " + painted(summary, Colour::kDim, colours);
  }
  return line;
}

std::optional<std::uint64_t> sequence_of(std::string_view event) {
  const auto json = Json::parse(event);
  return json ? parse_uint(json->text_of("sequence")) : std::nullopt;
}

}  // namespace bitvault::cli
