// Cuts a stream of NDJSON into batches to publish, in bounded memory.
//
// Every line must be one JSON object; blank lines are skipped. A line without an `id` gets one
// here, so that a batch which is sent again is the same batch. Lines are counted from 1.
//
// Feed it: push() some input, then fill() until it asks for more, take() whenever it says so.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitvault::cli {

inline constexpr std::size_t kBatchEventsMax = 500;
inline constexpr std::size_t kBatchBytesMax = 4 * 1024 * 1024;
inline constexpr std::size_t kLineBytesMax = 1024 * 1024;

struct Batch {
  std::string body;                         // NDJSON
  std::vector<std::uint64_t> line_numbers;  // of each event

  [[nodiscard]] bool empty() const { return line_numbers.empty(); }
};

struct LineError {
  std::uint64_t line = 0;
  std::string message;
};

class NdjsonBatcher {
 public:
  enum class State : std::uint8_t {
    kHungry,  // every whole line is in the batch, which has room: push() more
    kFull,    // take() the batch
    kDone,    // the input has ended and is in the batch
    kBroken,  // error() tells; the batch holds the lines before
  };

  explicit NdjsonBatcher(std::function<std::string()> make_id) : make_id_(std::move(make_id)) {}

  void push(std::string_view input) { pending_.append(input); }
  // No input will follow.
  void end() { ended_ = true; }

  [[nodiscard]] State fill();
  [[nodiscard]] const Batch& batch() const { return batch_; }
  [[nodiscard]] Batch take();
  [[nodiscard]] const LineError& error() const { return *error_; }

 private:
  // The next whole line without its end, nothing when there is none yet.
  [[nodiscard]] std::optional<std::string_view> next_line();
  void add(std::string_view line);
  void break_at(std::string message);

  std::function<std::string()> make_id_;
  std::string pending_;  // input from start_ on is not yet in a batch
  std::size_t start_ = 0;
  std::uint64_t line_ = 0;  // the number of the line last read
  bool ended_ = false;
  Batch batch_;
  std::optional<LineError> error_;
};

}  // namespace bitvault::cli
