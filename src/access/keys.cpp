#include "access/keys.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"

namespace bitvault {
namespace {

namespace json = boost::json;

constexpr Collection kKeys("key");
constexpr std::string_view kOperatorSetting = "operator_key_sha256";
constexpr std::string_view kOperatorPrefix = "bvk_operator_";
constexpr std::size_t kTokenBytesMax = 256;

std::string hash_of(std::string_view token) { return hex(sha256(token)); }

std::unexpected<Error> unauthenticated() {
  return fail(Code::kUnauthenticated,
              "give a valid API key as \"Authorization: Bearer bvk_...\" (the operator's is in the "
              "file operator.key of the server's data folder)");
}

std::string random_text(Random& random, std::size_t bytes) {
  std::string raw(bytes, '\0');
  random.fill(std::as_writable_bytes(std::span(raw)));
  // The separators of a token may not stand inside its parts.
  std::string text = base64url(as_bytes(raw));
  for (char& c : text) {
    c = c == '_' ? 'x' : c == '-' ? 'y' : c;
  }
  return text;
}

std::string to_record(const Key& key, const std::string& hash) {
  json::array scopes;
  for (const Scope scope : key.description.scopes.list()) {
    scopes.emplace_back(scope_name(scope));
  }
  json::object record{{"name", key.description.name},
                      {"hash", hash},
                      {"scopes", std::move(scopes)},
                      {"created", format_time(key.created)}};
  if (key.description.expires) {
    record["expires"] = format_time(*key.description.expires);
  }
  if (key.description.user) {
    record["user"] = *key.description.user;
  }
  return json::serialize(record);
}

struct KeyRecord {
  Key key;
  std::string hash;
};

// Reads what to_record() wrote; anything else is a broken store.
Result<KeyRecord> from_record(const Record& record) {
  boost::system::error_code error;
  const json::value parsed = json::parse(record.value, error);
  const json::object* object = parsed.if_object();
  const json::value* scopes = object != nullptr ? object->if_contains("scopes") : nullptr;
  if (error || scopes == nullptr || !scopes->is_array()) {
    return fail(Code::kInternal, "the record of key " + record.key + " cannot be read");
  }
  const auto text = [&](const char* name) -> std::optional<std::string> {
    const json::value* value = object->if_contains(name);
    return value != nullptr && value->is_string() ? std::optional(std::string(value->get_string()))
                                                  : std::nullopt;
  };
  KeyRecord read;
  read.key.id = record.key;
  read.hash = text("hash").value_or("");
  read.key.description.name = text("name").value_or("");
  read.key.description.user = text("user");
  for (const json::value& name : scopes->get_array()) {
    const auto scope = name.is_string() ? parse_scope(std::string_view(name.get_string()))
                                        : std::optional<Scope>();
    if (scope) {  // one of a later version is none of ours
      read.key.description.scopes.add(*scope);
    }
  }
  if (const auto created = text("created")) {
    read.key.created = parse_time(*created).value_or(WallTime{});
  }
  if (const auto expires = text("expires")) {
    read.key.description.expires = parse_time(*expires).value_or(WallTime{});
  }
  return read;
}

struct TokenParts {
  TenantName tenant;
  std::string id;
};

// bvk_<tenant>_<id>_<secret>; the parts hold no underscore.
std::optional<TokenParts> split(std::string_view token) {
  if (!token.starts_with("bvk_")) {
    return std::nullopt;
  }
  token.remove_prefix(4);
  const std::size_t first = token.find('_');
  const std::size_t second = token.find('_', first == token.npos ? first : first + 1);
  if (first == token.npos || second == token.npos) {
    return std::nullopt;
  }
  auto tenant = TenantName::parse(token.substr(0, first));
  if (!tenant) {
    return std::nullopt;
  }
  return TokenParts{std::move(*tenant),
                    "key_" + std::string(token.substr(first + 1, second - first - 1))};
}

}  // namespace

std::optional<Result<Principal>> Keys::cached(const std::string& hash) {
  const std::lock_guard lock(mutex_);
  const auto entry = cache_.find(hash);
  if (entry == cache_.end() || entry->second.fresh_until <= world_.clock().monotonic()) {
    return std::nullopt;
  }
  if (entry->second.expires && *entry->second.expires <= world_.clock().wall()) {
    return unauthenticated();
  }
  return entry->second.principal;
}

std::uint64_t Keys::generation() {
  const std::lock_guard lock(mutex_);
  return generation_;
}

void Keys::remember(const std::string& hash, Cached entry, std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  if (generation != generation_) {
    return;
  }
  if (cache_.size() >= kCacheEntriesMax) {
    cache_.clear();
  }
  cache_.insert_or_assign(hash, std::move(entry));
}

Task<Result<Keys::Cached>> Keys::look_up(const std::string& token, const std::string& hash) {
  const MonotonicTime fresh_until = world_.clock().monotonic() + kCacheTime;
  Result<std::optional<std::string>> operator_hash =
      co_await store_.setting(std::string(kOperatorSetting));
  if (!operator_hash) {
    co_return fail(std::move(operator_hash.error()));
  }
  if (*operator_hash && equal_in_constant_time(as_bytes(**operator_hash), as_bytes(hash))) {
    co_return Cached{{std::nullopt, "operator", Scopes::all(), std::nullopt}, {}, fresh_until};
  }
  const auto parts = split(token);
  if (!parts) {
    co_return unauthenticated();
  }
  Result<std::optional<std::string>> value = co_await store_.get(parts->tenant, kKeys, parts->id);
  if (!value) {
    const Code code = value.error().code;
    if (code == Code::kNotFound || code == Code::kTenantDeleting) {
      co_return unauthenticated();
    }
    co_return fail(std::move(value.error()));
  }
  if (!*value) {
    co_return unauthenticated();
  }
  Result<KeyRecord> record = from_record({parts->id, **value});
  if (!record) {
    co_return fail(std::move(record.error()));
  }
  const KeyDescription& description = record->key.description;
  if (!equal_in_constant_time(as_bytes(record->hash), as_bytes(hash)) ||
      (description.expires && *description.expires <= world_.clock().wall())) {
    co_return unauthenticated();
  }
  co_return Cached{{parts->tenant, parts->id, description.scopes, description.user},
                   description.expires,
                   fresh_until};
}

Task<Result<Principal>> Keys::authenticate(std::string token) {
  if (token.empty() || token.size() > kTokenBytesMax) {
    co_return unauthenticated();
  }
  const std::string hash = hash_of(token);
  if (auto known = cached(hash)) {
    co_return std::move(*known);
  }
  const std::uint64_t before = generation();
  Result<Cached> found = co_await look_up(token, hash);
  if (!found) {
    co_return fail(std::move(found.error()));
  }
  Principal principal = found->principal;
  remember(hash, std::move(*found), before);
  co_return principal;
}

Task<bool> Keys::still_open(std::string token, TenantName tenant, Scope scope) {
  const Result<Principal> caller = co_await authenticate(std::move(token));
  if (!caller) {
    co_return caller.error().code != Code::kUnauthenticated;
  }
  co_return caller->is_operator() || (caller->tenant == tenant && caller->scopes.has(scope));
}

Task<Result<NewKey>> Keys::create(TenantName tenant, KeyDescription description) {
  Key key{"key_" + random_text(world_.random(), 9), std::move(description), world_.clock().wall()};
  const std::string token =
      "bvk_" + tenant.str() + "_" + key.id.substr(4) + "_" + random_text(world_.random(), 32);
  Transaction transaction(tenant);
  transaction.expect(kKeys, key.id, std::nullopt);
  transaction.put(kKeys, key.id, to_record(key, hash_of(token)));
  Result<Committed> committed = co_await store_.commit(std::move(transaction));
  if (!committed) {
    co_return fail(std::move(committed.error()));
  }
  co_return NewKey{std::move(key), token};
}

Task<Result<ListPage<Key>>> Keys::list(TenantName tenant, std::string after, std::size_t limit) {
  Result<ListPage<Record>> records =
      co_await store_.scan(std::move(tenant), kKeys, "", std::move(after), limit);
  if (!records) {
    co_return fail(std::move(records.error()));
  }
  ListPage<Key> page{{}, records->more};
  for (const Record& record : records->items) {
    Result<KeyRecord> read = from_record(record);
    if (!read) {
      co_return fail(std::move(read.error()));
    }
    page.items.push_back(std::move(read->key));
  }
  co_return page;
}

Task<Status> Keys::revoke(TenantName tenant, std::string id) {
  Result<std::optional<std::string>> present = co_await store_.get(tenant, kKeys, id);
  if (!present) {
    co_return fail(std::move(present.error()));
  }
  if (!*present) {
    co_return fail(Code::kNotFound, "the tenant has no key " + id);
  }
  Transaction transaction(tenant);
  transaction.erase(kKeys, id);
  Result<Committed> committed = co_await store_.commit(std::move(transaction));
  forget(tenant);  // also when the outcome is not known
  if (!committed) {
    co_return fail(std::move(committed.error()));
  }
  co_return Status{};
}

void Keys::forget(const TenantName& tenant) {
  const std::lock_guard lock(mutex_);
  ++generation_;
  std::erase_if(cache_, [&](const auto& entry) { return entry.second.principal.tenant == tenant; });
}

Task<Status> Keys::set_operator_key(std::string token) {
  // What a header can carry behind "Bearer ".
  const bool sendable = std::ranges::all_of(token, [](char c) { return c >= ' ' && c < 0x7f; });
  if (token.size() < 20 || token.size() > kTokenBytesMax || !sendable) {
    co_return fail(Code::kInvalid,
                   "an operator key is one line of 20 to 256 printable ASCII characters");
  }
  Status stored = co_await store_.put_setting(std::string(kOperatorSetting), hash_of(token));
  const std::lock_guard lock(mutex_);
  ++generation_;
  cache_.clear();
  co_return stored;
}

Task<Result<bool>> Keys::has_operator_key() {
  Result<std::optional<std::string>> hash = co_await store_.setting(std::string(kOperatorSetting));
  if (!hash) {
    co_return fail(std::move(hash.error()));
  }
  co_return hash->has_value();
}

std::string Keys::make_operator_token() {
  return std::string(kOperatorPrefix) + random_text(world_.random(), 32);
}

}  // namespace bitvault
