#include "cli/ndjson.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace bitvault::cli {
namespace {

constexpr std::string_view kBlanks = " \t\r";

// To the server null is the same as absent.
bool has_id(const simdjson::dom::object& event) {
  return std::any_of(event.begin(), event.end(), [](const simdjson::dom::key_value_pair& member) {
    return member.key == "id" && !member.value.is_null();
  });
}

}  // namespace

NdjsonBatcher::State NdjsonBatcher::fill() {
  while (!error_ && batch_.line_numbers.size() < kBatchEventsMax &&
         batch_.body.size() < kBatchBytesMax - kLineBytesMax) {
    const auto line = next_line();
    if (!line) {
      if (!error_) {
        pending_.erase(0, std::exchange(start_, 0));
        return ended_ ? State::kDone : State::kHungry;
      }
      break;
    }
    add(*line);
  }
  return error_ ? State::kBroken : State::kFull;
}

Batch NdjsonBatcher::take() { return std::exchange(batch_, Batch{}); }

std::optional<std::string_view> NdjsonBatcher::next_line() {
  const std::string_view rest = std::string_view(pending_).substr(start_);
  const auto end = std::min(rest.find('\n'), rest.size());
  if (end > kLineBytesMax) {
    ++line_;
    break_at("the line is longer than 1 MiB");
    return std::nullopt;
  }
  if (end == rest.size() && (!ended_ || rest.empty())) {
    return std::nullopt;
  }
  start_ = std::min(start_ + end + 1, pending_.size());
  ++line_;
  return rest.substr(0, end);
}

void NdjsonBatcher::break_at(std::string message) { error_ = LineError{line_, std::move(message)}; }

void NdjsonBatcher::add(std::string_view line) {
  const auto first = line.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) {
    return;
  }
  line = line.substr(first, line.find_last_not_of(kBlanks) - first + 1);
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element document;
  simdjson::dom::object object;
  if (const auto error = parser.parse(line.data(), line.size()).get(document);
      error != simdjson::SUCCESS) {
    return break_at(fmt::format("not JSON: {}", simdjson::error_message(error)));
  }
  if (document.get(object) != simdjson::SUCCESS) {
    return break_at("not a JSON object");
  }
  if (has_id(object)) {
    batch_.body += line;
  } else {
    batch_.body += fmt::format("{{\"id\":{}{}", json_string(make_id_()),
                               object.begin() == object.end() ? "" : ",");
    batch_.body += line.substr(1);
  }
  batch_.body += '\n';
  batch_.line_numbers.push_back(line_);
}

}  // namespace bitvault::cli
