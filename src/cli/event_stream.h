// Reads a stream of server-sent events (WHATWG HTML, "Server-sent events") from pieces of any size.
//
// Lines end with LF, CR or CRLF; comments and unknown fields are passed over; a message that its
// stream leaves unfinished is none.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace bitvault::cli {

struct StreamMessage {
  std::string_view id;     // the last that the stream gave
  std::string_view event;  // its name; empty for "message"
  std::string_view data;   // empty: only the id has moved
};

class EventStream {
 public:
  static constexpr std::size_t kMessageBytesMax = 1024 * 1024;

  // Given each message; its views live as long as the call.
  using Take = std::function<void(const StreamMessage& message)>;

  // False, and nothing more is read, when a message is longer than kMessageBytesMax.
  [[nodiscard]] bool read(std::string_view piece, const Take& take);

  // How long to wait before connecting again, when the stream has said so.
  [[nodiscard]] std::optional<Duration> retry() const { return retry_; }

 private:
  void end_line(const Take& take);
  void field(std::string_view name, std::string_view value);

  std::string line_;
  bool after_cr_ = false;
  bool begun_ = false;  // a byte order mark may no longer come
  std::string id_;
  bool id_moved_ = false;
  std::string event_;
  std::string data_;  // with a line feed behind each of its lines
  std::optional<Duration> retry_;
};

}  // namespace bitvault::cli
