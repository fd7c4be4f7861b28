#include "feed/event_stream_text.h"

#include <fmt/format.h>

#include <iterator>

#include "event/event.h"

namespace bitvault::event_stream {
namespace {

void append(std::string& out, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) {
    out += part;
  }
}

}  // namespace

std::string retry(std::chrono::milliseconds delay) {
  return fmt::format("retry: {}\n\n", delay.count());
}

void append_event(std::string& out, std::string_view cursor, std::string_view bytes) {
  append(out, {"id: ", cursor, "\nevent: ", read_head(bytes).type, "\ndata: ", bytes, "\n\n"});
}

void append_erased(std::string& out, std::string_view cursor, std::span<const Sequence> erased) {
  append(out, {"id: ", cursor, "\nevent: erased\ndata: {\"erased\":["});
  bool first = true;
  for (const Sequence sequence : erased) {
    fmt::format_to(std::back_inserter(out), "{}{}", first ? "" : ",", sequence.value);
    first = false;
  }
  out += "]}\n\n";
}

std::string bookmark(std::string_view cursor) { return fmt::format(":\nid: {}\n\n", cursor); }

std::string advanced(std::string_view cursor) {
  return fmt::format("id: {0}\nevent: advanced\ndata: {{\"cursor\":\"{0}\"}}\n\n", cursor);
}

std::string reset(const CursorReset& reset) {
  return fmt::format(
      "id: {1}\nevent: reset\ndata: {{\"code\":\"cursor_reset\",\"reason\":\"{0}\","
      "\"earliest_cursor\":\"{1}\",\"latest_cursor\":\"{2}\"}}\n\n",
      reason_name(reset.reason), reset.earliest_cursor, reset.latest_cursor);
}

}  // namespace bitvault::event_stream
