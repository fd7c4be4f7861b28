// HTTP binary mode: `name: value` lines as the ce-* headers, an empty line, the data.

#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "event/parse.h"
#include "fuzz.h"
#include "producer.h"

namespace bitvault::fuzz {
namespace {

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

Fields take_headers(std::string_view& rest) {
  Fields headers;
  while (!rest.empty()) {
    std::string_view line = take_until(rest, "\n");
    if (line.empty()) {
      break;
    }
    const std::string_view name = take_until(line, ": ");
    headers.emplace_back(name, line);
  }
  return headers;
}

// The same event as one JSON object; its headers are percent-encoded UTF-8.
std::string structured(const Fields& headers, std::string_view body) {
  std::string json = "{";
  for (const auto& [name, value] : headers) {
    json += json_string(name.substr(name.find('-') + 1)) + ":" +
            json_string(percent_decode(value).value()) + ",";
  }
  return json + "\"data\":" + std::string(body) + "}";
}

void run(std::string_view input) {
  std::string_view body = input;
  const Fields headers = take_headers(body);
  const auto drafts = parse_binary(headers, body);
  if (!drafts) {
    check(!drafts.error().detail.empty(), "a refusal says why");
    return;
  }
  check(drafts->size() == 1, "binary mode is one event");
  const EventDraft& draft = drafts->front();
  check_draft(draft);
  const auto same = parse_event(structured(headers, body));
  if (!same && same.error().code == Code::kMalformed) {
    return;  // one level deeper, too deep
  }
  check(same.has_value(), "binary mode takes what structured mode takes");
  const auto one = encode(draft, defaults(false));
  const auto other = encode(same->front(), defaults(false));
  check(one.has_value() == other.has_value() && (!one || one->bytes == other->bytes),
        "binary mode says what structured mode says");
}

const Registered kBinary({"event_binary", run});

}  // namespace
}  // namespace bitvault::fuzz
