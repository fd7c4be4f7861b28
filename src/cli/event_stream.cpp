#include "cli/event_stream.h"

#include <algorithm>

#include "base/text.h"

namespace bitvault::cli {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::uint64_t kRetryMillisecondsMax = 60'000;

}  // namespace

bool EventStream::read(std::string_view piece, const Take& take) {
  while (!piece.empty()) {
    if (after_cr_ && piece.front() == '\n') {
      piece.remove_prefix(1);
    }
    after_cr_ = false;
    const std::size_t end = piece.find_first_of("\r\n");
    line_ += piece.substr(0, end);
    if (line_.size() + data_.size() > kMessageBytesMax) {
      return false;
    }
    if (end == std::string_view::npos) {
      return true;
    }
    after_cr_ = piece[end] == '\r';
    piece.remove_prefix(end + 1);
    end_line(take);
    line_.clear();
  }
  return true;
}

void EventStream::end_line(const Take& take) {
  std::string_view line = line_;
  if (!begun_ && line.starts_with(kByteOrderMark)) {
    line.remove_prefix(kByteOrderMark.size());
  }
  begun_ = true;
  if (line.empty()) {
    if (!data_.empty()) {
      take({.id = id_,
            .event = event_,
            .data = std::string_view(data_).substr(0, data_.size() - 1)});
    } else if (id_moved_) {
      take({.id = id_, .event = {}, .data = {}});
    }
    id_moved_ = false;
    event_.clear();
    data_.clear();
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == 0) {
    return;
  }
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  value.remove_prefix(value.starts_with(' ') ? 1 : 0);
  field(line.substr(0, colon), value);
}

void EventStream::field(std::string_view name, std::string_view value) {
  if (name == "data") {
    data_.append(value).append("\n");
  } else if (name == "event") {
    event_ = value;
  } else if (name == "id" && value.find('\0') == std::string_view::npos) {
    id_ = value;
    id_moved_ = true;
  } else if (name == "retry") {
    if (const auto delay = parse_uint(value)) {
      retry_ = std::chrono::milliseconds(std::min(*delay, kRetryMillisecondsMax));
    }
  }
}

}  // namespace bitvault::cli
