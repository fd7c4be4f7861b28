#include "base/error.h"

namespace bitvault {

const CodeInfo& info(Code code) {
  static constexpr CodeInfo kTable[] = {
      {"malformed", 400, "The request is malformed", false},
      {"cursor_invalid", 400, "The cursor is not valid", false},
      {"unauthenticated", 401, "No valid API key was given", false},
      {"forbidden", 403, "The key does not allow this", false},
      {"type_reserved", 403, "Only the server may emit this type", false},
      {"not_found", 404, "Not found", false},
      {"method_not_allowed", 405, "The method is not allowed here", false},
      {"timeout", 408, "The request did not arrive in time", false},
      {"conflict", 409, "The request conflicts with the present state", false},
      {"id_conflict", 409, "An event with this id exists with other members", false},
      {"cursor_reset", 409, "The cursor cannot be continued from", false},
      {"tenant_deleting", 409, "The tenant is being deleted", false},
      {"event_pruned", 410, "The event is past its retention", false},
      {"event_erased", 410, "The event was erased", false},
      {"too_large", 413, "The request is too large", false},
      {"unsupported_media_type", 415, "The media type is not supported", false},
      {"invalid", 422, "The request is not valid", false},
      {"type_unknown", 422, "The event type is not in the catalog", false},
      {"event_invalid", 422, "The event's data does not meet its schema", false},
      {"rate_limited", 429, "Too many requests", false},
      {"headers_too_large", 431, "The request's headers are too large", false},
      {"unavailable", 503, "The store is not available", true},
      {"outcome_unknown", 503, "The outcome of the write is not known", true},
      {"internal", 500, "Internal error", true},
  };
  static_assert(std::size(kTable) == static_cast<std::size_t>(Code::kInternal) + 1);
  return kTable[static_cast<std::size_t>(code)];
}

}  // namespace bitvault
