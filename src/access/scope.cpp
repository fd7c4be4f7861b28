#include "access/scope.h"

#include <array>

namespace bitvault {
namespace {

constexpr std::array<std::string_view, 9> kNames = {
    "events:read",          "events:write", "webhooks:manage", "sinks:manage", "functions:manage",
    "notifications:manage", "log:read",     "inbox:read",      "admin"};

}  // namespace

std::string_view scope_name(Scope scope) { return kNames[static_cast<std::size_t>(scope)]; }

std::optional<Scope> parse_scope(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) {
      return static_cast<Scope>(i);
    }
  }
  return std::nullopt;
}

std::vector<Scope> Scopes::list() const {
  std::vector<Scope> scopes;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (has(static_cast<Scope>(i))) {
      scopes.push_back(static_cast<Scope>(i));
    }
  }
  return scopes;
}

}  // namespace bitvault
