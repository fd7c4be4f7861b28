// A secret of any length: it cannot be printed, copied by accident into text or compared except in
// constant time, and its bytes are wiped when it goes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/crypto.h"
#include "base/text.h"

namespace bitvault {

class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}
  SecretText(const SecretText&) = default;
  SecretText(SecretText&& other) noexcept : bytes_(std::move(other.bytes_)) {}
  SecretText& operator=(const SecretText& other) {
    SecretText copy(other);
    std::swap(bytes_, copy.bytes_);
    return *this;
  }
  SecretText& operator=(SecretText&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~SecretText();

  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  // For those who must use it. Valid as long as this.
  [[nodiscard]] std::string_view reveal() const { return {bytes_.data(), bytes_.size()}; }
  [[nodiscard]] bool same_as(const SecretText& other) const {
    return equal_in_constant_time(as_bytes(reveal()), as_bytes(other.reveal()));
  }

 private:
  std::vector<char> bytes_;  // not a string: a moved short string leaves its bytes behind
};

// Wipes a text that held a secret for a moment.
void wipe(std::string& text);

}  // namespace bitvault
