// API keys. The first byte chooses a text to begin with, the next ones change it, two a change: the
// place and the new byte. What is left of the input is a name of a scope.

#include <algorithm>
#include <array>
#include <string>

#include "access/keys.h"
#include "cli/settings.h"
#include "fuzz.h"
#include "memory_store.h"
#include "tests/store/single_thread.h"
#include "tests/store/test_world.h"

namespace bitvault::fuzz {
namespace {

constexpr std::size_t kChangesMax = 3;

// Two tenants, each with a key, and an operator.
struct Installation {
  test::TestWorld world;
  MemoryStore store{world.clock()};
  test::SingleThread thread;
  std::array<std::string, 3> tokens;  // of acme, of other, of the operator

  Installation() {
    Keys keys(world, store);
    for (std::size_t i = 0; i < 2; ++i) {
      const TenantName name = TenantName::parse(i == 0 ? "acme" : "other").value();
      check(thread.run(store.put_tenant(name, {})).has_value(), "a tenant is made");
      KeyDescription description{.name = "k", .scopes = {}, .expires = {}, .user = {}};
      description.scopes.add(Scope::kEventsRead);
      tokens.at(i) = thread.run(keys.create(name, description)).value().token;
    }
    tokens[2] = keys.make_operator_token();
    check(thread.run(keys.set_operator_key(tokens[2])).has_value(), "an operator's key is set");
  }
};

std::string changed(std::string text, std::string_view& changes) {
  for (std::size_t i = 0; i < kChangesMax && changes.size() >= 2 && !text.empty(); ++i) {
    text[static_cast<unsigned char>(changes[0]) % text.size()] = changes[1];
    changes.remove_prefix(2);
  }
  return text;
}

// A key opens what it was made for, and a text that is none opens nothing.
void check_token(Installation& made, const std::string& token) {
  Keys keys(made.world, made.store);
  const Result<Principal> first = made.thread.run(keys.authenticate(token));
  const Result<Principal> again = made.thread.run(keys.authenticate(token));
  check(first.has_value() == again.has_value(), "a key that is remembered is the same key");
  if (!first) {
    check(first.error().code == Code::kUnauthenticated, "a text is a key or it is none");
    check(std::ranges::find(made.tokens, token) == made.tokens.end(), "a key is one");
    return;
  }
  check(again->tenant == first->tenant && again->scopes == first->scopes,
        "a key that is remembered is the same key");
  check(first->is_operator() ? token == made.tokens[2]
                             : token == made.tokens.at(first->tenant->str() == "acme" ? 0 : 1),
        "only the key itself opens");
  const auto key = cli::ApiKey::parse(token);
  check(key && key->tenant() == first->tenant, "the command line reads a key's tenant from it");
}

void check_scope(std::string_view name) {
  const auto scope = parse_scope(name);
  check(!scope || scope_name(*scope) == name, "a scope has one name");
}

void run(std::string_view input) {
  static Installation made;
  if (input.empty()) {
    return;
  }
  const auto choice = static_cast<unsigned char>(input.front()) % (made.tokens.size() + 1);
  input.remove_prefix(1);
  if (choice == made.tokens.size()) {
    check_token(made, std::string(input));
  } else {
    check_token(made, changed(made.tokens.at(choice), input));
  }
  check_scope(input);
}

const Registered kAccess({"access", run});

}  // namespace
}  // namespace bitvault::fuzz
