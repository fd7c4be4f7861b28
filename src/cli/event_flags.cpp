#include "cli/event_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "base/time.h"

namespace bitvault::cli {
namespace {

constexpr std::array<std::string_view, 9> kNoExtensions = {
    "specversion", "id",           "type", "source",         "subject",
    "time",        "partitionkey", "data", "datacontenttype"};

bool is_extension_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

Status append_extensions(std::string& event, const std::vector<std::string>& extensions) {
  std::set<std::string_view> seen;
  for (const std::string_view extension : extensions) {
    const auto equals = extension.find('=');
    const std::string_view name = extension.substr(0, equals);
    if (equals == std::string_view::npos || !is_extension_name(name)) {
      return fail(Code::kInvalid, fmt::format("--ext must be name=value, the name of a-z and 0-9, "
                                              "not `{}`",
                                              extension));
    }
    if (std::ranges::find(kNoExtensions, name) != kNoExtensions.end()) {
      return fail(Code::kInvalid, fmt::format("--ext {}: this is no extension", name));
    }
    if (!seen.insert(name).second) {
      return fail(Code::kInvalid, fmt::format("--ext {} is given twice", name));
    }
    if (!is_valid_utf8(extension)) {
      return fail(Code::kInvalid, fmt::format("--ext {}: the value is not UTF-8", name));
    }
    event += fmt::format(",\"{}\":{}", name, json_string(extension.substr(equals + 1)));
  }
  return {};
}

}  // namespace

Result<std::string> make_event(const EventFlags& flags, std::string_view data,
                               std::string_view id) {
  const auto json = Json::parse(data);
  if (!json || !json->is_object()) {
    return fail(Code::kInvalid, "--data is not a JSON object");
  }
  if (flags.time && !parse_time(*flags.time)) {
    return fail(Code::kInvalid, "--time must be RFC 3339, such as 2026-11-23T04:22:02Z");
  }
  std::string event = "{\"specversion\":\"1.0\"";
  const auto append = [&](std::string_view name, std::string_view value) -> Status {
    if (!is_valid_utf8(value)) {
      return fail(Code::kInvalid, fmt::format("--{} is not UTF-8", name));
    }
    event += fmt::format(",\"{}\":{}", name, json_string(value));
    return {};
  };
  Status status = append("id", flags.id ? *flags.id : id);
  if (status) {
    status = append("type", flags.type);
  }
  const std::pair<std::string_view, const std::optional<std::string>*> optional_members[] = {
      {"source", &flags.source},
      {"subject", &flags.subject},
      {"time", &flags.time},
      {"partitionkey", &flags.partitionkey}};
  for (const auto& [name, value] : optional_members) {
    if (status && *value) {
      status = append(name, **value);
    }
  }
  if (status) {
    status = append_extensions(event, flags.extensions);
  }
  if (!status) {
    return fail(std::move(status.error()));
  }
  return event + ",\"data\":" + std::string(json->raw()) + "}";
}

}  // namespace bitvault::cli
