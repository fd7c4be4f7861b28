// Errors are values. Result<T> carries a T or an Error with a stable Code.
//
// info() is the one table that maps each Code to its public name, HTTP status and title
// (API.md, Conventions; RFC 9457). `detail` is for the client: it says what is wrong and how to
// mend it, and never holds a secret, a path of the server or another tenant's data. Codes whose
// `internal` is set show a fixed sentence instead, and their detail goes to the log only.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitvault {

enum class Code : std::uint8_t {
  kMalformed,
  kCursorInvalid,
  kUnauthenticated,
  kForbidden,
  kTypeReserved,
  kNotFound,
  kMethodNotAllowed,
  kTimeout,
  kConflict,
  kIdConflict,
  kCursorReset,
  kTenantDeleting,
  kEventPruned,
  kEventErased,
  kTooLarge,
  kUnsupportedMediaType,
  kInvalid,
  kTypeUnknown,
  kEventInvalid,
  kRateLimited,
  kHeadersTooLarge,
  kUnavailable,     // the store refuses writes or cannot read: nothing happened, try again
  kOutcomeUnknown,  // the store failed while it committed: repeat with the same event id
  kInternal,
};

// One thing wrong with one value of a request: `path` is a dotted path below the event or body.
struct Violation {
  std::size_t index = 0;  // of the event in the request, 0-based
  std::string path;
  std::string message;
  bool operator==(const Violation&) const = default;
};

struct Error {
  Code code = Code::kInternal;
  std::string detail;
  std::vector<Violation> violations;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

struct CodeInfo {
  std::string_view name;
  unsigned http_status;
  std::string_view title;
  bool internal;
};

const CodeInfo& info(Code code);

// Makes the unexpected value of a Result: return fail(Code::kInvalid, "limit must be 1 to 1000").
[[nodiscard]] inline std::unexpected<Error> fail(Code code, std::string detail) {
  return std::unexpected(Error{code, std::move(detail), {}});
}
[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

}  // namespace bitvault
