#include "cli/ndjson.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace bitvault::cli {
namespace {

constexpr std::string_view kBlanks = " \t\r";

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
  auto end = rest.find('\n');
  if (end == std::string_view::npos && (!ended_ || rest.empty())) {
    if (rest.size() > kLineBytesMax) {
      ++line_;
      break_at("the line is longer than 1 MiB");
    }
    return std::nullopt;
  }
  end = std::min(end, rest.size());
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
  if (line.size() > kLineBytesMax) {
    return break_at("the line is longer than 1 MiB");
  }
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
  if (object["id"].error() == simdjson::SUCCESS) {
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
