// Bytes that live inside memory which others share: a string_view that keeps what it shows alive,
// and the pages of memory that many of them are cut from.
//
// What they show never changes. Copies are cheap; a part keeps its whole chunk of at most
// SharedBytesMaker::kChunkBytes, or itself, when it is larger.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace bitvault {

class SharedBytes {
 public:
  SharedBytes() = default;
  explicit SharedBytes(std::string own)
      : SharedBytes(std::make_shared<const std::string>(std::move(own))) {}
  // `part` lies within what `owner` keeps.
  SharedBytes(std::string_view part, std::shared_ptr<const void> owner)
      : view_(part), owner_(std::move(owner)) {}

  // NOLINTNEXTLINE(google-explicit-constructor): it is read as the view that it keeps.
  operator std::string_view() const { return view_; }
  [[nodiscard]] std::string_view view() const { return view_; }
  [[nodiscard]] std::size_t size() const { return view_.size(); }
  [[nodiscard]] bool empty() const { return view_.empty(); }
  [[nodiscard]] const char* data() const { return view_.data(); }

  friend bool operator==(const SharedBytes& a, const SharedBytes& b) { return a.view_ == b.view_; }
  friend bool operator==(const SharedBytes& a, std::string_view b) { return a.view_ == b; }
  friend std::ostream& operator<<(std::ostream& out, const SharedBytes& bytes) {
    return out << bytes.view_;
  }

 private:
  explicit SharedBytes(std::shared_ptr<const std::string> own)
      : view_(*own), owner_(std::move(own)) {}

  std::string_view view_;
  std::shared_ptr<const void> owner_;
};

// Copies many small runs of bytes into few pieces of memory.
class SharedBytesMaker {
 public:
  static constexpr std::size_t kFirstBytes = 8 * 1024;  // of the first one: there may be few
  static constexpr std::size_t kChunkBytes = 64 * 1024;

  [[nodiscard]] SharedBytes copy(std::string_view bytes) {
    if (bytes.empty()) {
      return {};
    }
    if (chunk_ == nullptr || bytes.size() > size_ - used_) {
      size_ = std::max(bytes.size(), chunk_ == nullptr ? kFirstBytes : kChunkBytes);
      chunk_ = std::make_shared_for_overwrite<char[]>(size_);
      used_ = 0;
    }
    char* const to = chunk_.get() + used_;
    std::ranges::copy(bytes, to);
    used_ += bytes.size();
    return {{to, bytes.size()}, chunk_};
  }

 private:
  std::shared_ptr<char[]> chunk_;
  std::size_t size_ = 0;
  std::size_t used_ = 0;
};

}  // namespace bitvault
